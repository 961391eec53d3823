//! A reader of Python pickles, protocols 0 to 5, that runs nothing.
//!
//! A pickle is a program for a stack machine; Python's can import and call anything. This one (`machine`) builds plain
//! data: an import yields a marker, for globals on the caller's allowlist only; a call yields a record of the call.
//! The caller interprets the records through [`Value`].
//!
//! Any other global is refused by name as soon as it is read. So are opcodes that neither numpy nor PyTorch writes
//! (sets, the extension registry, out-of-band buffers).
//!
//! Time and memory grow with the length of the pickle and no faster: every opcode makes at most one
//! object, an object that is used again through the memo is not copied, a length is checked against
//! the bytes that are left before anything is allocated, and [`MAX_OBJECTS`] caps the rest. After
//! the last opcode, cyclic structures and those deeper than [`MAX_DEPTH`] are refused.
//!
//! The opcodes are those of CPython's `Lib/pickle.py` and `Lib/pickletools.py`.

mod machine;
mod node;
mod opcode;
mod reader;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod value;

use node::ObjectGraph;
pub use rules::{MAX_DEPTH, MAX_OBJECTS, PickleError, Rules};
pub use value::{Call, Value};

/// A pickle that has been read. `'f` is the lifetime of the file, `G` the caller's type of an allowed global.
#[derive(Debug)]
pub struct Pickle<'f, G>(ObjectGraph<'f, G>);

impl<'f, G: Copy> Pickle<'f, G> {
    /// Reads one pickle from the start of `bytes`. Bytes after it are ignored, as in Python.
    ///
    /// # Errors
    /// [`PickleError`] when an object is not allowed by `rules`, when `bytes` is no pickle, and when the
    /// object graph is cyclic, too deep or too large.
    pub fn read(bytes: &'f [u8], rules: &Rules<'_, G>) -> Result<Self, PickleError> {
        let nodes = machine::run(bytes, rules)?;
        shape::check(&nodes)?;
        Ok(Self(nodes))
    }

    /// The pickled object.
    #[must_use]
    pub fn root(&self) -> Value<'_, 'f, G> {
        Value::new(&self.0.nodes, self.0.root)
    }

    /// Length of the pickle, bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no pickle is empty")]
    pub fn len(&self) -> usize {
        self.0.len
    }
}
