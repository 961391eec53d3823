//! Typed access to the objects of a pickle.

use super::node::{Id, Node};

/// Longest 8-bit string that is accepted as text, bytes. Its UTF-8 is checked at every access, and a pickle can refer
/// to one string from millions of places.
const MAX_BYTES_AS_TEXT: usize = 1024;
/// Largest number of dimensions of an array or tensor; numpy's limit.
const MAX_DIMENSIONS: usize = 64;

/// One object of a pickle. Every accessor returns `None` when the object is of another kind.
#[derive(Debug)]
pub struct Value<'p, 'f, G> {
    nodes: &'p [Node<'f, G>],
    id: Id,
}

impl<G> Clone for Value<'_, '_, G> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<G> Copy for Value<'_, '_, G> {}

/// A recorded call. It was not executed.
#[derive(Debug, Clone, Copy)]
pub struct Call<'p, 'f, G> {
    /// The callable.
    pub callable: G,
    /// The arguments, a tuple.
    pub args: Value<'p, 'f, G>,
    /// The argument of the result's `__setstate__`, if any.
    pub state: Option<Value<'p, 'f, G>>,
    items: &'p [(Id, Id)],
}

impl<'p, 'f, G: Copy> Value<'p, 'f, G> {
    pub(super) fn new(nodes: &'p [Node<'f, G>], id: Id) -> Self {
        Self { nodes, id }
    }

    fn node(self) -> &'p Node<'f, G> {
        self.nodes.get(self.id.index()).unwrap_or(&Node::None)
    }

    fn at(self, id: Id) -> Self {
        Self { id, ..self }
    }

    /// The kind of object, as Python calls it, for messages.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self.node() {
            Node::None => "None",
            Node::Bool(_) => "bool",
            Node::Int(_) | Node::Long(_) => "int",
            Node::Float => "float",
            Node::Bytes(_) => "bytes",
            Node::Text(_) => "str",
            Node::Tuple(_) => "tuple",
            Node::List(_) => "list",
            Node::Dict(_) => "dict",
            Node::Global(_) => "function or class",
            Node::Call(_) => "object",
            Node::Persistent(_) => "storage",
        }
    }

    /// Whether the object is `None`.
    #[must_use]
    pub fn is_none(self) -> bool {
        matches!(self.node(), Node::None)
    }

    /// A `bool`; Python 1's integers count too.
    #[must_use]
    pub fn bool(self) -> Option<bool> {
        match self.node() {
            Node::Bool(value) => Some(*value),
            Node::Int(value) => Some(*value != 0),
            _ => None,
        }
    }

    /// An `int` that fits 64 bits.
    #[must_use]
    pub fn int(self) -> Option<i64> {
        match self.node() {
            Node::Int(value) => Some(*value),
            Node::Long(bytes) => small_int(bytes),
            _ => None,
        }
    }

    /// An `int` that is not negative, as a size or an offset.
    #[must_use]
    pub fn size(self) -> Option<usize> {
        usize::try_from(self.int()?).ok()
    }

    /// An `int` of up to 128 bits.
    #[must_use]
    pub fn big_int(self) -> Option<i128> {
        match self.node() {
            Node::Int(value) => Some(i128::from(*value)),
            Node::Long(bytes) => extend(bytes).map(i128::from_le_bytes),
            _ => None,
        }
    }

    /// A `str`, or Python 2's 8-bit string where it is short and UTF-8.
    #[must_use]
    pub fn text(self) -> Option<&'p str> {
        match self.node() {
            Node::Text(text) => Some(text),
            Node::Bytes(bytes) if bytes.len() <= MAX_BYTES_AS_TEXT => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// `bytes`, a `bytearray`, or Python 2's 8-bit string.
    #[must_use]
    pub fn bytes(self) -> Option<&'p [u8]> {
        match self.node() {
            Node::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The items of a list or a tuple.
    #[must_use]
    pub fn items(self) -> Option<impl ExactSizeIterator<Item = Self>> {
        match self.node() {
            Node::Tuple(items) | Node::List(items) => Some(items.iter().map(move |id| self.at(*id))),
            _ => None,
        }
    }

    /// The items of a tuple of this length.
    #[must_use]
    pub fn tuple<const N: usize>(self) -> Option<[Self; N]> {
        match self.node() {
            Node::Tuple(items) => {
                let ids: [Id; N] = items.as_slice().try_into().ok()?;
                Some(ids.map(|id| self.at(id)))
            }
            _ => None,
        }
    }

    /// The item of a tuple at `index`.
    #[must_use]
    pub fn tuple_item(self, index: usize) -> Option<Self> {
        match self.node() {
            Node::Tuple(items) => items.get(index).map(|id| self.at(*id)),
            _ => None,
        }
    }

    /// The sizes in a tuple or list of integers: a shape or strides, of 64 dimensions at most.
    #[must_use]
    pub fn sizes(self) -> Option<Vec<usize>> {
        let items = self.items().filter(|items| items.len() <= MAX_DIMENSIONS)?;
        items.map(Self::size).collect()
    }

    /// The keys and values of a `dict`.
    #[must_use]
    pub fn pairs(self) -> Option<impl ExactSizeIterator<Item = (Self, Self)>> {
        match self.node() {
            Node::Dict(pairs) => Some(pairs.iter().map(move |(key, value)| (self.at(*key), self.at(*value)))),
            _ => None,
        }
    }

    /// An allowed global.
    #[must_use]
    pub fn global(self) -> Option<G> {
        match self.node() {
            Node::Global(global) => Some(*global),
            _ => None,
        }
    }

    /// A recorded call.
    #[must_use]
    pub fn call(self) -> Option<Call<'p, 'f, G>> {
        match self.node() {
            Node::Call(call) => Some(Call {
                callable: call.callable,
                args: self.at(call.args),
                state: call.state.map(|state| self.at(state)),
                items: &call.items,
            }),
            _ => None,
        }
    }

    /// The persistent ID of an object outside the pickle.
    #[must_use]
    pub fn persistent_id(self) -> Option<Self> {
        match self.node() {
            Node::Persistent(id) => Some(self.at(*id)),
            _ => None,
        }
    }
}

impl<'p, 'f, G: Copy> Call<'p, 'f, G> {
    /// The items that would be set on the result.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (Value<'p, 'f, G>, Value<'p, 'f, G>)> {
        let args = self.args;
        self.items.iter().map(move |(key, value)| (args.at(*key), args.at(*value)))
    }
}

fn small_int(bytes: &[u8]) -> Option<i64> {
    extend(bytes).map(i128::from_le_bytes).and_then(|value| i64::try_from(value).ok())
}

/// Two's complement, little-endian, sign-extended to 128 bits.
fn extend(bytes: &[u8]) -> Option<[u8; 16]> {
    let negative = bytes.last().is_some_and(|byte| *byte >= 0x80);
    let mut extended = [if negative { 0xff } else { 0 }; 16];
    extended.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(extended)
}
