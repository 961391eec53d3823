//! From a detected face to the 160x160 crop that FaceNet sees.
use crate::geometry::BBox;
use crate::imaging::RgbView;

/// A face cut out of the photo and resized: `160 x 160 x 3` bytes (height, width, channel; RGB).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignedCrop {
    /// The pixels.
    pub pixels: Vec<u8>,
    /// The part of the photo that was cut out.
    pub window: crate::imaging::Window,
}

/// Cuts the face out. `None` where the box is empty after clipping to the photo: no face.
#[must_use]
pub fn align(_photo: RgbView<'_>, _bbox: &BBox, _margin_px: u32) -> Option<AlignedCrop> {
    todo!()
}
