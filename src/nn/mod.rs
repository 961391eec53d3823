//! The interface of the four networks: two traits, implemented by the engines [`native`] and [`tract`](mod@tract) and by fakes in
//! tests.
//!
//! An engine takes pixels of the photo and does the area resampling ([`crate::imaging::resample`]) itself, so that it
//! can fuse the two.

use crate::error::Result;
use crate::imaging::{RgbView, Window};

pub mod native;
pub mod tract;

/// Receptive field of P-Net, and smallest side of a pyramid level, pixels.
pub const PNET_CELL: usize = 12;
/// Stride of P-Net's cells, pixels of the level.
pub const PNET_STRIDE: usize = 2;
/// Width and height of R-Net's input, pixels.
pub const RNET_SIDE: usize = 24;
/// Width and height of O-Net's input, pixels.
pub const ONET_SIDE: usize = 48;
/// Width and height of FaceNet's input, pixels.
pub const FACENET_SIDE: usize = 160;
/// Number of floats of an embedding.
pub const EMBEDDING_LEN: usize = 512;

/// Size of one level of the image pyramid, pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelSize {
    /// Width in pixels, at least [`PNET_CELL`].
    pub width: usize,
    /// Height in pixels, at least [`PNET_CELL`].
    pub height: usize,
}

impl LevelSize {
    /// Columns and rows of P-Net's output for this level: a 3x3 convolution without padding, 2x2 max-pooling with
    /// `ceil_mode`, and two more 3x3 convolutions without padding.
    #[must_use]
    pub fn cells(self) -> (usize, usize) {
        let cells = |pixels: usize| (pixels - 2).div_ceil(PNET_STRIDE) - 4;
        (cells(self.width), cells(self.height))
    }
}

/// Output of P-Net for one cell whose score reached the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Column of the cell; its receptive field starts at `2 * col` pixels of the level.
    pub col: u32,
    /// Row of the cell.
    pub row: u32,
    /// Probability of a face, 0 to 1 (softmax, second channel).
    pub score: f32,
    /// Bounding-box regression of x1, y1, x2, y2, as fractions of the box's width and height.
    pub regression: [f32; 4],
}

/// Output of R-Net for one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// Probability of a face, 0 to 1.
    pub score: f32,
    /// Bounding-box regression of x1, y1, x2, y2, as fractions of the box's width and height.
    pub regression: [f32; 4],
}

/// Output of O-Net for one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnetOutput {
    /// Probability of a face, 0 to 1.
    pub score: f32,
    /// Bounding-box regression of x1, y1, x2, y2, as fractions of the box's width and height.
    pub regression: [f32; 4],
    /// Landmarks: five x, then five y, as fractions of the box's width and height.
    pub landmarks: [f32; 10],
}

/// MTCNN's three networks.
pub trait DetectorNets: Send + Sync {
    /// Runs P-Net on each level of the pyramid of `photo`. Returns the cells with `score >= threshold` of each
    /// level, in row-major order.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>>;

    /// Runs R-Net on each window of `photo`, area-resampled to 24x24. One output per window, in order; `None` where
    /// the score is not above the threshold.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn rnet(&self, photo: RgbView<'_>, windows: &[Window], threshold: f32)
    -> Result<Vec<Option<Refinement>>>;

    /// Runs O-Net on each window of `photo`, area-resampled to 48x48. One output per window, in order.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>>;
}

/// Input of FaceNet: `160 x 160 x 3` floats (height, width, channel; RGB), standardised to about -1 to 1; see
/// `embed::Standardisation`.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceInput(pub Vec<f32>);

/// The embedder: InceptionResnetV1.
pub trait FaceNet: Send + Sync {
    /// Computes the embedding of each face: [`EMBEDDING_LEN`] floats of L2 norm 1. One per face, in order.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>>;
}
