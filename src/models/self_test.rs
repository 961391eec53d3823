//! Self-test of an embedder: its embedding of a known face against the published network's.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::align::AlignedCrop;
use crate::embed::{Embedding, Standardisation, embed};
use crate::error::{Error, ModelError, Result};
use crate::imaging::Window;
use crate::imaging::decode::{DecodeLimits, decode};
use crate::nn::FACENET_SIDE;
use crate::nn::tract::TractFaceNet;

/// The face of scikit-image's `astronaut.png`, cut and resized as the reference does.
const CROP: &[u8] = include_bytes!("../../models/selftest.png");
/// Its embedding by each model, from facenet-pytorch's pipeline and ONNX Runtime.
const EMBEDDINGS: &str = include_str!("../../models/selftest.json");
/// Smallest cosine similarity to the reference embedding that passes. Another summation order in float32 gives
/// 0.999999; other weights give less than 0.5.
pub const MIN_COSINE: f32 = 0.9999;

/// A face and its reference embedding.
#[derive(Debug, Clone)]
pub struct SelfTest {
    crop: AlignedCrop,
    expected: Embedding,
}

impl SelfTest {
    /// A self-test with a given face and reference embedding.
    #[must_use]
    pub fn new(crop: AlignedCrop, expected: Embedding) -> Self {
        Self { crop, expected }
    }

    /// The test of the embedder `model`.
    ///
    /// # Errors
    /// [`Error::Model`] when there is none for it, or the compiled-in face is invalid, which a unit
    /// test rules out.
    pub fn of(model: &str) -> Result<Self> {
        let broken =
            |what: &str| Error::from(ModelError::Builtin(format!("the self-test of {model}: {what}")));
        let mut embeddings: BTreeMap<String, Vec<f32>> =
            serde_json::from_str(EMBEDDINGS).map_err(|reason| broken(&reason.to_string()))?;
        let expected = embeddings.remove(model).and_then(Embedding::new);
        let expected = expected.ok_or_else(|| broken("no known embedding"))?;
        let face = decode(CROP, DecodeLimits { max_megapixels: 1 })?;
        if (face.width, face.height) != (FACENET_SIDE, FACENET_SIDE) {
            return Err(broken("the face has another size than the network's input"));
        }
        let window = Window { x0: 0, y0: 0, x1: FACENET_SIDE, y1: FACENET_SIDE };
        Ok(Self { crop: AlignedCrop { pixels: face.data, window }, expected })
    }

    /// Runs the network of an ONNX file on tract; returns the cosine similarity of its embedding to the reference.
    ///
    /// # Errors
    /// [`Error::Model`] when the file is not such a network, or the similarity is below [`MIN_COSINE`].
    pub fn run(&self, onnx: &[u8]) -> Result<f32> {
        // tract checks its input, but a panic on an untrusted file must not end the program.
        let run = || {
            embed(&TractFaceNet::load(onnx)?, std::slice::from_ref(&self.crop), Standardisation::FixedImage)
        };
        let found = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
            Err(ModelError::Run("the network can't be read or run: tract panicked".into()).into())
        })?;
        let cosine = found.first().map_or(0.0, |found| 1.0 - found.cosine_distance(&self.expected));
        if cosine >= MIN_COSINE {
            return Ok(cosine);
        }
        Err(ModelError::Run(format!(
            "the network failed the self-test: expected a cosine similarity of at least {MIN_COSINE} to the known \
             embedding of a face, found {cosine:.4}. These are the weights of another network"
        ))
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ModelStore;

    #[test]
    fn the_shipped_embedder_passes_and_fails_the_test_of_the_other() {
        let (onnx, _) = ModelStore::new(None).unwrap().embedder("casia").unwrap();
        assert!(SelfTest::of("casia").unwrap().run(&onnx).unwrap() >= MIN_COSINE);
        let message = SelfTest::of("vggface2").unwrap().run(&onnx).unwrap_err().to_string();
        assert!(
            message.contains("failed the self-test: expected a cosine similarity of at least 0.9999"),
            "{message}"
        );
        assert!(SelfTest::of("pnet").is_err());
    }

    #[test]
    fn what_is_no_embedder_is_an_error() {
        let test = SelfTest::of("casia").unwrap();
        let [pnet, ..] = ModelStore::new(None).unwrap().detector().unwrap();
        for bytes in [&b""[..], b"<html>not found</html>", &pnet, &pnet[..1000]] {
            assert!(test.run(bytes).is_err());
        }
    }
}
