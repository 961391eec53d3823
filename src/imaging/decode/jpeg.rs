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
    let image = up_to_its_end(bytes).ok_or_else(|| undecodable("it is cut short: no end-of-image marker"))?;
    let scans = scans_at_most(image);
    if scans > MAX_SCANS {
        return Err(undecodable(format!("it has {scans} scans, at most {MAX_SCANS} are taken")));
    }
    let data = match headers.input_colorspace() {
        Some(ColorSpace::CMYK | ColorSpace::YCCK) => {
            let mut data = vec![0; width * height * 3];
            headers.decode_into(&mut data).map_err(|error| undecodable(describe(&error)))?;
            data
        }
        _ => decode_by_libjpeg(image, width, height)?,
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

/// The file up to its end-of-image marker; `None` when it ends before. The thumbnail in the EXIF data has
/// such a marker as well, so segments are stepped over. (Pillow refuses a photo without it, too.)
fn up_to_its_end(bytes: &[u8]) -> Option<&[u8]> {
    let mut segments = Segments { rest: bytes };
    segments.find(|marker| *marker == END_OF_IMAGE)?;
    Some(&bytes[..bytes.len() - segments.rest.len()])
}

/// No fewer scans than libjpeg can find in an image. Where the data of a scan is broken it looks for the next
/// marker byte by byte, in what a well-formed file has as a segment, too. So after the first scan's header,
/// whatever looks like another one counts: in unbroken data nothing else does.
fn scans_at_most(image: &[u8]) -> usize {
    let mut segments = Segments { rest: image };
    if segments.find(|marker| *marker == START_OF_SCAN).is_none() {
        return 0;
    }
    1 + segments.rest.windows(2).filter(|pair| *pair == [0xFF, START_OF_SCAN]).count()
}

const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// The markers of a file, each without what it is followed by.
struct Segments<'a> {
    /// What comes after the last marker and its segment.
    rest: &'a [u8],
}

impl Iterator for Segments<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        loop {
            let at = self.rest.iter().position(|byte| *byte == 0xFF)?;
            self.rest = &self.rest[at + 1..]; // `at` is an index of `rest`
            let fill = self.rest.iter().take_while(|byte| **byte == 0xFF).count();
            self.rest = &self.rest[fill..]; // as many bytes as were just counted
            match *self.rest {
                // Stuffed 0xFF, TEM, restart markers, start of image: no segment follows.
                [0x00 | 0x01 | 0xD0..=0xD8, ..] => {}
                [END_OF_IMAGE, ref rest @ ..] => {
                    self.rest = rest;
                    return Some(END_OF_IMAGE);
                }
                [marker, high, low, ..] => {
                    let len = usize::from(u16::from_be_bytes([high, low]));
                    self.rest = self.rest.get(1 + len..)?;
                    return Some(marker);
                }
                _ => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{scans_at_most, up_to_its_end};

    #[test]
    fn the_end_is_found_behind_segments_and_data() {
        let whole = b"\xFF\xD8\xFF\xE1\x00\x04\xFF\xD9\xFF\xDA\x00\x02ab\xFF\x00c\xFF\xD0d\xFF\xFF\xD9";
        assert_eq!(up_to_its_end(&[whole, &b"more"[..]].concat()), Some(&whole[..]));
        assert_eq!(scans_at_most(whole), 1);
        for length in 0..whole.len() {
            assert_eq!(up_to_its_end(&whole[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn scans_within_what_looks_like_a_segment_count() {
        // The thumbnail's scan does not, since libjpeg steps over the segments before the first scan.
        let image =
            b"\xFF\xD8\xFF\xE1\x00\x04\xFF\xDA\xFF\xDA\x00\x02a\xFF\x02\x00\x06\xFF\xDA\xFF\xDA\xFF\xD9";
        assert_eq!(up_to_its_end(image), Some(&image[..]));
        assert_eq!(scans_at_most(image), 3);
    }
}
