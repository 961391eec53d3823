//! The rows of a strip or tile, unpacked one by one.

use std::io::{self, Read};

use flate2::bufread::ZlibDecoder;
use weezl::decode::Decoder;
use weezl::{BitOrder, LzwStatus};

use super::layout::{Compression, Layout, Photometric, Predictor, undecodable};
use super::samples;
use crate::error::Result;
use crate::imaging::ifd::Order;

/// The rows of a part that holds no JPEG.
pub(super) struct Rows<'a> {
    layout: &'a Layout<'a>,
    unpacked: Box<dyn Read + 'a>,
    /// A row as it is stored.
    row: Vec<u8>,
    /// What a predictor needs.
    scratch: Vec<u8>,
    /// A row as bytes, or several that share their chroma.
    samples: Vec<u8>,
    /// Where in `samples` the next row begins.
    next: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(layout: &'a Layout<'a>, stored: &'a [u8]) -> Self {
        let unpacked: Box<dyn Read + 'a> = match layout.compression {
            Compression::None | Compression::Jpeg => Box::new(stored),
            Compression::Deflate => Box::new(ZlibDecoder::new(stored)),
            Compression::PackBits => Box::new(PackBits { rest: stored, run: Run::None }),
            Compression::Lzw => {
                Box::new(Lzw { decoder: Decoder::with_tiff_size_switch(BitOrder::Msb, 8), rest: stored })
            }
        };
        Self { layout, unpacked, row: Vec::new(), scratch: Vec::new(), samples: Vec::new(), next: 0 }
    }

    /// The next row: 8-bit samples of all its pixels.
    pub(super) fn next(&mut self) -> Result<&[u8]> {
        if self.layout.photometric == Photometric::YCbCr {
            return self.next_of_units();
        }
        let layout = self.layout;
        self.fill(layout.row_bytes())?;
        let mut order = layout.order;
        match layout.predictor {
            Predictor::None => {}
            Predictor::Horizontal => {
                samples::undo_horizontal(&mut self.row, layout.samples, layout.bits / 8, order);
            }
            Predictor::Float => {
                samples::undo_float(&mut self.row, layout.samples, &mut self.scratch);
                order = Order::Big;
            }
        }
        let is_index = layout.photometric == Photometric::Palette;
        samples::to_bytes(&self.row, layout.bits, layout.is_float, is_index, order, &mut self.samples);
        Ok(&self.samples)
    }

    /// Reads so many bytes into `row`.
    fn fill(&mut self, bytes: usize) -> Result<()> {
        self.row.resize(bytes, 0);
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => undecodable("it is cut short: pixels are missing"),
            _ => undecodable(error.to_string()),
        };
        self.unpacked.read_exact(&mut self.row).map_err(failed)?;
        if self.layout.is_reversed {
            self.row.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        Ok(())
    }

    /// The next row of YCbCr, which is stored in units: luma of some columns and rows, then the chroma they share.
    fn next_of_units(&mut self) -> Result<&[u8]> {
        let (across, down) = self.layout.subsampling;
        let width = self.layout.part_width;
        let row_len = width * 3;
        if self.next >= self.samples.len() {
            let unit = across * down + 2;
            self.fill(width.div_ceil(across) * unit)?;
            if self.layout.predictor == Predictor::Horizontal {
                samples::undo_horizontal(&mut self.row, 3, 1, self.layout.order);
            }
            self.samples.resize(row_len * down, 0);
            for (column, unit) in self.row.chunks_exact(unit).enumerate() {
                let (luma, chroma) = unit.split_at(across * down);
                for (index, luma) in luma.iter().enumerate() {
                    let (x, y) = (column * across + index % across, index / across);
                    if x < width {
                        let at = y * row_len + x * 3;
                        self.samples[at..at + 3].copy_from_slice(&[*luma, chroma[0], chroma[1]]);
                    }
                }
            }
            self.next = 0;
        }
        self.next += row_len;
        Ok(&self.samples[self.next - row_len..self.next])
    }
}

struct Lzw<'a> {
    decoder: Decoder,
    rest: &'a [u8],
}

impl Read for Lzw<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = self.decoder.decode_bytes(self.rest, into);
            self.rest = &self.rest[result.consumed_in..]; // no more than it was given
            let status = result.status.map_err(io::Error::other)?;
            if result.consumed_out > 0 || into.is_empty() || !matches!(status, LzwStatus::Ok) {
                return Ok(result.consumed_out);
            }
        }
    }
}

/// Run lengths, as TIFF 6.0 has them (section 9).
struct PackBits<'a> {
    rest: &'a [u8],
    run: Run,
}

enum Run {
    None,
    /// So many bytes as they are.
    Literal(usize),
    /// So many times this byte.
    Repeat(usize, u8),
}

impl Read for PackBits<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.run {
                Run::Literal(left @ 1..) => {
                    let count = (*left).min(into.len()).min(self.rest.len());
                    let (bytes, rest) = self.rest.split_at(count);
                    into[..count].copy_from_slice(bytes);
                    self.rest = rest;
                    *left -= count;
                    return Ok(count);
                }
                Run::Repeat(left @ 1.., byte) => {
                    let count = (*left).min(into.len());
                    into[..count].fill(*byte);
                    *left -= count;
                    return Ok(count);
                }
                _ => {}
            }
            (self.run, self.rest) = match *self.rest {
                [count @ 0..=127, ref rest @ ..] => (Run::Literal(usize::from(count) + 1), rest),
                [128, ref rest @ ..] => (Run::None, rest),
                [count, byte, ref rest @ ..] => (Run::Repeat(257 - usize::from(count), byte), rest),
                _ => return Ok(0),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_lengths_are_unpacked() {
        // The example of the specification.
        let packed = b"\xFE\xAA\x02\x80\x00\x2A\xFD\xAA\x03\x80\x00\x2A\x22\xF7\xAA";
        let expected = b"\xAA\xAA\xAA\x80\x00\x2A\xAA\xAA\xAA\xAA\x80\x00\x2A\x22\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA\xAA";
        let mut unpacked = Vec::new();
        PackBits { rest: packed, run: Run::None }.read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, expected);
    }
}
