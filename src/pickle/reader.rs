//! Bounds-checked reader of opcode arguments.

use super::rules::PickleError;

/// Longest text line of the protocol-0 opcodes that hold a number or a name, bytes.
const MAX_LINE: usize = 1024;

/// A position in the pickle.
pub(super) struct Reader<'f> {
    bytes: &'f [u8],
    position: usize,
}

impl<'f> Reader<'f> {
    pub(super) fn new(bytes: &'f [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn error(&self, what: impl Into<String>) -> PickleError {
        PickleError { offset: self.position, what: what.into() }
    }

    fn left(&self) -> &'f [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: u64) -> Result<&'f [u8], PickleError> {
        let left = self.left();
        let taken = usize::try_from(len).ok().and_then(|len| left.get(..len)).ok_or_else(|| {
            self.error(format!(
                "expected {len} more bytes, found {}: truncated, or a false length",
                left.len()
            ))
        })?;
        self.position += taken.len();
        Ok(taken)
    }

    /// Checks that `len` bytes are left, without taking them: a frame's length.
    pub(super) fn expect(&self, len: u64) -> Result<(), PickleError> {
        let left = self.left().len();
        if len > left as u64 {
            return Err(self.error(format!("a frame claims {len} bytes, but {left} are left")));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, PickleError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, PickleError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, PickleError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, PickleError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, PickleError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A 4-byte length that CPython reads as signed.
    pub(super) fn signed_len(&mut self) -> Result<u64, PickleError> {
        let len = self.i32()?;
        u64::try_from(len).map_err(|_| self.error(format!("expected a length, found {len}")))
    }

    /// A line without its newline, of any length.
    pub(super) fn long_line(&mut self) -> Result<&'f [u8], PickleError> {
        let left = self.left();
        let len = left
            .iter()
            .position(|byte| *byte == b'\n')
            .ok_or_else(|| self.error("expected a line, found no newline: truncated"))?;
        self.position += len + 1;
        Ok(left.get(..len).unwrap_or_default())
    }

    /// A short line without its newline, as text.
    pub(super) fn line(&mut self) -> Result<&'f str, PickleError> {
        let line = self.long_line()?;
        if line.len() > MAX_LINE {
            return Err(
                self.error(format!("expected a line of at most {MAX_LINE} bytes, found {}", line.len()))
            );
        }
        std::str::from_utf8(line).map_err(|_| self.error("expected a line of UTF-8"))
    }

    /// A line that holds a number.
    pub(super) fn number<T: std::str::FromStr>(&mut self, suffix: &str) -> Result<T, PickleError> {
        let line = self.line()?;
        let digits = line.strip_suffix(suffix).unwrap_or(line);
        digits
            .parse()
            .map_err(|_| self.error(format!("expected a number, found \"{}\"", line.escape_debug())))
    }
}
