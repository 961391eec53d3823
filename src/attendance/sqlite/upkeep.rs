//! Checking and copying the whole file, for `facerec doctor` and `facerec backup`.

use std::path::Path;

use super::{SqliteStore, connect};
use crate::error::Result;

impl SqliteStore {
    /// Checks the whole file: its structure and its references. Returns what is wrong; empty when nothing is.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database) when it can't even be read.
    pub fn integrity(&self) -> Result<Vec<String>> {
        self.reading(|db| {
            let mut faults: Vec<String> = db
                .prepare("PRAGMA integrity_check")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, rusqlite::Error>>()?;
            faults.retain(|line| line != "ok");
            let mut dangling = db.prepare("PRAGMA foreign_key_check")?;
            let dangling = dangling.query_map([], |row| row.get::<_, String>(0))?;
            for table in dangling {
                faults.push(format!("a row of {} refers to nothing", table?));
            }
            Ok(faults)
        })
    }

    /// Writes a consistent copy to `path`, which must not exist, while others read and write. Returns whether there
    /// was anything to copy.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database) when it can't be written.
    pub fn backup(&self, path: &Path) -> Result<bool> {
        if !self.exists() {
            return Ok(false);
        }
        connect::copy(&self.path, path).map(|()| true).map_err(|error| self.named(error))
    }
}
