//! The whole way from a photo's bytes to recognised faces, synchronous: no runtime, no HTTP, no JSON.

use std::sync::Arc;
use std::time::Duration;

use crate::detect::{CandidateCounts, DetectParams, Detection};
use crate::embed::{Embedding, Standardisation};
use crate::error::Result;
use crate::gallery::Gallery;
use crate::gallery::search::{FaceMatch, MatchParams};
use crate::imaging::OrientedRgb;
use crate::imaging::decode::DecodeLimits;
use crate::imaging::orient::Orientations;
use crate::nn::{DetectorNets, FaceNet};

/// Settings that hold for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PipelineParams {
    /// What is refused before pixels are decoded.
    pub limits: DecodeLimits,
    /// Which EXIF orientations are applied.
    pub orientations: Orientations,
    /// The detector's settings.
    pub detect: DetectParams,
    /// How probes are standardised (galleries always [`Standardisation::Once`]).
    pub probe_standardisation: Standardisation,
}

/// Settings of one call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecognizeParams {
    /// Faces below this probability are dropped.
    pub min_probability: f32,
    /// At most this many faces, the largest; `None` for all.
    pub max_faces: Option<usize>,
    /// How embeddings become names.
    pub matching: MatchParams,
}

/// Time spent in each stage.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Timings {
    /// Decoding and turning upright.
    pub decode: Duration,
    /// MTCNN.
    pub detect: Duration,
    /// Crops and FaceNet.
    pub embed: Duration,
    /// Search and assignment.
    pub matching: Duration,
}

/// A face and who it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RecognizedFace {
    /// Where it is.
    pub detection: Detection,
    /// Who it is.
    pub found: FaceMatch,
}

/// The answer for one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// Width of the upright photo, pixels.
    pub width: usize,
    /// Height of the upright photo, pixels.
    pub height: usize,
    /// The EXIF orientation that was applied, 1 to 8.
    pub orientation: u8,
    /// How many faces the detector found, before `min_probability` and `max_faces`.
    pub detected: usize,
    /// The faces kept, largest box first.
    pub faces: Vec<RecognizedFace>,
    /// Where the time went.
    pub timings: Timings,
}

/// A photo's faces, not yet matched.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectedPhoto {
    /// Width of the upright photo, pixels.
    pub width: usize,
    /// Height of the upright photo, pixels.
    pub height: usize,
    /// The EXIF orientation that was applied, 1 to 8.
    pub orientation: u8,
    /// All faces, largest box first.
    pub faces: Vec<Detection>,
    /// Boxes on the way.
    pub candidates: CandidateCounts,
    /// Where the time went.
    pub timings: Timings,
}

/// The networks and the settings; shared by all worker threads.
#[derive(Clone)]
pub struct Pipeline {
    nets: Arc<dyn DetectorNets>,
    facenet: Arc<dyn FaceNet>,
    params: PipelineParams,
}

impl Pipeline {
    /// Puts the parts together.
    #[must_use]
    pub fn new(nets: Arc<dyn DetectorNets>, facenet: Arc<dyn FaceNet>, params: PipelineParams) -> Self {
        Self { nets, facenet, params }
    }

    /// Decodes a photo and turns it upright.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] when it is no image, broken, or over a limit.
    pub fn open(&self, _bytes: &[u8]) -> Result<OrientedRgb> {
        todo!()
    }

    /// Finds the faces of a photo.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for a photo that can't be used, `Model` when a network can't be run.
    pub fn detect(&self, _bytes: &[u8]) -> Result<DetectedPhoto> {
        todo!()
    }

    /// Finds the faces of a photo and who they are.
    ///
    /// # Errors
    /// [`crate::error::Error::Input`] for a photo that can't be used, `Model` when a network can't be run.
    pub fn recognize(
        &self,
        _bytes: &[u8],
        _gallery: &Gallery,
        _params: &RecognizeParams,
    ) -> Result<Recognition> {
        todo!()
    }

    /// The embedding of one face of an opened photo, cut by `margin_px`; `None` when its box lies outside the photo.
    ///
    /// # Errors
    /// `Model` when the network can't be run.
    pub fn embed(
        &self,
        _photo: &OrientedRgb,
        _face: &Detection,
        _margin_px: u32,
        _how: Standardisation,
    ) -> Result<Option<Embedding>> {
        todo!()
    }
}
