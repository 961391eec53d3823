//! From the bytes of a file to 8-bit RGB pixels, under limits: the only user of image decoders.
//!
//! The format is told by the first bytes, never by a name or a content type (`sniff`). What becomes
//! of each kind of pixel is what Pillow's `convert("RGB")` does (`pixels`). Work and memory follow from the pixels that
//! the header of the *photo* claims, whatever else a file contains; `docs/reliability.md` has the figures.

use super::DecodedRgb;
#[cfg(doc)]
use crate::error::InputError;
use crate::error::Result;
pub use limits::DecodeLimits;
use sniff::Format;
pub use source::Check;

mod bmp;
mod gif;
#[cfg(feature = "phone-photos")]
mod heic;
#[cfg(feature = "phone-photos")]
mod hevc;
mod image_crate;
mod jpeg;
mod limits;
mod pixels;
mod png;
mod sniff;
mod source;
mod tiff;
mod webp;

/// What helps where HEIC is not read.
#[cfg(not(feature = "phone-photos"))]
const HEIC_ADVICE: &str = "on an iPhone choose Settings > Camera > Formats > Most Compatible, or convert the photo \
                           to JPEG, or run a facerec that was built with the feature phone-photos";

/// Decodes a JPEG, PNG, WebP, GIF, BMP or TIFF file, and with the feature `phone-photos` a HEIC file, to 8-bit RGB:
/// of an animation the first frame, of several pages the first. Greyscale, palette, CMYK and 1-bit images become RGB;
/// alpha is dropped, not blended; of 16-bit samples the high byte is kept; float samples (TIFF) are taken as 0 to 1.
/// The pixels lie as they are stored; [`DecodedRgb::orientation`] says how they are to be turned.
///
/// # Errors
/// [`InputError::UnknownFormat`] when the first bytes are of no such format, [`InputError::UnreadFormat`] when they
/// are of one, or of a variant of one, that this build has no decoder for,
/// [`InputError::TooManyPixels`] when the header claims more pixels than the limit (no pixel has been
/// decoded by then), and [`InputError::Undecodable`] for a file that is damaged, cut short, or whose parts are out of
/// proportion to its pixels.
pub fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<DecodedRgb> {
    decode_while(bytes, limits, &|| Ok(()))
}

/// [`decode`] until `check` fails: it is asked every few rows, tiles or KiB.
///
/// # Errors
/// As [`decode`]; and that of `check`, as it is.
pub fn decode_while(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let format = sniff::sniff(bytes)?;
    let decoded = match format {
        Format::Jpeg => jpeg::decode(bytes, limits, check),
        Format::Png => png::decode(bytes, limits, check),
        Format::WebP => webp::decode(bytes, limits, check),
        Format::Gif => gif::decode(bytes, limits, check),
        Format::Bmp => bmp::decode(bytes, limits, check),
        Format::Tiff => tiff::decode(bytes, limits, check),
        #[cfg(feature = "phone-photos")]
        Format::Heic => heic::decode(bytes, limits, check),
        #[cfg(not(feature = "phone-photos"))]
        Format::Heic => {
            Err(crate::error::InputError::UnreadFormat { format: "HEIC", advice: HEIC_ADVICE }.into())
        }
    };
    // A decoder whose input fails calls the file broken: what stopped it is asked again.
    decoded.or_else(|error| check().and(Err(error)))
}
