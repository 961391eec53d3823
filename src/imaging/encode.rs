//! An upright photo as PNG: for `facerec normalize` and for photos that are kept.

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::OrientedRgb;
use crate::error::{DataError, Operation, Result};

/// Encodes the pixels as PNG, losslessly and fast rather than small. The file says nothing about
/// orientation, since the photo is upright.
///
/// # Errors
/// [`crate::error::Error::Data`] for a photo without pixels, which PNG can't express.
pub fn encode_png(photo: &OrientedRgb) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Up)
        .write_image(&photo.data, photo.width as u32, photo.height as u32, ExtendedColorType::Rgb8)
        .map_err(|error| {
            let what = format!("a PNG of {} x {} pixels", photo.width, photo.height);
            DataError::content(what, Operation::Write, error)
        })?;
    Ok(png)
}
