//! WebP, by the `image` crate, which has it from `image-webp`.
//!
//! The decoder gets a file that consists of the picture alone, or of the first frame of an animation: no alpha plane
//! (alpha is dropped), no profile, no further frames. So its memory is that of one picture.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Range;

use image::ImageDecoder;
use image::codecs::webp::WebPDecoder;

use super::image_crate;
use super::limits::DecodeLimits;
use super::sniff::Format;
use super::source::{Check, Source};
use crate::error::{Error, Result};
use crate::imaging::{DecodedRgb, exif};

mod lossless;

/// Bytes before the first chunk: `RIFF`, the length of the rest, `WEBP`.
const HEADER: usize = 12;

/// Bytes of the chunk that describes an animation's frame before the frame itself.
const FRAME_HEADER: usize = 16;

/// Decodes a lossy or lossless WebP file, or the first frame of an animation on its canvas, which is black elsewhere.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let file = File::read(bytes)?;
    if let Some(canvas) = &file.canvas {
        limits.check(Format::WebP, canvas.width, canvas.height)?;
    }
    let picture = decode_picture(&file.picture, limits, check)?;
    let mut photo = match file.canvas {
        Some(canvas) => canvas.with(&picture)?,
        None => picture,
    };
    photo.orientation = file.orientation;
    Ok(photo)
}

fn undecodable(reason: &(impl Display + ?Sized)) -> Error {
    Format::WebP.undecodable(reason.to_string()).into()
}

/// Decodes a chunk with pixels as the only one of a file.
fn decode_picture(picture: &Chunk<'_>, limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let mut header = *b"RIFF\0\0\0\0WEBP";
    header[4..8].copy_from_slice(&(picture.whole.len() as u32 + 4).to_le_bytes());
    let parts = vec![Cow::Owned(header.to_vec()), Cow::Borrowed(picture.whole)];
    let decoder = WebPDecoder::new(Source::new(parts, check)).map_err(|error| undecodable(&error))?;
    let (width, height) = decoder.dimensions();
    limits.check(Format::WebP, width, height)?;
    if picture.name == *b"VP8L" {
        lossless::check_codes(picture.body, u64::from(width) * u64::from(height))
            .map_err(|error| undecodable(&error))?;
    }
    image_crate::read(decoder, Format::WebP)
}

/// What of a file is needed.
struct File<'a> {
    /// The chunk with the pixels.
    picture: Chunk<'a>,
    /// Where an animation shows it.
    canvas: Option<Canvas>,
    orientation: u8,
}

/// The canvas of an animation, and where its first frame lies.
struct Canvas {
    width: u32,
    height: u32,
    columns: Range<usize>,
    rows: Range<usize>,
}

impl<'a> File<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut found = None;
        let mut size = None;
        let (mut by_exif, mut by_xmp) = (None, None);
        for chunk in chunks(&bytes[HEADER.min(bytes.len())..]) {
            match &chunk.name {
                b"VP8X" => size = size.or_else(|| canvas_size(chunk.body)),
                b"VP8 " | b"VP8L" if found.is_none() => found = Some((chunk, None)),
                b"ANMF" if found.is_none() => found = Some(first_frame(&chunk, size)?),
                b"EXIF" => by_exif = by_exif.or_else(|| exif::orientation(chunk.body)),
                b"XMP " => by_xmp = by_xmp.or_else(|| exif::xmp_orientation(chunk.body)),
                _ => {}
            }
        }
        let (picture, canvas) = found.ok_or_else(|| undecodable("it has no picture"))?;
        Ok(Self { picture, canvas, orientation: by_exif.or(by_xmp).unwrap_or(1) })
    }
}

/// The picture in the frame of an animation, and where it is shown.
fn first_frame<'a>(frame: &Chunk<'a>, size: Option<(u32, u32)>) -> Result<(Chunk<'a>, Option<Canvas>)> {
    let (width, height) = size.ok_or_else(|| undecodable("it is an animation without a canvas"))?;
    let (place, content) = frame
        .body
        .split_at_checked(FRAME_HEADER)
        .ok_or_else(|| undecodable("its first frame is cut short"))?;
    let at = |index: usize| three(&place[index * 3..index * 3 + 3]) as usize;
    let (left, top) = (at(0) * 2, at(1) * 2);
    let (columns, rows) = (left..left + at(2) + 1, top..top + at(3) + 1);
    if columns.end > width as usize || rows.end > height as usize {
        return Err(undecodable("its first frame reaches outside the canvas"));
    }
    let picture = chunks(content).find(|chunk| matches!(&chunk.name, b"VP8 " | b"VP8L"));
    let picture = picture.ok_or_else(|| undecodable("its first frame has no picture"))?;
    Ok((picture, Some(Canvas { width, height, columns, rows })))
}

impl Canvas {
    fn with(self, picture: &DecodedRgb) -> Result<DecodedRgb> {
        if (picture.width, picture.height) != (self.columns.len(), self.rows.len()) {
            return Err(undecodable("its first frame has another size than it says"));
        }
        let (width, height) = (self.width as usize, self.height as usize);
        if (picture.width, picture.height) == (width, height) {
            return Ok(picture.clone());
        }
        let mut data = vec![0; width * height * 3];
        let rows = data.chunks_exact_mut(width * 3).skip(self.rows.start);
        for (row, pixels) in rows.zip(picture.data.chunks_exact(picture.width * 3)) {
            row[self.columns.start * 3..self.columns.end * 3].copy_from_slice(pixels);
        }
        Ok(DecodedRgb { width, height, data, orientation: 1 })
    }
}

struct Chunk<'a> {
    name: [u8; 4],
    body: &'a [u8],
    /// With name and length, and the byte that pads it.
    whole: &'a [u8],
}

/// The chunks of a file or of a frame. One that is cut short ends them.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (name, after) = rest.split_first_chunk::<4>()?;
        let (length, body) = after.split_first_chunk::<4>()?;
        let body = body.get(..u32::from_le_bytes(*length) as usize)?;
        let length = 8 + body.len().next_multiple_of(2);
        let (whole, next) = rest.split_at(length.min(rest.len()));
        rest = next;
        Some(Chunk { name: *name, body, whole })
    })
}

/// Width and height of the canvas, from the chunk that describes the file.
fn canvas_size(description: &[u8]) -> Option<(u32, u32)> {
    let size = description.get(4..10)?;
    Some((three(&size[..3]) + 1, three(&size[3..]) + 1))
}

/// A little-endian number of three bytes.
fn three(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}
