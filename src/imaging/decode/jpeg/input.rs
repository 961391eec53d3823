//! The bytes of a JPEG stream as libjpeg reads them.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use crate::imaging::decode::source::{CHUNK_BYTES, Check, read_buffered};

/// The start of a scan: libjpeg gets one scan at a time, so that the work is checked between two of them.
const START_OF_SCAN: &[u8] = &[0xFF, 0xDA];

/// What libjpeg reads behind the last byte.
#[derive(Clone, Copy)]
pub(super) enum Ending {
    /// An end-of-image marker: what is missing becomes zeros.
    Marker,
    /// Other bits, with restart markers in between, then the marker.
    OtherBits,
}

/// Data of [`Ending::OtherBits`], more than libjpeg reads ahead, behind a zero that keeps a set byte before it from
/// being a marker. The first bits are set, where zeros would replace
/// them; the others are arbitrary, so that no code repeats.
const OTHER_BITS: &[u8] = b"\x00\xFE\x6D\x35\xA7\x1C\x93\x4B\xE2\x58\x0F\xB6\x71\xFF\xD0\xFE\x6D\x35\xA7\x1C\x93\x4B\xE2\x58\x0F\xB6\x71\
    \xFF\xD1\x2E\xD4\x97\x63\xFF\xD2\x2E\xD4\x97\x63\xFF\xD3\x2E\xD4\x97\x63\xFF\xD4\x2E\xD4\x97\x63\xFF\xD5\x2E\xD4\x97\x63\xFF\xD6\x2E\xD4\x97\x63\
    \xFF\xD7\x2E\xD4\x97\x63";

/// A stream in two parts, tables and picture; the second one may be empty. Reading fails once the work is cancelled.
pub(super) struct Input<'a> {
    /// Both parts, and what follows them.
    rest: [&'a [u8]; 3],
    /// Set when libjpeg wants more than the two parts.
    ran_out: &'a Cell<bool>,
    check: Check<'a>,
}

impl<'a> Input<'a> {
    pub(super) fn new(
        stream: [&'a [u8]; 2],
        ending: Ending,
        ran_out: &'a Cell<bool>,
        check: Check<'a>,
    ) -> Self {
        let end: &[u8] = match ending {
            Ending::Marker => &[], // libjpeg's reader makes the marker up
            Ending::OtherBits if stream.iter().rev().find_map(|part| part.last()) == Some(&0xFF) => {
                OTHER_BITS
            }
            Ending::OtherBits => &OTHER_BITS[1..],
        };
        Self { rest: [stream[0], stream[1], end], ran_out, check }
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        (self.check)().map_err(io::Error::other)?;
        if self.rest[..2].iter().all(|part| part.is_empty()) {
            self.ran_out.set(true);
        }
        let rest = self.rest.iter().find(|part| !part.is_empty()).copied().unwrap_or_default();
        let chunk = &rest[..rest.len().min(CHUNK_BYTES)];
        let next_scan = chunk.windows(2).skip(1).position(|pair| pair == START_OF_SCAN);
        Ok(next_scan.map_or(chunk, |at| &chunk[..at + 1])) // an index of `chunk`
    }

    fn consume(&mut self, count: usize) {
        if let Some(part) = self.rest.iter_mut().find(|part| !part.is_empty()) {
            *part = &part[count..]; // no more than `fill_buf` gave
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, into)
    }
}
