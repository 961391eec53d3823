"""Which measure of a photo's quality predicts best that the person is not recognised on it: a table of docs/accuracy.md.

    python quality_measures.py FACEREC PEOPLE_DIR MODELS_DIR EMBEDDER.onnx STRANGERS.safetensors [--people 60] [--model casia]

Photos, people and what makes them worse are those of quality_curve.py: the mean of the first two photos of each person is the template,
versions of the others are scored against it (strangers.py). Printed for each measure, over all versions and over the photos as they are:
the rank correlation with the score, and for telling those below the threshold of a rate of 1 % the area under the ROC curve, 50 % by chance.
The norm is that of the embedder's output before it is normalised.
"""
import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from scipy.stats import rankdata, spearmanr

from quality_curve import prepare, run, sharpness
from strangers import Strangers, threshold, unit

RATE = 0.01
SIDE, MARGIN = 160, 32


def largest_faces(facerec, paths, common):
    """-> {path: the largest face that inspect finds}"""
    found = {}
    for start in range(0, len(paths), 200):
        said = run(facerec, "inspect", "--margin-px", MARGIN, *common, *paths[start : start + 200])
        for path, photo in zip(paths[start : start + 200], json.loads(said)):
            faces = [face for face in photo.get("faces", []) if "embeddings" in face]  # none of an unsure face
            if faces:
                found[str(path)] = max(faces, key=lambda face: area(face["box"]))
    return found


def area(box):
    return (box[2] - box[0]) * (box[3] - box[1])


def before_normalisation(path):
    """The network up to what its last division normalises."""
    graph = onnx.load(path)
    last = graph.graph.node[-1]
    graph.graph.output.append(onnx.helper.make_tensor_value_info(last.input[0], onnx.TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(graph.SerializeToString()), last.input[0]


def norm(session, output, photo, box):
    crop = Image.open(photo).convert("RGB").crop([round(v) for v in box]).resize((SIDE, SIDE), Image.BOX)
    pixels = (np.asarray(crop, np.float32) - 127.5) / 128
    (raw,) = session.run([output], {session.get_inputs()[0].name: pixels.transpose(2, 0, 1)[None]})
    return float(np.linalg.norm(raw))


def pose(landmarks):
    """Degrees of roll, and how far the nose is from the middle of the eyes, in distances between these."""
    left, right, nose = (np.array(landmarks[at]) for at in range(3))
    across = right - left
    width = max(np.linalg.norm(across), 1e-6)
    return abs(np.degrees(np.arctan2(across[1], across[0]))), abs((nose - (left + right) / 2) @ across) / width**2


def measures(face, photo, sharp, session, output):
    roll, yaw = pose(face["landmarks"])
    return {
        "sharpness at the face's own scale": sharp,
        "width of the face": face["box"][2] - face["box"][0],
        "probability of the detector": face["probability"],
        "norm of the embedding": norm(session, output, photo, face["crop_box"]),
        "roll": -roll,
        "yaw": -yaw,
    }


def auc(value, bad):
    """Chance that a photo that is not recognised has a lower value than one that is."""
    ranks, lost = rankdata(value), int(bad.sum())
    kept = len(value) - lost
    return 1 - (ranks[bad].sum() - lost * (lost + 1) / 2) / (lost * kept) if lost and kept else float("nan")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("facerec", type=Path)
    ap.add_argument("people_dir", type=Path)
    ap.add_argument("models_dir", type=Path)
    ap.add_argument("embedder", type=Path)
    ap.add_argument("strangers", type=Path)
    ap.add_argument("--people", type=int, default=60)
    ap.add_argument("--model", default="casia")
    a = ap.parse_args()
    common = ("--models", a.models_dir, "--model", a.model)
    st, (session, output) = Strangers.load(a.strangers), before_normalisation(a.embedder)
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        probes = prepare(a.people_dir, a.people, work)
        embedding = lambda face: np.array(face["embeddings"][a.model]["standard"], np.float32)
        own = {}
        for path, face in largest_faces(a.facerec, sorted((work / "enrolled").glob("*/*")), common).items():
            own.setdefault(Path(path).parent.name, []).append(embedding(face))
        faces = largest_faces(a.facerec, sorted(probes), common)
        sharp = sharpness(a.facerec, work, common)
        rows, scores, versions = [], [], []
        for path, face in faces.items():
            person, version = probes[path]
            if path not in sharp or person not in own:
                continue
            template = unit(st.project(unit(np.array(own[person]))).mean(0, keepdims=True))
            scores.append(st.score(template, [len(own[person])], st.project(unit(embedding(face)[None])))[0, 0])
            rows.append(measures(face, path, sharp[path], session, output))
            versions.append(version)
    scores, plain = np.array(scores), np.array([version == "as it is" for version in versions])
    bad = scores < threshold(RATE, a.people)
    print(f"{len(scores)} photos, {bad.sum()} not recognised; as they are {plain.sum()}, {bad[plain].sum()}")
    print("| measure | rank correlation, all | as they are | not recognised: AUC |")
    print("|---|---|---|---|")
    for name in rows[0]:
        value = np.array([row[name] for row in rows])
        print(f"| {name} | {spearmanr(value, scores)[0]:.2f} | {spearmanr(value[plain], scores[plain])[0]:.2f} | {auc(value, bad):.1%} |", flush=True)


if __name__ == "__main__":
    main()
