//! BMP, by the `image` crate, which reads it row by row.

use std::borrow::Cow;
use std::fmt::Display;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder};

use super::limits::DecodeLimits;
use super::pixels;
use super::sniff::Format;
use super::source::{Check, Source};
use crate::error::{Error, Result};
use crate::imaging::DecodedRgb;

/// Decodes a BMP file: 1 to 32 bits, with a palette, bit fields or run lengths.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let decoder = BmpDecoder::new(Source::new(vec![Cow::Borrowed(bytes)], check))
        .map_err(|error| undecodable(&error))?;
    let (width, height) = decoder.dimensions();
    limits.check(Format::Bmp, width, height)?;
    let color = decoder.color_type();
    let mut data = vec![0; decoder.total_bytes() as usize]; // at most four bytes for each of a limited number of pixels
    decoder.read_image(&mut data).map_err(|error| undecodable(&error))?;
    match color {
        ColorType::Rgb8 => {}
        ColorType::Rgba8 => pixels::drop_alpha(&mut data),
        _ => return Err(undecodable(&format!("its pixels are {color:?}, which is not read"))),
    }
    Ok(DecodedRgb { width: width as usize, height: height as usize, data, orientation: 1 })
}

fn undecodable(reason: &(impl Display + ?Sized)) -> Error {
    Format::Bmp.undecodable(reason.to_string()).into()
}
