//! The four networks behind two traits, so that engines can be exchanged and the steps between the
//! networks can be tested on fakes.
//!
//! An engine takes pixels of the photo and does its own area resampling
//! ([`crate::imaging::resample`] says what that is): a fast engine fuses the two.

use crate::error::Result;
use crate::imaging::{RgbView, Window};

pub mod native;
pub mod tract;

/// Side of P-Net's receptive field, and so of the smallest pyramid level, pixels.
pub const PNET_CELL: usize = 12;
/// Step between P-Net's cells, pixels of the level.
pub const PNET_STRIDE: usize = 2;
/// Side of R-Net's input, pixels.
pub const RNET_SIDE: usize = 24;
/// Side of O-Net's input, pixels.
pub const ONET_SIDE: usize = 48;
/// Side of FaceNet's input, pixels.
pub const FACENET_SIDE: usize = 160;
/// Length of an embedding.
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
    /// Columns and rows of P-Net's answer for this level: a valid 3x3 convolution, a
    /// ceil-mode 2x2 pooling, and two more valid 3x3 convolutions.
    #[must_use]
    pub fn cells(self) -> (usize, usize) {
        let cells = |pixels: usize| (pixels - 2).div_ceil(PNET_STRIDE) - 4;
        (cells(self.width), cells(self.height))
    }
}

/// One of P-Net's cells whose face score reached the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Column of the cell; its receptive field starts at `2 * col` pixels of the level.
    pub col: u32,
    /// Row of the cell.
    pub row: u32,
    /// Probability of a face, 0 to 1 (softmax, second channel).
    pub score: f32,
    /// Corrections of x1, y1, x2, y2, in widths and heights of the box.
    pub regression: [f32; 4],
}

/// R-Net's answer for one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Refinement {
    /// Probability of a face, 0 to 1.
    pub score: f32,
    /// Corrections of x1, y1, x2, y2, in widths and heights of the box.
    pub regression: [f32; 4],
}

/// O-Net's answer for one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OnetOutput {
    /// Probability of a face, 0 to 1.
    pub score: f32,
    /// Corrections of x1, y1, x2, y2, in widths and heights of the box.
    pub regression: [f32; 4],
    /// Five x, then five y, as fractions of the box's width and height.
    pub landmarks: [f32; 10],
}

/// MTCNN's three networks.
pub trait DetectorNets: Send + Sync {
    /// P-Net over each level of the pyramid of `photo`: for each level its cells with
    /// `score >= threshold`, in row-major order.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>>;

    /// R-Net over each window of `photo`, area-resampled to 24x24. One answer a window, in order.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn rnet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<Refinement>>;

    /// O-Net over each window of `photo`, area-resampled to 48x48. One answer a window, in order.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>>;
}

/// A face ready for FaceNet: `160 x 160 x 3` floats (height, width, channel; RGB), standardised by
/// the gallery's recipe to about -1 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceInput(pub Vec<f32>);

/// InceptionResnetV1.
pub trait FaceNet: Send + Sync {
    /// The embedding of each face: [`EMBEDDING_LEN`] floats of L2 norm 1. One answer a face, in order.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the network can't be run.
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>>;
}
