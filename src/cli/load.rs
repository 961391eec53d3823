//! From arguments to loaded networks.

use std::sync::Arc;

use anyhow::bail;

use crate::config::{Compat, EngineName, KernelName, ModelArgs};
use crate::detect::DetectParams;
use crate::embed::Standardisation;
use crate::error::{ModelError, Result};
use crate::gallery::Recipe;
use crate::imaging::decode::DecodeLimits;
use crate::imaging::orient::Orientations;
use crate::models::{ModelStore, SHIPPED_EMBEDDER};
use crate::nn::native::{Isa, NativeDetector, NativeFaceNet};
use crate::nn::tract::{TractDetector, TractFaceNet};
use crate::nn::{DetectorNets, FaceNet};
use crate::pipeline::{Pipeline, PipelineParams};

/// Crop margin of new galleries, pixels of the 160-pixel crop. Measured on LFW: both embedders are
/// at their best near it.
pub const NEW_GALLERY_MARGIN_PX: u32 = 32;
/// The embedder of new galleries, where it is installed.
const PREFERRED_EMBEDDER: &str = "vggface2";

/// Loaded networks, and the embedder's identity.
pub struct Loaded {
    /// Ready to run.
    pub pipeline: Pipeline,
    /// Name of the embedder.
    pub model: String,
    /// SHA-256 of the embedder's file.
    pub model_sha256: [u8; 32],
    /// The embedder's default threshold, cosine distance.
    pub threshold: f32,
}

impl Loaded {
    /// The recipe of a gallery made now.
    #[must_use]
    pub fn new_recipe(&self) -> Recipe {
        Recipe {
            model: self.model.clone(),
            model_sha256: Some(self.model_sha256),
            margin_px: NEW_GALLERY_MARGIN_PX,
        }
    }
}

/// The embedder for an existing gallery: its own.
///
/// # Errors
/// When another one is asked for.
pub fn model_of_gallery(args: &ModelArgs, recipe: &Recipe) -> anyhow::Result<String> {
    match args.model {
        Some(asked) if asked.as_str() != recipe.model => bail!(
            "the gallery was made with the model {}, but --model asks for {}: embeddings of one are noise to the \
             other. Leave --model out, or enrol again: `facerec enroll PEOPLE_DIR --data DIR --model {} --replace`",
            recipe.model,
            asked.as_str(),
            asked.as_str()
        ),
        _ => Ok(recipe.model.clone()),
    }
}

/// The embedder for a new gallery: the one asked for, else vggface2 when installed, else casia.
///
/// # Errors
/// When the manifest is broken.
pub fn model_of_new_gallery(args: &ModelArgs) -> Result<String> {
    if let Some(asked) = args.model {
        return Ok(asked.as_str().to_owned());
    }
    let store = ModelStore::new(args.models.as_deref())?;
    let name = if store.installed(PREFERRED_EMBEDDER) { PREFERRED_EMBEDDER } else { SHIPPED_EMBEDDER };
    Ok(name.to_owned())
}

/// Loads MTCNN and the embedder `model`.
///
/// # Errors
/// [`crate::error::Error::Model`] when a file is missing, altered or no such network.
pub fn load(args: &ModelArgs, model: &str, compat: Compat) -> Result<Loaded> {
    let store = ModelStore::new(args.models.as_deref())?;
    let [pnet, rnet, onet] = store.detector()?;
    let (facenet, model_sha256) = store.embedder(model)?;
    let (nets, facenet): (Arc<dyn DetectorNets>, Arc<dyn FaceNet>) = match args.engine {
        EngineName::Native => {
            let kernel = kernel(args.kernel);
            (
                Arc::new(NativeDetector::load_with(kernel, &pnet, &rnet, &onet)?),
                Arc::new(NativeFaceNet::load_with(kernel, &facenet)?),
            )
        }
        EngineName::Tract => {
            (Arc::new(TractDetector::load(&pnet, &rnet, &onet)?), Arc::new(TractFaceNet::load(&facenet)?))
        }
    };
    let threshold = store.manifest().embedder(model)?.default_threshold.ok_or_else(|| {
        ModelError::Builtin(format!("the manifest gives no default threshold for the embedder {model}"))
    })?;
    let pipeline = Pipeline::new(nets, facenet, params(args, compat));
    Ok(Loaded { pipeline, model: model.to_owned(), model_sha256, threshold })
}

/// The kernel of that name, which this CPU may not have.
pub(super) fn kernel(name: KernelName) -> Isa {
    match name {
        KernelName::Auto => Isa::detect(),
        KernelName::Scalar => Isa::Scalar,
        KernelName::Avx2 => Isa::Avx2,
        KernelName::Avx512 => Isa::Avx512,
    }
}

fn params(args: &ModelArgs, compat: Compat) -> PipelineParams {
    let (orientations, probe_standardisation) = match compat {
        Compat::Standard => (Orientations::All, Standardisation::FixedImage),
        Compat::Flask => (Orientations::RotationsOnly, Standardisation::FlaskDoubled),
    };
    PipelineParams {
        limits: DecodeLimits { max_megapixels: args.limits.max_megapixels },
        orientations,
        detect: DetectParams { min_face_px: args.min_face_px, ..DetectParams::default() },
        probe_standardisation,
    }
}
