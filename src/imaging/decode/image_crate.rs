//! Pixels from a decoder of the `image` crate.

use image::{ColorType, ImageDecoder};

use super::pixels;
use super::sniff::Format;
use crate::error::Result;
use crate::imaging::DecodedRgb;

/// Reads the pixels of a picture whose size was checked, and drops alpha.
///
/// # Errors
/// [`crate::error::InputError::Undecodable`]: broken data, or pixels of another type than 8-bit RGB or RGBA.
pub(super) fn read(decoder: impl ImageDecoder, format: Format) -> Result<DecodedRgb> {
    let ((width, height), color) = (decoder.dimensions(), decoder.color_type());
    let mut data = vec![0; decoder.total_bytes() as usize]; // at most four bytes for each of a limited number of pixels
    decoder.read_image(&mut data).map_err(|error| format.undecodable(error.to_string()))?;
    match color {
        ColorType::Rgb8 => {}
        ColorType::Rgba8 => pixels::drop_alpha(&mut data),
        _ => return Err(format.undecodable(format!("its pixels are {color:?}, which is not read")).into()),
    }
    Ok(DecodedRgb { width: width as usize, height: height as usize, data, orientation: 1 })
}
