//! To be written.
use super::{DecodedRgb, OrientedRgb};
/// Which EXIF orientations are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientations {
    /// All eight.
    All,
    /// 3, 6 and 8 only: what the Flask service did.
    RotationsOnly,
}
/// Turns a photo upright by the orientation in its EXIF data.
#[must_use]
pub fn orient(_photo: DecodedRgb, _bytes: &[u8], _which: Orientations) -> OrientedRgb {
    todo!()
}
