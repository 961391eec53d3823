//! Input and output types of the detector.

use crate::geometry::{BBox, Landmarks};

/// A face found in the photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Bounding box in pixels of the upright photo; may reach outside it.
    pub bbox: BBox,
    /// Five points in pixels of the upright photo.
    pub landmarks: Landmarks,
    /// O-Net's face probability, 0 to 1.
    pub probability: f32,
}

/// Settings of the detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectParams {
    /// Score thresholds of P-, R- and O-Net, 0 to 1.
    pub thresholds: [f32; 3],
    /// Side of the smallest face searched for, pixels of the photo.
    pub min_face_px: f64,
    /// Ratio of one pyramid level to the one before, below 1.
    pub factor: f64,
}

impl Default for DetectParams {
    /// The settings of the Flask service; `factor` is facenet-pytorch's own.
    fn default() -> Self {
        Self { thresholds: [0.5, 0.6, 0.6], min_face_px: 15.0, factor: 0.709 }
    }
}

/// How many boxes entered each stage; for comparing with the reference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CandidateCounts {
    /// Boxes that R-Net saw.
    pub rnet: usize,
    /// Boxes that O-Net saw.
    pub onet: usize,
}

/// What the detector found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detected {
    /// The faces, largest box first.
    pub faces: Vec<Detection>,
    /// Boxes on the way.
    pub candidates: CandidateCounts,
}
