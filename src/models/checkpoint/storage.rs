//! Storages, and the tensors that are views of them.

/// Type of a storage's elements. Storages are little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementType {
    F16,
    BF16,
    F32,
    F64,
    /// Integers and booleans of so many bytes: counters, which no network needs here.
    Other(usize),
}

impl ElementType {
    /// By the name of the storage's class in the module `torch`.
    pub(super) fn of_class(class: &str) -> Option<Self> {
        Some(match class {
            "HalfStorage" => Self::F16,
            "BFloat16Storage" => Self::BF16,
            "FloatStorage" => Self::F32,
            "DoubleStorage" => Self::F64,
            "LongStorage" => Self::Other(8),
            "IntStorage" => Self::Other(4),
            "ShortStorage" => Self::Other(2),
            "CharStorage" | "ByteStorage" | "BoolStorage" => Self::Other(1),
            _ => return None,
        })
    }

    /// Bytes of one element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::Other(size) => size,
        }
    }
}

/// A storage as a tensor refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StorageRef {
    pub(super) key: String,
    pub(super) element: ElementType,
    /// Number of elements.
    pub(super) len: usize,
}

impl StorageRef {
    /// Length in bytes, `None` when that overflows.
    pub(super) fn byte_len(&self) -> Option<usize> {
        self.len.checked_mul(self.element.size())
    }
}

/// A tensor: a strided view of a storage. Offset and strides count elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TensorView {
    pub(super) storage: StorageRef,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

impl TensorView {
    /// How many elements the tensor has, after a check that all lie within a storage of `len`
    /// elements and that they are not more than those (as an expanded tensor's would be).
    pub(super) fn count_within(&self, len: usize) -> Result<usize, String> {
        let count = self.shape.iter().try_fold(1usize, |count, side| count.checked_mul(*side));
        let count = count.filter(|count| *count <= len).ok_or_else(|| {
            format!("expected at most the {len} elements of its storage, found shape {:?}", self.shape)
        })?;
        let last = self.shape.iter().zip(&self.strides).try_fold(self.offset, |last, (side, stride)| {
            last.checked_add(side.saturating_sub(1).checked_mul(*stride)?)
        });
        match last {
            Some(last) if count == 0 || last < len => Ok(count),
            _ => Err(format!(
                "expected to lie within its storage of {len} elements, found offset {}, strides {:?}",
                self.offset, self.strides
            )),
        }
    }
}
