//! Where the roster is kept.

use std::path::PathBuf;
use std::sync::Arc;

use super::{MAX_FILE_BYTES, Roster, Version, replace, versions};
use crate::error::{DataError, Operation, Result};
use crate::reloadable::{ReloadError, Reloadable};

/// A place for the roster, with it in memory.
pub trait RosterBackend: Send + Sync {
    /// The roster in use.
    fn current(&self) -> Arc<Roster>;

    /// Replaces the roster by `bytes`, which were read as `roster`; durable and in use when this returns. The old one is
    /// kept. Returns the old one and the new one.
    ///
    /// # Errors
    /// When it can't be written.
    fn replace(&self, bytes: &[u8], roster: Roster) -> Result<(Arc<Roster>, Arc<Roster>)>;

    /// The rosters that were replaced and are kept, the latest first.
    ///
    /// # Errors
    /// When they can't be read.
    fn versions(&self) -> Result<Vec<Version>>;

    /// The bytes of the roster with this id; `None` where it is not kept.
    ///
    /// # Errors
    /// When it can't be read.
    fn version(&self, id: &str) -> Result<Option<Vec<u8>>>;

    /// Takes a change by others into use. Call it about once a second from a thread that may block. Returns whether there is
    /// a new one.
    fn poll(&self) -> bool;

    /// How often changes by others were taken into use, and how often they could not be.
    fn reloads(&self) -> (u64, u64);

    /// Why the roster in use is not the one that is kept.
    fn error(&self) -> Option<ReloadError>;
}

/// A roster that is a file of a data directory; its user holds the lock on that for changes.
pub struct RosterFile(Reloadable<Roster>);

impl RosterFile {
    /// The file that is reread when it changes.
    #[must_use]
    pub fn new(roster: Reloadable<Roster>) -> Self {
        Self(roster)
    }

    /// `None` for a roster without a file.
    fn versions_directory(&self) -> Option<PathBuf> {
        self.0.path().parent().map(|directory| directory.join(versions::DIRECTORY))
    }
}

impl RosterBackend for RosterFile {
    fn current(&self) -> Arc<Roster> {
        self.0.current()
    }

    fn replace(&self, bytes: &[u8], roster: Roster) -> Result<(Arc<Roster>, Arc<Roster>)> {
        replace(&self.0, bytes, roster)
    }

    fn versions(&self) -> Result<Vec<Version>> {
        let Some(directory) = self.versions_directory() else { return Ok(Vec::new()) };
        versions::list(&directory).map_err(DataError::io_at(&directory, Operation::Read))
    }

    fn version(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let Some(directory) = self.versions_directory() else { return Ok(None) };
        let found = versions::read(&directory, id, MAX_FILE_BYTES);
        found.map_err(DataError::io_at(&directory, Operation::Read))
    }

    fn poll(&self) -> bool {
        self.0.poll()
    }

    fn reloads(&self) -> (u64, u64) {
        self.0.reloads()
    }

    fn error(&self) -> Option<ReloadError> {
        self.0.reload_error()
    }
}
