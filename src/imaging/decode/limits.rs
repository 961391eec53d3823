//! What is refused before pixels are decoded.

use super::sniff::Format;
use crate::error::{InputError, Result};

/// Bytes of the widest pixel that is decoded at the full `max_megapixels`: RGBA with 16 bits.
const WIDEST_PIXEL_BYTES: u64 = 8;

/// What a decoder may use besides the pixels: tables, rows, metadata, a frame within a canvas.
const SCRATCH_BYTES: u64 = 64 << 20;

/// What is refused before pixels are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// At most this many million pixels.
    pub max_megapixels: u32,
}

impl DecodeLimits {
    /// The most pixels that are decoded.
    pub(super) fn max_pixels(self) -> u64 {
        u64::from(self.max_megapixels) * 1_000_000
    }

    /// The most memory that a decoder may take, in bytes.
    pub(super) fn max_bytes(self) -> u64 {
        self.max_pixels() * WIDEST_PIXEL_BYTES + SCRATCH_BYTES
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
