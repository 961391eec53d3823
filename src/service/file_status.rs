//! The state of a file that is reread when it changes.

use crate::gallery::backend::BackendStatus;
use crate::reloadable::ReloadError;

/// A file that is reread when it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// `gallery`, `database`, `roster` or `keys`.
    pub name: &'static str,
    /// How often a changed file was read.
    pub reloads_ok: u64,
    /// How often a changed file could not be read.
    pub reloads_failed: u64,
    /// Why the value in use is not the file's.
    pub reload_error: Option<ReloadError>,
    /// Whether the file may be absent.
    optional: bool,
}

impl From<BackendStatus> for FileStatus {
    fn from(status: BackendStatus) -> Self {
        let BackendStatus { name, reloads, error } = status;
        Self::required(name, reloads, error)
    }
}

impl FileStatus {
    /// The status of a file that must exist.
    #[must_use]
    pub fn required(name: &'static str, reloads: (u64, u64), reload_error: Option<ReloadError>) -> Self {
        Self { optional: false, ..Self::optional_of(name, reloads, reload_error) }
    }

    /// The status of a file that may be absent.
    #[must_use]
    pub fn optional_of(name: &'static str, reloads: (u64, u64), reload_error: Option<ReloadError>) -> Self {
        let (reloads_ok, reloads_failed) = reloads;
        Self { name, reloads_ok, reloads_failed, reload_error, optional: true }
    }

    /// The error, where it makes the service degraded.
    #[must_use]
    pub fn error(&self) -> Option<&ReloadError> {
        self.reload_error.as_ref().filter(|error| error.file_exists || !self.optional)
    }

    /// The error, where it does not: an optional file is absent.
    #[must_use]
    pub fn warning(&self) -> Option<&ReloadError> {
        self.reload_error.as_ref().filter(|error| !error.file_exists && self.optional)
    }
}
