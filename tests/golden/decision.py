"""Makes decision.json: what the rule of models/convert/strangers.py answers for the faces of reference.json."""
import json,sys
import numpy as np
from pathlib import Path
root=Path(__file__).resolve().parents[2]
sys.path.insert(0,str(root/'models/convert'))
from strangers import Strangers,unit,stranger_probability,threshold
ref=json.load(open(root/'tests/golden/reference.json'))
photos=ref if isinstance(ref,list) else ref['photos']
out={}
for model,file in (('vggface2','strangers-vggface2-margin0'),('casia','strangers-casia-margin32')):
    st=Strangers.load(root/f'models/{file}.safetensors')
    keys=[];x=[]
    for p in photos:
        for i,f in enumerate(p['faces']):
            if model in f.get('embeddings',{}): keys.append([p['photo'],i]); x.append(f['embeddings'][model]['standard'])
    x=unit(np.array(x,np.float32)); y=st.project(x)
    place,scale=st.place(y)
    ob=[k for k,key in enumerate(keys) if key[0] in('obama.jpg','obama2.jpg','obama3.jpg')]
    t=unit(y[ob].mean(0))[None]
    S=st.score(y,np.ones(len(y)),y); T=st.score(t,np.array([len(ob)]),y)[0]
    out[model]=dict(file=file+'.safetensors',faces=keys,location=[round(float(v),6) for v in place],scale=[round(float(v),6) for v in scale],
        scores=[[round(float(v),4) for v in r] for r in S],template_of=[keys[k] for k in ob],template_scores=[round(float(v),4) for v in T])
    print(model,len(keys),len(ob),np.round(T,2))
out['thresholds']=[[r,n,round(float(threshold(r,n)),6)] for r in (1e-6,1e-3,.01,.1,.5) for n in (1,30,700,100000)]
out['stranger_probabilities']=[[s,n,float('%.6g'%stranger_probability(s,n))] for s in (0.,2.,4.,6.) for n in (1,30,700)]
json.dump(out,open(root/'tests/golden/decision.json','w'),separators=(',',':'))
