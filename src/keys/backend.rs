//! Where the API keys are kept: what a running service and what commands need of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::file::{self, KEYS};
use super::last_use::{self, LastUse, Times};
use super::{ApiKeys, KeyEntry};
use crate::error::Result;
use crate::reloadable::{ReloadError, Reloadable};

/// The keys of a running service, in memory.
pub trait KeysBackend: Send + Sync {
    /// The keys in use; `None` where there never was one, and so none is asked for.
    fn current(&self) -> Option<Arc<ApiKeys>>;

    /// Notes that the key of this SHA-256 was used. Never waits.
    fn note_use(&self, sha256: [u8; 32], now: Timestamp);

    /// Stores which keys were used since the last time. Blocks on the disk or the network.
    ///
    /// # Errors
    /// When that can't be written; it is kept for the next time.
    fn save_uses(&self) -> Result<()>;

    /// Takes changed keys into use. Call it about once a second from a thread that may block.
    fn poll(&self);

    /// How often changed keys were taken into use, and how often they could not be.
    fn reloads(&self) -> (u64, u64);

    /// Why the keys in use are not those that are kept.
    fn error(&self) -> Option<ReloadError>;
}

/// A change of the entries: from those before it to those after it.
pub type Edit<'e> = Box<dyn FnOnce(Vec<KeyEntry>) -> Result<Vec<KeyEntry>> + 'e>;

/// The keys as commands list and change them.
pub trait KeyList {
    /// The entries, in order.
    ///
    /// # Errors
    /// When they can't be read.
    fn entries(&self) -> Result<Vec<KeyEntry>>;

    /// Replaces the entries by what `edit` makes of them; durable when this returns. Changes by several processes take turns.
    ///
    /// # Errors
    /// What `edit` says; when the entries can't be read or written, or can't be together. Nothing has changed then.
    fn change(&self, edit: Edit<'_>) -> Result<()>;

    /// When keys were last used; `None` where no service has written that yet.
    ///
    /// # Errors
    /// When that can't be read.
    fn last_used(&self) -> Result<Option<Times>>;

    /// Notes uses of these keys, unless later ones are known.
    ///
    /// # Errors
    /// When that can't be written.
    fn add_uses(&self, times: &Times) -> Result<()>;

    /// What it is called in messages.
    fn shown(&self) -> String;
}

/// The file of a running service, reread when it changes.
pub struct KeysFile {
    keys: Reloadable<ApiKeys>,
    last_use: LastUse,
}

impl KeysFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be used.
    pub fn open(path: &Path) -> Result<Self> {
        Reloadable::open(path, KEYS).map(Self::new)
    }

    /// Keys that were read.
    #[must_use]
    pub fn new(keys: Reloadable<ApiKeys>) -> Self {
        Self { last_use: LastUse::of(keys.path()), keys }
    }
}

impl KeysBackend for KeysFile {
    /// A file without entries is one of keys: then none is accepted.
    fn current(&self) -> Option<Arc<ApiKeys>> {
        Some(self.keys.current())
    }

    fn note_use(&self, sha256: [u8; 32], now: Timestamp) {
        self.last_use.uses.note(sha256, now);
    }

    fn save_uses(&self) -> Result<()> {
        self.last_use.save(&self.keys.current())
    }

    fn poll(&self) {
        self.keys.poll();
    }

    fn reloads(&self) -> (u64, u64) {
        self.keys.reloads()
    }

    fn error(&self) -> Option<ReloadError> {
        self.keys.reload_error()
    }
}

/// The file of keys of commands.
pub struct KeyFile(pub PathBuf);

impl KeyList for KeyFile {
    fn entries(&self) -> Result<Vec<KeyEntry>> {
        file::entries(&self.0)
    }

    fn change(&self, edit: Edit<'_>) -> Result<()> {
        file::change(&self.0, edit)
    }

    fn last_used(&self) -> Result<Option<Times>> {
        last_use::last_used(&self.0)
    }

    fn add_uses(&self, times: &Times) -> Result<()> {
        let last_use = LastUse::of(&self.0);
        for (sha256, time) in times {
            last_use.uses.note(*sha256, *time);
        }
        last_use.save(&ApiKeys::new(self.entries()?)?)
    }

    fn shown(&self) -> String {
        self.0.display().to_string()
    }
}
