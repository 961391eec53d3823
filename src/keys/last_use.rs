//! When keys were last used: noted in memory, and written now and then to a file beside that of the keys.
//!
//! ```toml
//! [[key]]
//! sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
//! last_used = "2026-11-27T05:40:00Z"
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ApiKeys;
use crate::atomic_file;
use crate::error::{DataError, Operation, Result};
use crate::hex::{sha256_from_hex, to_hex};

/// What the file's name has after that of the keys' file.
const EXTENSION: &str = ".last-used";
/// First line of the file.
const HEAD: &str = "# When keys of facerec were last used. Written by `facerec serve`.\n";

/// Times by the SHA-256 of a key.
pub type Times = BTreeMap<[u8; 32], Timestamp>;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Toml {
    #[serde(rename = "key", default)]
    keys: Vec<TomlKey>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TomlKey {
    sha256: String,
    last_used: String,
}

/// The file for the keys at `keys_file`.
fn path_beside(keys_file: &Path) -> PathBuf {
    let mut name = keys_file.as_os_str().to_owned();
    name.push(EXTENSION);
    PathBuf::from(name)
}

/// When the keys of the file at `keys_file` were last used; `None` where no service has written that yet.
///
/// # Errors
/// [`crate::error::Error::Data`] when the file beside it can't be read.
pub fn last_used(keys_file: &Path) -> Result<Option<Times>> {
    let path = path_beside(keys_file);
    // Before opening: opening a FIFO waits for its writer.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        let expected = "expected a regular file, found something else";
        return Err(DataError::content(path.display(), Operation::Read, expected));
    }
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DataError::io_at(&path, Operation::Read)(error)),
    };
    let toml: Toml = toml::from_str(&text).map_err(|_| {
        let expected = "expected [[key]] tables with sha256 and last_used, found something else";
        DataError::content(path.display(), Operation::Read, expected)
    })?;
    let time = |key: TomlKey| Some((sha256_from_hex(&key.sha256)?, key.last_used.parse().ok()?));
    Ok(Some(toml.keys.into_iter().filter_map(time).collect()))
}

/// Uses of keys that are noted in memory until they are stored.
#[derive(Debug, Default)]
pub struct Uses(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    times: Times,
    /// Whether there were uses since they were stored.
    is_new: bool,
}

impl Uses {
    /// Notes that the key of this SHA-256 was used at `now`. Never waits for the disk.
    pub fn note(&self, sha256: [u8; 32], now: Timestamp) {
        let mut state = self.state();
        state.times.insert(sha256, now);
        state.is_new = true;
    }

    /// Has all uses so far stored by `save`, where there were some since the last time.
    ///
    /// # Errors
    /// What `save` says; the uses are kept for the next time.
    pub fn store(&self, save: impl FnOnce(Times) -> Result<()>) -> Result<()> {
        let times = {
            let mut state = self.state();
            if !std::mem::take(&mut state.is_new) {
                return Ok(());
            }
            state.times.clone()
        };
        let saved = save(times);
        if saved.is_err() {
            self.state().is_new = true;
        }
        saved
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A map of times is whole at any moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The uses of keys in a file, and the file beside it.
#[derive(Debug)]
pub struct LastUse {
    keys_file: PathBuf,
    /// What was not written yet, too.
    pub uses: Uses,
}

impl LastUse {
    /// Of the keys in the file at `keys_file`.
    #[must_use]
    pub fn of(keys_file: &Path) -> Self {
        Self { keys_file: keys_file.to_path_buf(), uses: Uses::default() }
    }

    /// Writes the file where there were uses since the last time. Times of keys that are not among `keys` are
    /// forgotten; those of another service with the same keys are kept. Waits for the disk.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when the file can't be written; the uses are kept for the next time.
    pub fn save(&self, keys: &ApiKeys) -> Result<()> {
        self.uses.store(|mut times| {
            // One that can't be read is replaced: what it held is of use to nobody.
            for (sha256, there) in last_used(&self.keys_file).ok().flatten().unwrap_or_default() {
                let time = times.entry(sha256).or_insert(there);
                *time = there.max(*time);
            }
            times.retain(|sha256, _| keys.entries().iter().any(|entry| entry.sha256 == *sha256));
            self.write(&times)
        })
    }

    fn write(&self, times: &Times) -> Result<()> {
        let path = path_beside(&self.keys_file);
        let failed = DataError::io_at(&path, Operation::Write);
        let key = |(sha256, time): (&[u8; 32], &Timestamp)| TomlKey {
            sha256: to_hex(sha256),
            last_used: format!("{time:.0}"),
        };
        let toml = toml::to_string(&Toml { keys: times.iter().map(key).collect() });
        let toml = toml.map_err(|error| failed(io::Error::other(error)))?;
        atomic_file::replace_private(&path, |file| write!(file, "{HEAD}{toml}")).map_err(failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::keys::{KeyEntry, Scope};

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn uses_are_written_privately_and_those_of_removed_keys_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let keys_file = directory.path().join("keys.toml");
        let entries = ["gate", "office"].map(|name| KeyEntry::of(name, Scope::Recognize, name));
        let [gate, office] = entries.clone().map(|entry| entry.sha256);
        let keys = ApiKeys::new(entries.to_vec()).unwrap();
        let uses = LastUse::of(&keys_file);
        uses.save(&keys).unwrap();
        assert_eq!(last_used(&keys_file).unwrap(), None, "nothing was used");

        let (first, later) = (time("2026-01-02T03:04:05Z"), time("2026-01-02T03:05:05Z"));
        uses.uses.note(gate, first);
        uses.uses.note([7; 32], first);
        uses.save(&keys).unwrap();
        assert_eq!(last_used(&keys_file).unwrap(), Some(Times::from([(gate, first)])));
        let path = directory.path().join("keys.toml.last-used");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        // A service that begins anew, or a second one, keeps what is there, and the latest counts.
        let other = LastUse::of(&keys_file);
        other.uses.note(office, later);
        other.uses.note(gate, time("2025-01-01T00:00:00Z"));
        other.save(&keys).unwrap();
        assert_eq!(last_used(&keys_file).unwrap(), Some(Times::from([(gate, first), (office, later)])));
        other.uses.note(office, later);
        other.save(&ApiKeys::new(entries[1..].to_vec()).unwrap()).unwrap();
        assert_eq!(last_used(&keys_file).unwrap(), Some(Times::from([(office, later)])));
    }

    #[test]
    fn uses_that_could_not_be_written_are_written_the_next_time() {
        let directory = tempfile::tempdir().unwrap();
        let keys_file = directory.path().join("later/keys.toml");
        let entry = KeyEntry::of("gate", Scope::Recognize, "gate");
        let keys = ApiKeys::new(vec![entry.clone()]).unwrap();
        let uses = LastUse::of(&keys_file);
        uses.uses.note(entry.sha256, time("2026-01-02T03:04:05Z"));
        assert!(uses.save(&keys).unwrap_err().to_string().contains("can't be written"));
        std::fs::create_dir(keys_file.parent().unwrap()).unwrap();
        uses.save(&keys).unwrap();
        assert_eq!(last_used(&keys_file).unwrap().unwrap().len(), 1);
        std::fs::write(path_beside(&keys_file), "no TOML").unwrap();
        assert!(last_used(&keys_file).is_err());
        uses.uses.note(entry.sha256, time("2026-01-02T03:04:06Z"));
        uses.save(&keys).unwrap();
        assert_eq!(last_used(&keys_file).unwrap().unwrap()[&entry.sha256], time("2026-01-02T03:04:06Z"));
    }
}
