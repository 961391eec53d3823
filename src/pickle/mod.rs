//! A reader of Python pickles, protocols 0 to 5, that runs nothing.
//!
//! A pickle is a program for a small stack machine, and Python's machine can import and call
//! anything. This one (`machine`) builds plain data: importing yields a marker, and only for the
//! globals that the caller allows; calling yields a record of the call. What a call means is for
//! the caller to say, who looks at the result through [`Value`]s.
//!
//! Any other global is refused by name the moment it is read, and so are opcodes that neither numpy
//! nor PyTorch writes (sets, the extension registry, out-of-band buffers).
//!
//! Time and memory grow with the length of the pickle and no faster: every opcode makes at most one
//! object, an object that is used again through the memo is not copied, a length is checked against
//! the bytes that are left before anything is allocated, and [`MAX_OBJECTS`] caps the rest. After
//! the last opcode, cyclic structures and those deeper than [`MAX_DEPTH`] are refused.
//!
//! The opcodes are those of CPython's `Lib/pickle.py` and `Lib/pickletools.py`.

mod machine;
mod opcode;
mod reader;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::borrow::Cow;

pub use value::{Call, Value};

/// Most objects that a pickle may make, remember, and use again. An enrolled photo makes eleven and a
/// tensor twenty, so this is room for 180,000 photos.
pub const MAX_OBJECTS: usize = 2_000_000;
/// Deepest nesting of lists, tuples, dicts and calls. A state dict has six levels.
pub const MAX_DEPTH: usize = 64;

/// What a pickle may contain beyond plain data.
pub struct Rules<'r, G> {
    /// Gives the marker of an allowed global by module and name, `None` for any other.
    pub resolve: &'r dyn Fn(&str, &str) -> Option<G>,
    /// What is allowed, for the message that refuses the rest: "expected only {expected}".
    pub expected: &'r str,
    /// Whether objects that are stored elsewhere may be named (PyTorch's storages).
    pub persistent_ids: bool,
}

/// Why a pickle was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {what}")]
pub struct PickleError {
    /// Position in the pickle.
    pub offset: usize,
    /// What was expected and what was found.
    pub what: String,
}

/// A pickle's objects. `'f` is the file, `G` the caller's marker of an allowed global.
#[derive(Debug)]
pub struct Pickle<'f, G> {
    nodes: Vec<Node<'f, G>>,
    root: Id,
    len: usize,
}

impl<'f, G: Copy> Pickle<'f, G> {
    /// Reads one pickle from the start of `bytes`. What follows it is left alone, as Python does.
    ///
    /// # Errors
    /// [`PickleError`] for anything that `rules` do not allow, that is no pickle, or that is
    /// cyclic, too deep or too large.
    pub fn read(bytes: &'f [u8], rules: &Rules<'_, G>) -> Result<Self, PickleError> {
        let pickle = machine::run(bytes, rules)?;
        shape::check(&pickle)?;
        Ok(pickle)
    }

    /// The object that was pickled.
    #[must_use]
    pub fn root(&self) -> Value<'_, 'f, G> {
        Value::new(self, self.root)
    }

    /// How many bytes the pickle took.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no pickle is empty")]
    pub fn len(&self) -> usize {
        self.len
    }
}

/// Index of a node. Only the machine makes them, each for a node it has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Id(u32);

impl Id {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// One object.
#[derive(Debug)]
enum Node<'f, G> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer that may not fit 64 bits: two's complement, little-endian.
    Long(&'f [u8]),
    /// Its value is of no use to anyone here.
    Float,
    /// `bytes`, `bytearray`, or the 8-bit string of Python 2.
    Bytes(Cow<'f, [u8]>),
    Text(Cow<'f, str>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(G),
    Call(Box<CallNode<G>>),
    Persistent(Id),
}

/// `callable(*args)`, which nobody called, and what was done to its result.
#[derive(Debug)]
struct CallNode<G> {
    callable: G,
    /// A tuple.
    args: Id,
    /// What `BUILD` would have passed to `__setstate__`.
    state: Option<Id>,
    /// What `SETITEMS` would have put into it.
    items: Vec<(Id, Id)>,
}
