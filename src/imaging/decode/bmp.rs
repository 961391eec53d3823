//! BMP, by the `image` crate, which reads it row by row.

use std::borrow::Cow;

use image::ImageDecoder;
use image::codecs::bmp::BmpDecoder;

use super::image_crate;
use super::limits::DecodeLimits;
use super::sniff::Format;
use super::source::{Check, Source};
use crate::error::Result;
use crate::imaging::DecodedRgb;

/// Decodes a BMP file: 1 to 32 bits, with a palette, bit fields or run lengths.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let decoder = BmpDecoder::new(Source::new(vec![Cow::Borrowed(bytes)], check))
        .map_err(|error| Format::Bmp.undecodable(error.to_string()))?;
    let (width, height) = decoder.dimensions();
    limits.check(Format::Bmp, width, height)?;
    image_crate::read(decoder, Format::Bmp)
}
