//! Errors of the networks: their files, their structure, and running them.

use std::io;
use std::path::PathBuf;

/// Why a network can't be used. The message includes that of the cause, which is also the
/// [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A model's file, or the note beside it, can't be read.
    #[error("{} can't be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file is larger than the limit of its kind, or is not an install record.
    #[error("{} can't be read: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// The checksum of the file is neither in the manifest nor in its install record.
    #[error("{} is not the {model} model it should be: expected SHA-256 {expected}, found {found}; {advice}", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
        /// Name of the model in the manifest.
        model: String,
        /// The checksums that are known, in hexadecimal digits.
        expected: String,
        /// The file's checksum.
        found: String,
        /// What helps.
        advice: String,
    },
    /// No model has this name, or the model is not installed, or there is no directory to install into.
    #[error("{0}")]
    NotFound(String),
    /// The bytes are no ONNX network.
    #[error("{network} can't be read as an ONNX network: {reason}")]
    NotOnnx {
        /// Name of the network, e.g. `R-Net`.
        network: String,
        /// What the decoder said.
        reason: String,
    },
    /// An ONNX network of another structure.
    #[error("{network} is not the network that was expected: {reason}")]
    Structure {
        /// Name of the network, e.g. `R-Net`.
        network: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The bytes are no PyTorch checkpoint.
    #[error("not a PyTorch checkpoint: {0}")]
    Checkpoint(String),
    /// A tensor of a checkpoint is missing, of another shape, or holds unusable numbers.
    #[error("tensor {tensor}: {reason}")]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// A model can't be downloaded.
    #[error("{url} can't be fetched: {reason}")]
    Download {
        /// From where.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A file is no model that may be installed.
    #[error("{file} can't be installed as {model}: {source}")]
    Install {
        /// The file or address that was to be installed.
        file: String,
        /// Name of the model in the manifest.
        model: String,
        /// Why not.
        source: Box<super::Error>,
    },
    /// The network can't be run, or its output is not what was expected.
    #[error("{0}")]
    Run(String),
    /// The manifest or the self-test compiled into the program is broken, which tests rule out.
    #[error("{0}")]
    Builtin(String),
}
