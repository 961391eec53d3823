//! What is refused before any pixel is decoded.

use super::sniff::Format;
use crate::error::{InputError, Result};

/// What helps against variants of a format that are not read.
pub(super) const PLAIN_ADVICE: &str = "save the photo as an ordinary JPEG or PNG";

/// What is refused before pixels are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// At most this many million pixels.
    pub max_megapixels: u32,
}

impl DecodeLimits {
    /// The most pixels that are decoded.
    fn max_pixels(self) -> u64 {
        u64::from(self.max_megapixels) * 1_000_000
    }

    /// Refuses dimensions that a header claims, before anything is done about them.
    pub(super) fn check(self, format: Format, width: u32, height: u32) -> Result<()> {
        if width == 0 || height == 0 {
            return Err(format.undecodable(format!("it has {width} x {height} pixels")).into());
        }
        if u64::from(width) * u64::from(height) > self.max_pixels() {
            let limit_megapixels = self.max_megapixels;
            return Err(InputError::TooManyPixels { width, height, limit_megapixels }.into());
        }
        Ok(())
    }
}
