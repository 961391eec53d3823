//! MTCNN face detection: an upright photo in, its faces out, largest first.

use crate::error::Result;
use crate::imaging::RgbView;
use crate::nn::DetectorNets;

pub mod boxes;
pub mod main_face;
pub mod mtcnn;
pub mod pyramid;
mod types;

pub use types::{CandidateCounts, DetectParams, Detected, Detection};

/// Finds the faces of `photo`. A photo smaller than `min_face_px` has none; that is not an error.
///
/// # Errors
/// [`crate::error::Error::Model`] when a network can't be run.
pub fn detect(nets: &dyn DetectorNets, photo: RgbView<'_>, params: &DetectParams) -> Result<Detected> {
    mtcnn::run(nets, photo, params)
}
