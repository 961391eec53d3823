//! The store of the roster: the workbook that maps names to IDs.

use std::path::Path;
use std::sync::Arc;

use super::file_status::FileStatus;
use crate::error::Result;
use crate::reloadable::Reloadable;
use crate::roster::backend::{RosterBackend, RosterFile};
use crate::roster::{ROSTER, Roster, Version};

/// The roster, where it is kept and in memory.
pub struct RosterStore(Box<dyn RosterBackend>);

impl RosterStore {
    /// The roster of a file; its warnings are logged.
    #[must_use]
    pub fn new(roster: Reloadable<Roster>) -> Self {
        Self::kept_by(RosterFile::new(roster))
    }

    /// A roster without a file.
    #[must_use]
    pub fn in_memory(roster: Roster) -> Self {
        Self::new(Reloadable::with_value(Path::new(""), ROSTER, roster))
    }

    /// A roster that is kept elsewhere than in a data directory; its warnings are logged.
    #[must_use]
    pub fn kept_by(backend: impl RosterBackend + 'static) -> Self {
        log_warnings(&backend.current());
        Self(Box::new(backend))
    }

    /// The roster in use.
    #[must_use]
    pub fn current(&self) -> Arc<Roster> {
        self.0.current()
    }

    /// Replaces the roster; the old and the new one. For a file, the caller holds the lock on the data directory. Blocks on
    /// the disk or the network.
    ///
    /// # Errors
    /// See [`RosterBackend::replace`].
    pub fn replace(&self, workbook: &[u8], roster: Roster) -> Result<(Arc<Roster>, Arc<Roster>)> {
        self.0.replace(workbook, roster)
    }

    /// The rosters that were replaced and are kept, the latest first.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn versions(&self) -> Result<Vec<Version>> {
        self.0.versions()
    }

    /// The bytes of the roster with this id; `None` where it is not kept.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn version(&self, id: &str) -> Result<Option<Vec<u8>>> {
        self.0.version(id)
    }

    /// Takes a change by others into use.
    pub fn poll(&self) {
        if self.0.poll() {
            log_warnings(&self.current());
        }
    }

    /// Whether what is kept is in use, and how often changes by others were taken into use.
    #[must_use]
    pub fn file_status(&self) -> FileStatus {
        FileStatus::optional_of("roster", self.0.reloads(), self.0.error())
    }
}

/// Logs what is odd about a roster; the warnings name rows, not people.
fn log_warnings(roster: &Roster) {
    for warning in roster.warnings() {
        tracing::warn!(warning, "roster warning");
    }
}
