//! The objects of a pickle as a graph: nodes that refer to each other by index.

use std::borrow::Cow;

/// All objects of one pickle. `'f` is the lifetime of the file, `G` the caller's type of an allowed global.
#[derive(Debug)]
pub(super) struct ObjectGraph<'f, G> {
    pub(super) nodes: Vec<Node<'f, G>>,
    /// The pickled object.
    pub(super) root: Id,
    /// Length of the pickle, bytes.
    pub(super) len: usize,
}

/// Index of a node. Only the machine makes them, each for a node it has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(pub(super) u32);

impl Id {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One object.
#[derive(Debug)]
pub(super) enum Node<'f, G> {
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
pub(super) struct CallNode<G> {
    pub(super) callable: G,
    /// A tuple.
    pub(super) args: Id,
    /// What `BUILD` would have passed to `__setstate__`.
    pub(super) state: Option<Id>,
    /// What `SETITEMS` would have put into it.
    pub(super) items: Vec<(Id, Id)>,
}
