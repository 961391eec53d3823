//! Reads PyTorch checkpoints of both formats: that of `torch.save` before version 1.6
//! (`legacy`) and the zip archive since then (`archive`). No code in them is executed.
//!
//! A checkpoint is a state dict: tensors by name, each a strided view of a storage. Opening it reads the pickle only;
//! the values of a tensor are read on request, by name and expected shape.

use std::collections::BTreeMap;

use crate::error::{Error, ModelError, Result};

mod archive;
mod legacy;
mod numbers;
mod state_dict;
mod storage;

use storage::TensorView;

/// Largest checkpoint that is read, bytes: 512 MiB. The checkpoint of FaceNet has 112 MB.
pub const MAX_CHECKPOINT_BYTES: u64 = 1 << 29;

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint<'f> {
    tensors: BTreeMap<String, TensorView>,
    storages: Storages<'f>,
}

#[derive(Debug)]
enum Storages<'f> {
    Legacy(legacy::Storages<'f>),
    Archive(archive::Storages<'f>),
}

/// Whether `bytes` start with the magic number of either format. True for any zip archive.
#[must_use]
pub fn is_checkpoint(bytes: &[u8]) -> bool {
    legacy::has_magic(bytes) || archive::is_zip(bytes)
}

impl<'f> Checkpoint<'f> {
    /// Opens the checkpoint in `bytes`.
    ///
    /// # Errors
    /// [`Error::Model`] when it is not a checkpoint, or refers to anything but tensors.
    pub fn open(bytes: &'f [u8]) -> Result<Self> {
        let opened = if archive::is_zip(bytes) {
            archive::open(bytes).map(|(tensors, storages)| (tensors, Storages::Archive(storages)))
        } else if legacy::has_magic(bytes) {
            legacy::open(bytes).map(|(tensors, storages)| (tensors, Storages::Legacy(storages)))
        } else {
            Err("expected the magic number of either format, found neither".into())
        };
        let (tensors, storages) = opened.map_err(ModelError::Checkpoint)?;
        Ok(Self { tensors, storages })
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor; `None` when there is no such tensor.
    #[must_use]
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|tensor| tensor.shape.as_slice())
    }

    /// The values of the tensor `name` as float32, row-major. Its shape must be `shape`.
    ///
    /// # Errors
    /// [`Error::Model`] naming the tensor when it is missing, has another shape, is not floating-point, or exceeds its
    /// storage.
    pub fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let error = |reason: String| Error::from(ModelError::Tensor { tensor: name.to_owned(), reason });
        let tensor = self
            .tensors
            .get(name)
            .ok_or_else(|| error(format!("expected one of shape {shape:?}, found none of that name")))?;
        if tensor.shape != shape {
            return Err(error(format!("expected shape {shape:?}, found {:?}", tensor.shape)));
        }
        let storage = match &mut self.storages {
            Storages::Legacy(storages) => storages.get(&tensor.storage),
            Storages::Archive(storages) => storages.get(&tensor.storage),
        };
        storage.and_then(|bytes| numbers::gather(bytes, tensor)).map_err(error)
    }
}
