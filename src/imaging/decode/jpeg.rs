//! JPEG, by libjpeg-turbo: the detector is sensitive to single grey levels, and only the same decoder
//! gives the pixels, and so the faces, that Pillow gave the service being replaced.
//!
//! libjpeg fills what is missing with grey and says nothing. A face in the missing half would then
//! silently be absent, so a file must reach its end-of-image marker. The headers are read first, in
//! safe code; so are the rare CMYK files, which libjpeg does not turn to RGB.

use std::panic::{AssertUnwindSafe, catch_unwind};

use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::DecodeLimits;
use super::sniff::Format;
use crate::error::{Error, Result};
use crate::imaging::DecodedRgb;

/// Scans of a progressive JPEG that are taken. Encoders make about ten; each one costs a pass over all
/// coefficients, so that a tiny file could otherwise keep a core busy for minutes.
const MAX_SCANS: usize = 64;

/// Decodes a JPEG file: greyscale, YCbCr, RGB, CMYK and YCCK (both as Adobe stores them, inverted, which
/// is what Pillow takes for granted too).
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<DecodedRgb> {
    // What lies between the headers may be odd: cameras leave extra bytes there.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_max_scans(MAX_SCANS)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut headers = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    headers.decode_headers().map_err(|error| undecodable(describe(&error)))?;
    let (width, height) = headers.dimensions().ok_or_else(|| undecodable("it has no frame header"))?;
    limits.check(Format::Jpeg, width as u32, height as u32)?;
    let scans = scans_to_end(bytes).ok_or_else(|| undecodable("it is cut short: no end-of-image marker"))?;
    if scans > MAX_SCANS {
        return Err(undecodable(format!("it has {scans} scans, at most {MAX_SCANS} are taken")));
    }
    let data = match headers.input_colorspace() {
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => {
            let mut data = vec![0; width * height * 3];
            headers.decode_into(&mut data).map_err(|error| undecodable(describe(&error)))?;
            data
        }
        _ => decode_by_libjpeg(bytes, width, height)?,
    };
    Ok(DecodedRgb { width, height, data })
}

fn undecodable(reason: impl Into<String>) -> Error {
    Format::Jpeg.undecodable(reason.into()).into()
}

fn describe(error: &DecodeErrors) -> String {
    format!("{error:?}")
}

/// libjpeg reports a fatal error by unwinding out of the C code; the decoder is dropped with it, and
/// nothing else was touched.
fn decode_by_libjpeg(bytes: &[u8], width: usize, height: usize) -> Result<Vec<u8>> {
    let decoded = catch_unwind(AssertUnwindSafe(|| -> std::io::Result<Vec<u8>> {
        let mut image = mozjpeg::Decompress::new_mem(bytes)?.rgb()?;
        let found = (image.width(), image.height());
        if found != (width, height) {
            return Err(std::io::Error::other(format!(
                "its headers say {width} x {height} pixels and {} x {}",
                found.0, found.1
            )));
        }
        let mut data = vec![0; width * height * 3];
        image.read_scanlines_into(&mut data)?;
        image.finish()?;
        Ok(data)
    }));
    match decoded {
        Ok(result) => result.map_err(|error| undecodable(error.to_string())),
        Err(panic) => {
            let said = panic.downcast_ref::<String>().cloned();
            Err(undecodable(said.unwrap_or_else(|| "libjpeg gave up".into())))
        }
    }
}

/// How many scans the file has up to its end-of-image marker; `None` when it ends before. The thumbnail
/// in the EXIF data has such a marker as well, so segments are stepped over. (Pillow refuses a photo
/// without it, too.)
fn scans_to_end(bytes: &[u8]) -> Option<usize> {
    let mut scans = 0;
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == 0xFF) {
        rest = &rest[at + 1..]; // `at` is an index of `rest`
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        rest = &rest[fill..]; // as many bytes as were just counted
        match *rest {
            [0xD9, ..] => return Some(scans),
            // Stuffed 0xFF, TEM, restart markers, start of image: no segment follows.
            [0x00 | 0x01 | 0xD0..=0xD8, ..] => {}
            [marker, high, low, ..] => {
                scans += usize::from(marker == 0xDA);
                rest = rest.get(1 + usize::from(u16::from_be_bytes([high, low]))..)?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::scans_to_end;

    #[test]
    fn the_end_is_found_behind_segments_and_data() {
        let whole = b"\xFF\xD8\xFF\xE1\x00\x04\xFF\xD9\xFF\xDA\x00\x02ab\xFF\x00c\xFF\xD0d\xFF\xFF\xD9";
        assert_eq!(scans_to_end(whole), Some(1));
        for length in 0..whole.len() {
            assert_eq!(scans_to_end(&whole[..length]), None, "{length} bytes");
        }
    }
}
