//! Loading the networks: from arguments to a ready pipeline.

use std::sync::Arc;

use crate::config::{Compat, EngineName, KernelName, ModelArgs, PrecisionName};
use crate::detect::DetectParams;
use crate::embed::Standardisation;
use crate::error::{DataError, ModelError, Result};
use crate::gallery::Recipe;
use crate::hex::short_hex;
use crate::imaging::OrientedRgb;
use crate::imaging::decode::DecodeLimits;
use crate::imaging::orient::Orientations;
use crate::models::{ModelStore, SHIPPED_EMBEDDER};
use crate::nn::native::{Isa, NativeDetector, NativeFaceNet, Precision};
use crate::nn::tract::{TractDetector, TractFaceNet};
use crate::nn::{DetectorNets, FaceNet};
use crate::pipeline::{Pipeline, PipelineParams};

/// Crop margin of new galleries, pixels of the 160-pixel crop. Measured on LFW: both embedders are most accurate
/// near it.
pub const NEW_GALLERY_MARGIN_PX: u32 = 32;
/// The embedder of new galleries, where it is installed.
const PREFERRED_EMBEDDER: &str = "vggface2";
/// Side of the blank photo that warms up the networks, pixels.
const WARM_UP_SIDE: usize = 160;

/// Loaded networks, and the embedder's identity.
pub struct LoadedModels {
    /// Ready to run.
    pub pipeline: Pipeline,
    /// Name of the embedder.
    pub model: String,
    /// SHA-256 of the embedder's file.
    pub model_sha256: [u8; 32],
    /// The embedder's default threshold, cosine distance.
    pub threshold: f32,
}

impl LoadedModels {
    /// Networks that are in memory. `threshold` is the embedder's default, cosine distance.
    #[must_use]
    pub fn new(
        nets: Arc<dyn DetectorNets>,
        facenet: Arc<dyn FaceNet>,
        params: PipelineParams,
        model: String,
        model_sha256: [u8; 32],
        threshold: f32,
    ) -> Self {
        Self { pipeline: Pipeline::new(nets, facenet, params), model, model_sha256, threshold }
    }

    /// The recipe of a new gallery.
    #[must_use]
    pub fn new_recipe(&self) -> Recipe {
        Recipe {
            model: self.model.clone(),
            model_sha256: Some(self.model_sha256),
            margin_px: NEW_GALLERY_MARGIN_PX,
        }
    }

    /// Runs the detector once: the first inference allocates what later ones reuse.
    ///
    /// # Errors
    /// [`Error::Model`](crate::error::Error::Model) when a network can't be run.
    pub fn warm_up(&self) -> Result<()> {
        let pixels = vec![127; WARM_UP_SIDE * WARM_UP_SIDE * 3];
        if let Some(photo) = OrientedRgb::from_upright(WARM_UP_SIDE, WARM_UP_SIDE, pixels) {
            self.pipeline.detect(&photo)?;
        }
        Ok(())
    }

    /// The identity of the embedder.
    #[must_use]
    pub fn embedder(&self) -> LoadedEmbedder {
        LoadedEmbedder { model: self.model.clone(), sha256: self.model_sha256 }
    }
}

/// The embedder for an existing gallery: the gallery's own.
///
/// # Errors
/// [`Error::Data`](crate::error::Error::Data) when the arguments ask for another one.
pub fn model_of_gallery(args: &ModelArgs, recipe: &Recipe) -> Result<String> {
    match args.model {
        Some(asked) if asked.as_str() != recipe.model => Err(DataError::Invalid(format!(
            "the gallery was made with the model {}, but --model asks for {}: embeddings of one are noise to the \
             other. Leave --model out, or enrol again: `facerec enroll PEOPLE_DIR --data DIR --model {} --replace`",
            recipe.model,
            asked.as_str(),
            asked.as_str()
        ))
        .into()),
        _ => Ok(recipe.model.clone()),
    }
}

