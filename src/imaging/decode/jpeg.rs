//! JPEG, strictly: a file that ends early or whose data is damaged is an error.
//!
//! Like other viewers the `image` crate fills what is missing with grey and says nothing. A face in the
//! missing half would then silently be absent, so the decoder beneath it is used directly. That also
//! spares two copies: of the file, and of greyscale and CMYK pixels, which it turns to RGB by itself.

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::DecodeLimits;
use super::sniff::Format;
use crate::error::Result;
use crate::imaging::DecodedRgb;

/// Scans of a progressive JPEG that are taken. Encoders make about ten; each one costs a pass over all
/// coefficients (30 ms for 64 empty megapixels), which a hostile file could ask for again and again.
const MAX_SCANS: usize = 32;

/// Decodes a JPEG file: greyscale, YCbCr, RGB, CMYK and YCCK (both as Adobe stores them, inverted, which
/// is what Pillow takes for granted too).
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<DecodedRgb> {
    let undecodable = |error: DecodeErrors| Format::Jpeg.undecodable(format!("{error:?}"));
    // What lies between the headers may be odd (cameras leave extra bytes there); the data may not.
    let lenient = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), lenient);
    decoder.decode_headers().map_err(undecodable)?;
    let Some((width, height)) = decoder.dimensions() else {
        return Err(Format::Jpeg.undecodable("it has no frame header".into()).into());
    };
    limits.check(Format::Jpeg, width as u32, height as u32)?;
    if !reaches_end(bytes) {
        return Err(Format::Jpeg.undecodable("it is cut short: no end-of-image marker".into()).into());
    }
    decoder.set_options(lenient.set_strict_mode(true));
    let mut data = vec![0; width * height * 3];
    decoder.decode_into(&mut data).map_err(undecodable)?;
    Ok(DecodedRgb { width, height, data })
}

/// Whether the file goes on to its end-of-image marker. The thumbnail in the EXIF data has one as well,
/// so segments are stepped over. (Pillow refuses a photo without it, too.)
fn reaches_end(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == 0xFF) {
        rest = &rest[at + 1..]; // `at` is an index of `rest`
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        rest = &rest[fill..]; // as many bytes as were just counted
        match *rest {
            [0xD9, ..] => return true,
            // Stuffed 0xFF, TEM, restart markers, start of image: no segment follows.
            [0x00 | 0x01 | 0xD0..=0xD8, ..] => {}
            [_, high, low, ..] => {
                let Some(after) = rest.get(1 + usize::from(u16::from_be_bytes([high, low]))..) else {
                    return false;
                };
                rest = after;
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::reaches_end;

    #[test]
    fn the_end_is_found_behind_segments_and_data() {
        let whole = b"\xFF\xD8\xFF\xE1\x00\x04\xFF\xD9\xFF\xDA\x00\x02ab\xFF\x00c\xFF\xD0d\xFF\xFF\xD9";
        assert!(reaches_end(whole));
        for length in 0..whole.len() {
            assert!(!reaches_end(&whole[..length]), "{length} bytes");
        }
    }
}
