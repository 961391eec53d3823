//! Attendance in SQLite: one file in the data directory.
//!
//! Durability: WAL with `synchronous = FULL`, so that what a method returned `Ok` for has been
//! synced, and survives kill -9 and a power failure. Writers take turns, in this process by a mutex
//! and among processes by SQLite's lock; readers see the last committed state and wait for nobody.

mod connect;
mod fault;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::outbox::Channels;
use super::sql::{Sql, Transactions};
use crate::error::{DataError, Error, Result};

/// The file's name in the data directory.
const FILE_NAME: &str = "attendance.db";
/// Connections for reading that are kept open.
const MAX_IDLE_READERS: usize = 4;

/// The database of attendance in a data directory. The file is created by the first write; until then
/// everything is empty.
pub struct SqliteStore {
    path: PathBuf,
    channels: Channels,
    writer: Mutex<Option<Connection>>,
    readers: Mutex<Vec<Connection>>,
}

impl SqliteStore {
    /// The database of the data directory `directory`. Messages are written for `channels`.
    ///
    /// # Errors
    /// [`DataError::Database`] when there is a file that is no database of this program, or of a newer version.
    pub fn open(directory: &Path, channels: Channels) -> Result<Self> {
        let store = Self::unmigrated(directory, channels);
        if store.exists() {
            store.writing(|_| Ok(()))?; // migrates
        }
        Ok(store)
    }

    /// The same as it is on the disk, of whatever version: to be checked or copied, not to be read.
    #[must_use]
    pub fn unmigrated(directory: &Path, channels: Channels) -> Self {
        Self {
            path: directory.join(FILE_NAME),
            channels,
            writer: Mutex::default(),
            readers: Mutex::default(),
        }
    }

    /// Path of the file, whether it exists or not.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether anything was ever written.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    fn writing<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let mut writer = lock(&self.writer);
        let run = || {
            if writer.is_none() {
                *writer = Some(connect::for_writing(&self.path)?);
            }
            let Some(connection) = writer.as_mut() else { unreachable!("just opened") };
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|error| self.named(error))
    }

    fn reading<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let run = || {
            let mut reader = self.reader()?;
            let transaction = reader.transaction()?;
            let result = work(&transaction)?;
            drop(transaction);
            self.give_back(reader);
            Ok(result)
        };
        run().map_err(|error| self.named(error))
    }

    fn reader(&self) -> Result<Connection> {
        if !self.exists() {
            return connect::empty();
        }
        let idle = lock(&self.readers).pop();
        idle.map_or_else(|| connect::for_reading(&self.path), Ok)
    }

    fn give_back(&self, reader: Connection) {
        let mut readers = lock(&self.readers);
        if readers.len() < MAX_IDLE_READERS && reader.path().is_some_and(|path| !path.is_empty()) {
            readers.push(reader);
        }
    }

    /// Empties the write-ahead log, which holds earlier states of pages. A reader may prevent it: then a
    /// later write does.
    fn overwrite_log(&self) {
        if let Some(writer) = lock(&self.writer).as_ref() {
            let emptied = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = emptied {
                tracing::debug!(%error, "the write-ahead log was not emptied");
            }
        }
    }

    /// Says which file a fault of SQLite is about.
    fn named(&self, error: Error) -> Error {
        match error {
            Error::Data(DataError::Database { source, .. }) => {
                let file = format!("the attendance database {}", self.path.display());
                DataError::Database { file, source }.into()
            }
            other => other,
        }
    }
}

/// A panic of another thread rolled its transaction back: the connection is fit for use.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Transactions for SqliteStore {
    fn channels(&self) -> Channels {
        self.channels
    }

    fn exists(&self) -> bool {
        Self::exists(self)
    }

    /// A file has one service.
    fn leads(&self) -> Result<bool> {
        Ok(true)
    }

    fn write<T>(&self, work: impl FnOnce(&dyn Sql) -> Result<T>) -> Result<T> {
        self.writing(|transaction| work(transaction))
    }

    fn read<T>(&self, work: impl FnOnce(&dyn Sql) -> Result<T>) -> Result<T> {
        self.reading(|transaction| work(transaction))
    }

    /// By itself.
    fn continue_keys(&self, _: &dyn Sql) -> Result<()> {
        Ok(())
    }

    fn overwrite_deleted(&self) {
        self.overwrite_log();
    }
}