/// The embedder for a new gallery: the one asked for, else vggface2 when installed, else casia.
///
/// # Errors
/// [`Error::Model`](crate::error::Error::Model) when the manifest is broken.
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
/// [`Error::Model`](crate::error::Error::Model) when a file is missing, altered or not such a network.
pub fn load(args: &ModelArgs, model: &str, compat: Compat) -> Result<LoadedModels> {
    let store = ModelStore::new(args.models.as_deref())?;
    let [pnet, rnet, onet] = store.detector()?;
    let (facenet, model_sha256) = store.embedder(model)?;
    let (nets, facenet): (Arc<dyn DetectorNets>, Arc<dyn FaceNet>) = match args.engine {
        EngineName::Native => {
            let isa = isa(args.kernel);
            (
                Arc::new(NativeDetector::load_with(isa, &pnet, &rnet, &onet)?),
                Arc::new(NativeFaceNet::load_with(isa, precision(args.precision, isa), &facenet)?),
            )
        }
        EngineName::Tract => {
            (Arc::new(TractDetector::load(&pnet, &rnet, &onet)?), Arc::new(TractFaceNet::load(&facenet)?))
        }
    };
    let threshold = store.manifest().embedder(model)?.default_threshold.ok_or_else(|| {
        ModelError::Builtin(format!("the manifest gives no default threshold for the embedder {model}"))
    })?;
    let params = pipeline_params(args, compat);
    Ok(LoadedModels::new(nets, facenet, params, model.to_owned(), model_sha256, threshold))
}

/// The instruction set of that name, which this CPU may lack.
#[must_use]
pub fn isa(name: KernelName) -> Isa {
    match name {
        KernelName::Auto => Isa::detect(),
        KernelName::Scalar => Isa::Scalar,
        KernelName::Neon => Isa::Neon,
        KernelName::Avx2 => Isa::Avx2,
        KernelName::Avx512 => Isa::Avx512,
    }
}

/// The precision of that name on an instruction set.
#[must_use]
pub fn precision(name: PrecisionName, isa: Isa) -> Precision {
    match name {
        PrecisionName::Auto => Precision::fastest(isa),
        PrecisionName::F32 => Precision::F32,
        PrecisionName::Int16 => Precision::Int16,
    }
}

/// The pipeline's settings in a compatibility profile.
#[must_use]
pub fn pipeline_params(args: &ModelArgs, compat: Compat) -> PipelineParams {
    let (orientations, probe_standardisation) = match compat {
        Compat::Standard => (Orientations::All, Standardisation::FixedImage),
        Compat::Flask => (Orientations::RotationsOnly, Standardisation::FlaskDoubled),
    };
    PipelineParams {
        limits: DecodeLimits { max_megapixels: args.limits.max_megapixels },
        orientations,
        detect: DetectParams {
            min_face_px: args.min_face_px,
            max_faces: args.max_faces,
            ..DetectParams::default()
        },
        probe_standardisation,
    }
}

/// The identity of the loaded embedder; a changed gallery must have been made with it.
#[derive(Debug, Clone)]
pub struct LoadedEmbedder {
    model: String,
    sha256: [u8; 32],
}

impl LoadedEmbedder {
    /// Checks that a gallery was made with this embedder; warns when it was made with another file of it.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) for a gallery of another embedder.
    pub fn check(&self, recipe: &Recipe) -> Result<()> {
        if recipe.model != self.model {
            return Err(DataError::Invalid(format!(
                "the gallery was made with the model {}, but {} is loaded: restart the service to use it",
                recipe.model, self.model
            ))
            .into());
        }
        if let Some(made_by) = recipe.model_sha256.filter(|sha256| *sha256 != self.sha256) {
            tracing::warn!(
                model = self.model,
                made_by = short_hex(&made_by),
                loaded = short_hex(&self.sha256),
                "the gallery was made by another file of this model: if faces are not recognised, enrol again"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gallery_of_another_model_is_refused_and_one_of_another_file_is_not() {
        let loaded = LoadedEmbedder { model: "casia".to_owned(), sha256: [1; 32] };
        let recipe =
            |model: &str, model_sha256| Recipe { model: model.to_owned(), model_sha256, margin_px: 0 };
        for sha256 in [None, Some([1; 32]), Some([2; 32])] {
            loaded.check(&recipe("casia", sha256)).unwrap();
        }
        assert_eq!(
            loaded.check(&recipe("vggface2", None)).unwrap_err().to_string(),
            "the gallery was made with the model vggface2, but casia is loaded: restart the service to use it"
        );
    }
}
