//! The networks for the tests, loaded once for the whole run.

use std::sync::{Arc, LazyLock};

use facerec::models::ModelStore;
use facerec::nn::native::{Isa, NativeDetector, NativeFaceNet, Precision};
use facerec::nn::tract::{TractDetector, TractFaceNet};
use facerec::nn::{DetectorNets, FaceNet};

/// One way to run the networks.
#[derive(Clone)]
pub struct Engine {
    pub name: &'static str,
    pub nets: Arc<dyn DetectorNets>,
    pub casia: Arc<dyn FaceNet>,
    /// Where it is installed.
    pub vggface2: Option<Arc<dyn FaceNet>>,
}

impl Engine {
    /// The embedders that are there, by name.
    pub fn embedders(&self) -> Vec<(&'static str, Arc<dyn FaceNet>)> {
        let vggface2 = self.vggface2.clone().map(|net| ("vggface2", net));
        [("casia", self.casia.clone())].into_iter().chain(vggface2).collect()
    }
}

pub fn store() -> ModelStore {
    ModelStore::new(None).expect("the manifest is sound")
}

/// The bytes of vggface2, or `None` with a word in the test run's output.
pub fn vggface2_bytes() -> Option<Vec<u8>> {
    static SAID: std::sync::Once = std::sync::Once::new();
    let store = store();
    if !store.installed("vggface2") {
        SAID.call_once(|| {
            super::say("NOTE: vggface2 is not installed; its goldens are NOT checked in this run.");
        });
        return None;
    }
    Some(store.embedder("vggface2").expect("an installed model is whole").0)
}

/// tract.
pub static TRACT: LazyLock<Engine> = LazyLock::new(|| {
    let [pnet, rnet, onet] = store().detector().expect("the shipped networks are whole");
    let casia = store().embedder("casia").expect("the shipped embedder is whole").0;
    let facenet = |bytes: &[u8]| Arc::new(TractFaceNet::load(bytes).unwrap()) as Arc<dyn FaceNet>;
    Engine {
        name: "tract",
        nets: Arc::new(TractDetector::load(&pnet, &rnet, &onet).unwrap()),
        casia: facenet(&casia),
        vggface2: vggface2_bytes().map(|bytes| facenet(&bytes)),
    }
});

/// The project's own kernels, the fastest that this processor has.
pub static NATIVE: LazyLock<Engine> =
    LazyLock::new(|| Engine { name: "native", ..native(Isa::detect(), Precision::F32) });

/// The native engine on an instruction set, which the CPU must have.
pub fn native(isa: Isa, precision: Precision) -> Engine {
    let [pnet, rnet, onet] = store().detector().expect("the shipped networks are whole");
    let casia = store().embedder("casia").expect("the shipped embedder is whole").0;
    let facenet =
        |bytes: &[u8]| Arc::new(NativeFaceNet::load_with(isa, precision, bytes).unwrap()) as Arc<dyn FaceNet>;
    Engine {
        name: isa.name(),
        nets: Arc::new(NativeDetector::load_with(isa, &pnet, &rnet, &onet).unwrap()),
        casia: facenet(&casia),
        vggface2: vggface2_bytes().map(|bytes| facenet(&bytes)),
    }
}
