//! JPEG, by libjpeg-turbo: the detector is sensitive to single grey levels, and only the same decoder
//! gives the pixels, and so the faces, that Pillow gave the service being replaced. It reads the headers, too.
//!
//! libjpeg fills what is missing with grey and says nothing. A face in the missing half would then silently be
//! absent, so all pixels must come from the file. An end-of-image marker need not be there: cameras leave it out.

use std::cell::Cell;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::decompress::DecompressStarted;
use mozjpeg::{ColorSpace, ColorSpaceExt, Decompress};

use super::limits::{DecodeLimits, PLAIN_ADVICE};
use super::pixels;
use super::sniff::Format;
use super::source::Check;
use crate::error::{Error, InputError, Result};
use crate::imaging::{DecodedRgb, exif};
use input::{Ending, Input};
use segments::{Frame, Scans, Segments};

mod input;
mod segments;

/// Scans of a progressive JPEG that are taken. Encoders make about ten.
const MAX_SCANS: usize = 64;

/// How often scans may go over as many coefficients as the picture has pixels: that takes time even where a scan is
/// a few bytes. Encoders need 8 or fewer (three components, none subsampled, two bits refined).
const MAX_PASSES: f64 = 16.0;

/// Rows that are decoded between two checks.
const ROWS: usize = 16;

/// Decodes a JPEG file: greyscale, YCbCr, RGB, CMYK and YCCK (both as Adobe stores them, inverted, which
/// is what Pillow takes for granted too).
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let ran_out = Cell::new(false);
    let accept = |width: usize, height: usize| limits.check(Format::Jpeg, width as u32, height as u32);
    let photo = caught(|| {
        let input = Input::new([bytes, &[]], Ending::Marker, &ran_out, check);
        let mut rows = Rows::open(input, bytes, Components::Rgb, accept)?;
        let (width, height) = (rows.width, rows.height);
        let mut data = vec![0; width * height * 3];
        for band in data.chunks_mut(width * 3 * ROWS) {
            check()?;
            rows.read(band)?;
        }
        Ok(DecodedRgb { width, height, data, orientation: orientation(bytes) })
    })?;
    if ran_out.get() && !is_whole(bytes, &photo, check)? {
        return Err(undecodable("it is cut short: pixels are missing"));
    }
    Ok(photo)
}

/// Whether all pixels of a file without an end came from the file: no scan is missing, and other bytes behind its
/// last one give the same pixels.
fn is_whole(bytes: &[u8], photo: &DecodedRgb, check: Check<'_>) -> Result<bool> {
    if !Scans::cover_all(bytes) {
        return Ok(false);
    }
    let ran_out = Cell::new(false);
    caught(|| {
        let input = Input::new([bytes, &[]], Ending::OtherBits, &ran_out, check);
        let mut rows = Rows::open(input, bytes, Components::Rgb, |_, _| Ok(()))?;
        let mut found = vec![0; photo.width * 3 * ROWS];
        for band in photo.data.chunks(photo.width * 3 * ROWS) {
            check()?;
            rows.read(&mut found[..band.len()])?;
            if found[..band.len()] != *band {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

/// Decodes a JPEG stream within another file and hands over its first rows, as many as the lower bound of `height`.
/// `tables` is a stream of tables alone, or empty. The stream must have the width and a height within the range.
pub(super) fn decode_part(
    tables: &[u8],
    stream: &[u8],
    components: Components,
    (width, height): (usize, RangeInclusive<usize>),
    check: Check<'_>,
    mut each_row: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let (tables, stream) = match (tables, stream) {
        ([0xFF, 0xD8, .., 0xFF, 0xD9], [0xFF, 0xD8, stream @ ..]) => (&tables[..tables.len() - 2], stream),
        _ => (&[][..], stream),
    };
    let ran_out = Cell::new(false);
    let accept = |found_width, found_height| {
        if found_width == width && height.contains(&found_height) {
            return Ok(());
        }
        let expected = format!("{width} x {}", height.end());
        Err(undecodable(format!("a part of {expected} pixels holds {found_width} x {found_height}")))
    };
    caught(|| {
        let input = Input::new([tables, stream], Ending::Marker, &ran_out, check);
        let mut rows = Rows::open(input, stream, components, accept)?;
        let mut row = vec![0; width * rows.channels];
        for _ in 0..*height.start() {
            check()?;
            rows.read(&mut row)?;
            each_row(&row)?;
        }
        Ok(())
    })?;
    if ran_out.get() { Err(undecodable("it is cut short: pixels are missing")) } else { Ok(()) }
}

fn undecodable(reason: impl Into<String>) -> Error {
    Format::Jpeg.undecodable(reason.into()).into()
}

/// libjpeg reports a fatal error by unwinding out of the C code; the decoder is dropped with it, and
/// nothing else was touched.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        Err(undecodable(said.unwrap_or_else(|| "libjpeg gave up".into())))
    })
}

/// What the rows of a stream consist of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Components {
    /// RGB, whatever is stored.
    Rgb,
    /// What is stored, without a conversion.
    Stored,
}

/// The rows of a picture, from the first to the last.
struct Rows<'a> {
    started: DecompressStarted<Input<'a>>,
    width: usize,
    height: usize,
    /// Bytes of a pixel.
    channels: usize,
    /// A row of CMYK, where it becomes RGB.
    ink: Vec<u8>,
}

