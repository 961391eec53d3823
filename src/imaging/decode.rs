//! From the bytes of a file to 8-bit RGB pixels, under limits: the only user of image decoders.
//!
//! The format is told by the first bytes, never by a name or a content type (`sniff`). What becomes
//! of each kind of pixel is what Pillow's `convert("RGB")` does (`rgb`); JPEG has a decoder of its
//! own choosing (`jpeg`), since half a photo must not pass for a whole one.

use std::io::Cursor;

use image::{ImageDecoder, ImageReader, Limits};

use super::DecodedRgb;
use crate::error::{InputError, Result};
use sniff::Format;

#[cfg(feature = "phone-photos")]
mod heic;
mod jpeg;
mod limits;
mod rgb;
mod sniff;

pub use limits::DecodeLimits;

/// What helps where HEIC is not read.
#[cfg(not(feature = "phone-photos"))]
const HEIC_ADVICE: &str = "on an iPhone choose Settings > Camera > Formats > Most Compatible, or convert the photo \
                           to JPEG, or run a facerec that was built with the feature phone-photos";

/// Decodes a JPEG, PNG, WebP, GIF, BMP or TIFF file, and with the feature `phone-photos` a HEIC file, to 8-bit RGB:
/// of an animation the first frame, of several pages the first. Greyscale, palette, CMYK and 1-bit images become RGB; alpha is dropped,
/// not blended; of 16-bit samples the high byte is kept; float samples (TIFF) are taken as 0 to 1.
/// Metadata is not looked at: the pixels lie as they are stored.
///
/// # Errors
/// [`InputError::UnknownFormat`] when the first bytes are of no such format, [`InputError::UnreadFormat`] when they
/// are of one that phones make and this build has no decoder for,
/// [`InputError::TooManyPixels`] when the header claims more pixels than the limit (no pixel has been
/// decoded by then), and [`InputError::Undecodable`] for a file that is damaged, cut short, of a variant
/// that is not read, or that needs more memory than its pixels justify.
pub fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<DecodedRgb> {
    let format = sniff::sniff(bytes)?;
    match format {
        Format::Jpeg => jpeg::decode(bytes, limits),
        Format::Png => decode_with_image(bytes, format, image::ImageFormat::Png, limits),
        Format::WebP => decode_with_image(bytes, format, image::ImageFormat::WebP, limits),
        Format::Gif => decode_with_image(bytes, format, image::ImageFormat::Gif, limits),
        Format::Bmp => decode_with_image(bytes, format, image::ImageFormat::Bmp, limits),
        Format::Tiff => decode_with_image(bytes, format, image::ImageFormat::Tiff, limits),
        #[cfg(feature = "phone-photos")]
        Format::Heic => heic::decode(bytes, limits),
        #[cfg(not(feature = "phone-photos"))]
        Format::Heic => Err(InputError::UnreadFormat { format: "HEIC", advice: HEIC_ADVICE }.into()),
    }
}

/// Decodes by the `image` crate, which reads the header first and the pixels when asked.
fn decode_with_image(
    bytes: &[u8],
    format: Format,
    decoder: image::ImageFormat,
    limits: DecodeLimits,
) -> Result<DecodedRgb> {
    let undecodable = |error: image::ImageError| format.undecodable(error.to_string());
    let mut reader = ImageReader::with_format(Cursor::new(bytes), decoder);
    let mut memory = Limits::no_limits();
    memory.max_alloc = Some(limits.max_bytes());
    reader.limits(memory);

    let decoder = reader.into_decoder().map_err(undecodable)?;
    let (width, height) = decoder.dimensions();
    limits.check(format, width, height)?;
    let (needed, limit) = (decoder.total_bytes(), limits.max_bytes());
    if needed > limit {
        return Err(format
            .undecodable(format!("it needs {needed} bytes of memory, at most {limit} are taken"))
            .into());
    }
    let color = decoder.color_type();
    let mut samples = vec![0; needed as usize];
    decoder.read_image(&mut samples).map_err(undecodable)?;
    let data = rgb::to_rgb8(samples, color)
        .ok_or_else(|| format.undecodable(format!("its pixels are {color:?}, which is not read")))?;
    Ok(DecodedRgb { width: width as usize, height: height as usize, data })
}
