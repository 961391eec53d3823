//! GIF, by the `gif` crate, row by row.
//!
//! The decoder sees the headers and the first frame, and no comments or application data before it.

use std::borrow::Cow;
use std::fmt::Display;

use gif::{ColorOutput, DecodeOptions};

use super::limits::DecodeLimits;
use super::sniff::Format;
use super::source::{Check, Source};
use crate::error::{Error, Result};
use crate::imaging::DecodedRgb;

/// Bytes of the header and the logical screen descriptor.
const HEADER: usize = 13;

/// Decodes the first frame of a GIF file on its canvas. As in Pillow, the canvas grows to hold the frame, and what the
/// frame does not cover has the transparent colour or else the first one.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits, check: Check<'_>) -> Result<DecodedRgb> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    let mut decoder =
        options.read_info(Source::new(needed(bytes), check)).map_err(|error| undecodable(&error))?;
    let screen = (u32::from(decoder.width()), u32::from(decoder.height()));
    let frame = decoder
        .next_frame_info()
        .map_err(|error| undecodable(&error))?
        .ok_or_else(|| undecodable("it has no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = (usize::from(frame.width), usize::from(frame.height));
    let (interlaced, transparent) = (frame.interlaced, frame.transparent);
    let (width, height) =
        (screen.0.max((left + frame_width) as u32), screen.1.max((top + frame_height) as u32));
    limits.check(Format::Gif, width, height)?;
    if frame_width == 0 || frame_height == 0 {
        return Err(undecodable("its first frame has no pixels"));
    }

    let colors = color_table(decoder.palette().ok());
    let (width, height) = (width as usize, height as usize);
    let background = colors[usize::from(transparent.unwrap_or(0))];
    let mut data = vec![0; width * height * 3];
    let (pixels, _) = data.as_chunks_mut::<3>();
    if (frame_width, frame_height) != (width, height) {
        pixels.fill(background);
    }
    let mut indices = vec![0; frame_width];
    for line in lines(frame_height, interlaced) {
        check()?;
        if !decoder.fill_buffer(&mut indices).map_err(|error| undecodable(&error))? {
            return Err(undecodable("it is cut short: rows are missing"));
        }
        let start = (top + line) * width + left;
        for (pixel, index) in pixels[start..start + frame_width].iter_mut().zip(&indices) {
            *pixel = colors[usize::from(*index)];
        }
    }
    Ok(DecodedRgb { width, height, data, orientation: 1 })
}

fn undecodable(reason: &(impl Display + ?Sized)) -> Error {
    Format::Gif.undecodable(reason.to_string()).into()
}

/// The colour of each index: of a shorter table the rest is black; without a table an index is a grey level.
fn color_table(palette: Option<&[u8]>) -> [[u8; 3]; 256] {
    let Some(palette) = palette else {
        return std::array::from_fn(|index| [index as u8; 3]);
    };
    let mut colors = [[0; 3]; 256];
    colors.iter_mut().zip(palette.as_chunks::<3>().0).for_each(|(color, entry)| *color = *entry);
    colors
}

/// The rows of a frame in the order in which they are stored.
fn lines(height: usize, interlaced: bool) -> Box<dyn Iterator<Item = usize>> {
    if !interlaced {
        return Box::new(0..height);
    }
    let passes = [(0, 8), (4, 8), (2, 4), (1, 2)];
    Box::new(passes.into_iter().flat_map(move |(first, step)| (first..height).step_by(step)))
}

/// The parts of a file that make its first frame: all but the extensions before it that are no graphic control.
fn needed(bytes: &[u8]) -> Vec<Cow<'_, [u8]>> {
    const EXTENSION: u8 = 0x21;
    const GRAPHIC_CONTROL: u8 = 0xF9;
    let table = bytes.get(10).map_or(0, |flags| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) });
    let (head, mut rest) = bytes.split_at(bytes.len().min(HEADER + table));
    let mut parts = vec![Cow::Borrowed(head)];
    while let [EXTENSION, label, blocks @ ..] = rest {
        let length = 2 + sub_blocks(blocks);
        let (extension, next) = rest.split_at(rest.len().min(length));
        if *label == GRAPHIC_CONTROL {
            parts.push(Cow::Borrowed(extension));
        }
        rest = next;
    }
    parts.push(Cow::Borrowed(rest));
    parts
}

/// Length of a chain of sub-blocks with the empty one at its end.
fn sub_blocks(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length @ 1..) = bytes.get(at) {
        at += 1 + usize::from(*length);
    }
    at + 1
}
