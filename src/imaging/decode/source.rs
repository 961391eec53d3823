//! A file as decoders read it: parts of it, one after the other, until the work is cancelled.

use std::borrow::Cow;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::error::Result;

/// Asks whether decoding goes on; an error ends it.
pub type Check<'a> = &'a (dyn Fn() -> Result<()> + Sync);

/// Bytes handed to a decoder between two checks: a decoder does little with so few.
pub(super) const CHUNK_BYTES: usize = 16 << 10;

/// Reads through a reader's own buffer.
pub(super) fn read_buffered(reader: &mut impl BufRead, into: &mut [u8]) -> io::Result<usize> {
    let available = reader.fill_buf()?;
    let count = available.len().min(into.len());
    into[..count].copy_from_slice(&available[..count]);
    reader.consume(count);
    Ok(count)
}

/// Parts of a file, read as if they were all of it. Metadata that is left out is never unpacked.
/// Reading fails once the work is cancelled.
pub(super) struct Source<'a> {
    parts: Vec<Cow<'a, [u8]>>,
    /// Index of the part that is read.
    part: usize,
    /// Position in that part.
    at: usize,
    check: Check<'a>,
}

impl<'a> Source<'a> {
    pub(super) fn new(parts: Vec<Cow<'a, [u8]>>, check: Check<'a>) -> Self {
        Self { parts, part: 0, at: 0, check }
    }

    fn skip_empty(&mut self) {
        while self.parts.get(self.part).is_some_and(|part| self.at >= part.len()) {
            (self.part, self.at) = (self.part + 1, 0);
        }
    }

    fn position(&self) -> u64 {
        self.parts[..self.part].iter().map(|part| part.len() as u64).sum::<u64>() + self.at as u64
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        (self.check)().map_err(io::Error::other)?;
        self.skip_empty();
        let rest = self.parts.get(self.part).map_or(&[][..], |part| &part[self.at..]);
        Ok(&rest[..rest.len().min(CHUNK_BYTES)])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        read_buffered(self, into)
    }
}

impl Seek for Source<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let len: u64 = self.parts.iter().map(|part| part.len() as u64).sum();
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position().checked_add_signed(distance),
            SeekFrom::End(distance) => len.checked_add_signed(distance),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        let mut left = target;
        for (index, part) in self.parts.iter().enumerate() {
            if left < part.len() as u64 {
                (self.part, self.at) = (index, left as usize); // less than the part's length
                return Ok(target);
            }
            left -= part.len() as u64;
        }
        (self.part, self.at) = (self.parts.len(), 0);
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::error::Error;

    #[test]
    fn parts_are_read_as_one_file() {
        let parts = [&b"ab"[..], b"", b"cde", b""].map(Cow::Borrowed);
        let mut source = Source::new(parts.into(), &|| Ok(()));
        let mut all = Vec::new();
        source.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"abcde");
        for (to, position, expected) in [
            (SeekFrom::Start(1), 1, &b"bcde"[..]),
            (SeekFrom::End(-2), 3, b"de"),
            (SeekFrom::Current(-5), 0, b"abcde"),
            (SeekFrom::Start(9), 9, b""),
        ] {
            assert_eq!(source.seek(to).unwrap(), position);
            all.clear();
            source.read_to_end(&mut all).unwrap();
            assert_eq!(all, expected, "{to:?}");
        }
    }

    #[test]
    fn reading_fails_once_cancelled() {
        let cancelled = AtomicBool::new(false);
        let check = || if cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) };
        let mut source = Source::new(vec![Cow::Borrowed(&[1, 2, 3])], &check);
        assert_eq!(source.read(&mut [0; 2]).unwrap(), 2);
        cancelled.store(true, Ordering::Relaxed);
        assert!(source.read(&mut [0; 2]).is_err());
    }
}