impl<'a> Rows<'a> {
    /// Reads the headers, and all scans of a picture that has several. `bytes` hold the picture.
    fn open(
        input: Input<'a>,
        bytes: &[u8],
        components: Components,
        accept: impl FnOnce(usize, usize) -> Result<()>,
    ) -> Result<Self> {
        let failed = |error: std::io::Error| undecodable(error.to_string());
        let image = Decompress::new_reader(input).map_err(failed)?;
        let (width, height) = image.size();
        accept(width, height)?;
        check_scans(bytes)?;
        let stored = image.color_space();
        let is_ink = matches!(stored, ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK);
        let wanted = match components {
            Components::Stored => stored,
            Components::Rgb if is_ink => ColorSpace::JCS_CMYK,
            Components::Rgb => ColorSpace::JCS_RGB,
        };
        let from_ink = is_ink && components == Components::Rgb;
        let ink = if from_ink { vec![0; width * 4] } else { Vec::new() };
        let channels = if from_ink { 3 } else { wanted.num_components() };
        if channels == 0 {
            return Err(undecodable("its components have no known meaning"));
        }
        let started = image.to_colorspace(wanted).map_err(failed)?;
        Ok(Self { started, width, height, channels, ink })
    }

    /// Fills whole rows.
    fn read(&mut self, rows: &mut [u8]) -> Result<()> {
        let failed = |error: std::io::Error| undecodable(error.to_string());
        if self.ink.is_empty() {
            self.started.read_scanlines_into(rows).map_err(failed)?;
            return Ok(());
        }
        for row in rows.chunks_exact_mut(self.width * 3) {
            self.started.read_scanlines_into(&mut self.ink).map_err(failed)?;
            let inks = self.ink.as_chunks::<4>().0.iter();
            for (rgb, ink) in row.as_chunks_mut::<3>().0.iter_mut().zip(inks) {
                *rgb = pixels::cmyk_to_rgb(ink.map(|light| 255 - light));
            }
        }
        Ok(())
    }
}

/// Refuses variants that libjpeg does not decode, and more scans than a picture needs.
fn check_scans(image: &[u8]) -> Result<()> {
    let frame = Frame::find(image).ok_or_else(|| undecodable("it has no frame header"))?;
    if frame.precision != 8 || !frame.is_lossy() {
        let format = "JPEGs with 12 bits or without loss";
        return Err(InputError::UnreadFormat { format, advice: PLAIN_ADVICE }.into());
    }
    let scans = Scans::possible(image, &frame);
    if scans.count > MAX_SCANS {
        return Err(undecodable(format!("it has {} scans, at most {MAX_SCANS} are taken", scans.count)));
    }
    if scans.passes > MAX_PASSES {
        let passes = scans.passes.ceil();
        return Err(undecodable(format!(
            "its scans go {passes} times over it, at most {MAX_PASSES} are taken"
        )));
    }
    Ok(())
}

/// The orientation in the EXIF data, else in the XMP packet, of a file.
fn orientation(bytes: &[u8]) -> u8 {
    const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
    let mut by_xmp = None;
    for (marker, body) in Segments::of(bytes).take_while(|(marker, _)| *marker != segments::START_OF_SCAN) {
        if marker != segments::APP1 {
            continue;
        }
        if body.starts_with(exif::PREFIX) {
            if let Some(orientation) = exif::orientation(body) {
                return orientation;
            }
        } else if let Some(packet) = body.strip_prefix(XMP) {
            by_xmp = by_xmp.or_else(|| exif::xmp_orientation(packet));
        }
    }
    by_xmp.unwrap_or(1)
}
