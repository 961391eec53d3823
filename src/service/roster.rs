//! The store of the roster: the workbook that maps names to IDs.

use std::path::Path;
use std::sync::Arc;

use super::file_status::FileStatus;
use crate::error::Result;
use crate::reloadable::Reloadable;
use crate::roster::{self, ROSTER, Roster};

/// The roster, on disk and in memory.
pub struct RosterStore(Reloadable<Roster>);

impl RosterStore {
    /// The roster of a file; its warnings are logged.
    #[must_use]
    pub fn new(roster: Reloadable<Roster>) -> Self {
        log_warnings(&roster.current());
        Self(roster)
    }

    /// A roster without a file.
    #[must_use]
    pub fn in_memory(roster: Roster) -> Self {
        Self(Reloadable::with_value(Path::new(""), ROSTER, roster))
    }

    /// The roster in use.
    #[must_use]
    pub fn current(&self) -> Arc<Roster> {
        self.0.current()
    }

    /// Replaces file and roster; the old and the new one. The caller holds the lock on the data directory. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// See [`roster::replace`].
    pub fn replace(&self, workbook: &[u8], roster: Roster) -> Result<(Arc<Roster>, Arc<Roster>)> {
        roster::replace(&self.0, workbook, roster)
    }

    /// Rereads the file if it has changed.
    pub fn poll(&self) {
        if self.0.poll() {
            log_warnings(&self.current());
        }
    }

    /// Whether the file is in use, and how often it was reread.
    #[must_use]
    pub fn file_status(&self) -> FileStatus {
        FileStatus::optional("roster", &self.0)
    }
}

/// Logs what is odd about a roster; the warnings name rows, not people.
fn log_warnings(roster: &Roster) {
    for warning in roster.warnings() {
        tracing::warn!(warning, "roster warning");
    }
}
