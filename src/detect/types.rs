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

/// Default of [`DetectParams::max_faces`]: more people than a group photo shows large enough to be recognised.
pub(super) const DEFAULT_MAX_FACES: usize = 500;

/// Settings of the detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectParams {
    /// Score thresholds of P-, R- and O-Net, 0 to 1.
    pub thresholds: [f32; 3],
    /// Side of the smallest face searched for, pixels of the photo.
    pub min_face_px: f64,
    /// Ratio of one pyramid level to the one before, below 1.
    pub factor: f64,
    /// Faces that are wanted of a photo at most, above 0: it bounds the candidates of R-Net and O-Net. More faces than
    /// this may be found all the same.
    pub max_faces: usize,
}

impl Default for DetectParams {
    /// The settings of the Flask service; `factor` is facenet-pytorch's own. It had no limit of faces.
    fn default() -> Self {
        Self { thresholds: [0.5, 0.6, 0.6], min_face_px: 15.0, factor: 0.709, max_faces: DEFAULT_MAX_FACES }
    }
}

/// Number of candidate boxes at the input of each network, for comparison with the reference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CandidateCounts {
    /// Input boxes of R-Net.
    pub rnet: usize,
    /// Input boxes of O-Net.
    pub onet: usize,
}

/// Output of the detector.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Detected {
    /// The faces, largest box first.
    pub faces: Vec<Detection>,
    /// Candidates at each stage.
    pub candidates: CandidateCounts,
    /// Candidates that were left out before R-Net and O-Net, the smallest.
    pub omitted: usize,
}
