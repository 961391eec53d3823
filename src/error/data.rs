//! Errors of the files in the data directory: gallery, roster, keys, photos.

use std::fmt;
use std::io;
use std::path::Path;

/// Why a file of the data directory, or what it holds, can't be used. The message includes that of
/// the cause, which is also the [`source`](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The operating system failed an operation: a missing file, missing rights, a full disk.
    #[error("{file} can't be {operation}: {source}")]
    Io {
        /// What the file is and its path, e.g. `the gallery /data/gallery.bin`.
        file: String,
        /// What was to be done with it.
        operation: Operation,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file's content is not what was expected.
    #[error("{file} can't be {operation}: {reason}")]
    Content {
        /// What the file is and its path.
        file: String,
        /// What was to be done with it.
        operation: Operation,
        /// What was expected and what was found.
        reason: String,
    },
    /// A write that several edits shared failed; each of them gets the error.
    #[error("{0}")]
    SharedWrite(#[source] std::sync::Arc<super::Error>),
    /// A database failed: it is damaged, locked for too long, or its disk is full.
    #[error("{file}: {source}")]
    Database {
        /// What the database is and its path.
        file: String,
        /// What the database said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Settings or entries that contradict each other, whatever file they come from.
    #[error("{0}")]
    Invalid(String),
}

/// What was to be done with a file. The `Display` form completes "the file can't be ...".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Opened, read or decoded.
    Read,
    /// Encoded, written or replaced.
    Write,
    /// Locked against other processes.
    Lock,
    /// Imported from the old service.
    Import,
    /// Put into the directory of models.
    Install,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "written",
            Self::Lock => "locked",
            Self::Import => "imported",
            Self::Install => "installed",
        })
    }
}

impl DataError {
    /// An [`io::Error`] while `file` (what it is and its path) was used. For `map_err`.
    pub fn io(file: impl fmt::Display, operation: Operation) -> impl Fn(io::Error) -> super::Error {
        move |source| Self::Io { file: file.to_string(), operation, source }.into()
    }

    /// Content of `file` that is not what was expected.
    pub fn content(file: impl fmt::Display, operation: Operation, reason: impl fmt::Display) -> super::Error {
        Self::Content { file: file.to_string(), operation, reason: reason.to_string() }.into()
    }

    /// [`DataError::io`] for a file that its path describes well enough.
    pub fn io_at(path: &Path, operation: Operation) -> impl Fn(io::Error) -> super::Error {
        Self::io(path.display(), operation)
    }
}
