//! To be written.
use super::DecodedRgb;
use crate::error::Result;
/// What is refused before pixels are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// At most this many million pixels.
    pub max_megapixels: u32,
}
/// Decodes.
///
/// # Errors
/// [`crate::error::Error::Input`].
pub fn decode(_bytes: &[u8], _limits: DecodeLimits) -> Result<DecodedRgb> {
    todo!()
}
