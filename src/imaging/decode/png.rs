//! PNG, by the `png` crate, row by row: memory is that of the RGB pixels and a row.
//!
//! The decoder sees the chunks that make pixels and no others. A profile or a text is never unpacked, its
//! checksum does not matter, and neither does a missing end.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Read;

use flate2::read::ZlibDecoder;
use png::{BitDepth, Transformations};

use super::limits::DecodeLimits;
use super::pixels;
use super::sniff::Format;
use super::source::{Check, Source};
use crate::error::{Error, Result};
use crate::imaging::{DecodedRgb, exif};

/// Length of the signature that a file begins with.
const SIGNATURE: usize = 8;

/// Bytes of text that are unpacked in search of the orientation. EXIF data of a camera has up to 64 KiB, twice that
/// as hexadecimal digits; the orientation stands at its beginning.
const MAX_TEXT_BYTES: u64 = 256 << 10;

/// Decodes the default image of a PNG file: every colour type, depth and interlacing.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let mut parts = vec![Cow::Borrowed(&bytes[..SIGNATURE])];
    let needed = chunks(bytes).filter(|chunk| matches!(&chunk.name, b"IHDR" | b"PLTE" | b"IDAT" | b"IEND"));
    parts.extend(needed.map(|chunk| Cow::Borrowed(chunk.whole)));
    let mut decoder = png::Decoder::new(Source::new(parts, check));
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(|error| undecodable(&error))?;
    let (width, height, is_interlaced) = (header.width, header.height, header.interlaced);
    limits.check(Format::Png, width, height)?;

    let mut reader = decoder.read_info().map_err(|error| undecodable(&error))?;
    let (color, depth) = reader.output_color_type();
    let sample_bytes = if depth == BitDepth::Sixteen { 2 } else { 1 };
    let stride = width as usize * 3;
    let mut data = vec![0; stride * height as usize];
    let mut rgb = vec![0; stride];
    let mut line = 0;
    // The last row is the end: what follows need not be there.
    for _ in 0..rows(width, height, is_interlaced) {
        check()?;
        let row = reader.next_interlaced_row().map_err(|error| undecodable(&error))?;
        let row = row.ok_or_else(|| undecodable("it is cut short: rows are missing"))?;
        if !pixels::to_rgb(row.data(), color.samples(), sample_bytes, &mut rgb) {
            return Err(undecodable(&format!(
                "its pixels are {color:?} with {depth:?} bits, which is not read"
            )));
        }
        if let png::InterlaceInfo::Adam7(pass) = row.interlace() {
            png::expand_interlaced_row(&mut data, stride, &rgb, pass, 24);
        } else {
            data[line * stride..(line + 1) * stride].copy_from_slice(&rgb);
            line += 1;
        }
    }
    Ok(DecodedRgb { width: width as usize, height: height as usize, data, orientation: orientation(bytes) })
}

fn undecodable(reason: &(impl Display + ?Sized)) -> Error {
    Format::Png.undecodable(reason.to_string()).into()
}

/// Rows as they are stored: those of seven passes where they are interlaced.
fn rows(width: u32, height: u32, is_interlaced: bool) -> u32 {
    // First column and row of each pass, and the distance between its rows.
    const PASSES: [(u32, u32, u32); 7] =
        [(0, 0, 8), (4, 0, 8), (0, 4, 8), (2, 0, 4), (0, 2, 4), (1, 0, 2), (0, 1, 2)];
    if !is_interlaced {
        return height;
    }
    let of_pass = |(column, row, step): (u32, u32, u32)| {
        if column < width { height.saturating_sub(row).div_ceil(step) } else { 0 }
    };
    PASSES.into_iter().map(of_pass).sum()
}

struct Chunk<'a> {
    name: [u8; 4],
    body: &'a [u8],
    /// With length, name and checksum.
    whole: &'a [u8],
}

/// The chunks of a file; the last one may be cut short.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.get(SIGNATURE..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (name, body) = after.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (whole, next) = rest.split_at(rest.len().min(length.saturating_add(12)));
        rest = next;
        Some(Chunk { name: *name, body: &body[..body.len().min(length)], whole })
    })
}

/// Where programs put it: an `eXIf` chunk, else EXIF data as a text (`ImageMagick` and older programs), else XMP.
fn orientation(bytes: &[u8]) -> u8 {
    let mut by_text = None;
    let mut by_xmp = None;
    for chunk in chunks(bytes) {
        match &chunk.name {
            b"eXIf" => {
                if let Some(orientation) = exif::orientation(chunk.body) {
                    return orientation;
                }
            }
            b"tEXt" | b"zTXt" | b"iTXt" if by_text.is_none() => {
                let Some((keyword, rest)) = split_at_zero(chunk.body) else { continue };
                match keyword {
                    b"Raw profile type exif" | b"Raw profile type APP1" => {
                        by_text =
                            text(chunk.name, rest).and_then(|text| exif::orientation(&raw_profile(&text)?));
                    }
                    b"XML:com.adobe.xmp" if by_xmp.is_none() => {
                        by_xmp = text(chunk.name, rest).and_then(|text| exif::xmp_orientation(&text));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    by_text.or(by_xmp).unwrap_or(1)
}

fn split_at_zero(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

/// The text of a chunk after its keyword, up to [`MAX_TEXT_BYTES`].
fn text(chunk: [u8; 4], rest: &[u8]) -> Option<Vec<u8>> {
    let (packed, text) = match (&chunk, rest) {
        (b"tEXt", text) => (false, text),
        (b"zTXt", [0, text @ ..]) => (true, text),
        // Flag and method of compression, language, translated keyword.
        (b"iTXt", [packed @ (0 | 1), 0, rest @ ..]) => {
            (*packed == 1, split_at_zero(split_at_zero(rest)?.1)?.1)
        }
        _ => return None,
    };
    let mut unpacked = Vec::new();
    let read = if packed {
        ZlibDecoder::new(text).take(MAX_TEXT_BYTES).read_to_end(&mut unpacked)
    } else {
        text.take(MAX_TEXT_BYTES).read_to_end(&mut unpacked)
    };
    read.is_ok().then_some(unpacked)
}

/// The bytes of a profile in the form of `ImageMagick`: its name, its length, and hexadecimal digits in lines.
fn raw_profile(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.trim_ascii_start().splitn(3, |byte| *byte == b'\n');
    let (_name, _length, digits) = (lines.next()?, lines.next()?, lines.next()?);
    let digits: Vec<u8> =
        digits.iter().filter_map(|digit| char::from(*digit).to_digit(16)).map(|digit| digit as u8).collect();
    Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low).collect())
}
