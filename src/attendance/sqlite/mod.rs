//! Attendance in SQLite: one file in the data directory.
//!
//! Durability: WAL with `synchronous = FULL`, so that what a method returned `Ok` for has been
//! synced, and survives kill -9 and a power failure. Writers take turns, in this process by a mutex
//! and among processes by SQLite's lock; readers see the last committed state and wait for nobody.

mod connect;
mod correct;
mod entries;
mod fault;
mod groups;
mod history;
mod ids;
mod mark;
mod merge;
mod outbox;
mod people;
mod report;
mod requests;
mod retention;
mod rows;
mod schema;
mod sessions;
mod sync;
mod update;
mod upkeep;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::model::{
    Correction, CorrectionRecord, Deleted, Entry, FaceResult, Forget, Group, HistoryItem, IdempotencyKey,
    Marked, NewSession, Page, Person, PersonRecord, Photo, Session, SessionFilter, SessionPage, SessionPatch,
    StoredResponse,
};
use super::outbox::{Channel, Channels, DeadLetter, Message, OutboxCounts, Settlement};
use super::report::{Report, ReportQuery};
use super::store::AttendanceStore;
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
            store.write(|_| Ok(()))?; // migrates
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

    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
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

    fn read<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
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

impl AttendanceStore for SqliteStore {
    fn exists(&self) -> bool {
        Self::exists(self)
    }

    fn sync_people(&self, records: &[PersonRecord], complete: bool) -> Result<()> {
        self.write(|db| sync::sync(db, records, complete))
    }

    fn merge_people(&self, into: &str, from: &str) -> Result<()> {
        if !self.exists() {
            return Ok(());
        }
        self.write(|db| merge::merge(db, into, from))
    }

    fn people(&self, group: Option<&str>) -> Result<Vec<Person>> {
        self.read(|db| sync::list(db, group))
    }

    fn groups(&self) -> Result<Vec<Group>> {
        self.read(groups::list)
    }

    fn groups_of(&self, person_id: &str) -> Result<Vec<String>> {
        self.read(|db| groups::of_person(db, person_id))
    }

    fn set_groups_of(&self, person_id: &str, groups: &[String]) -> Result<()> {
        self.write(|db| groups::set_of_person(db, people::key(db, person_id)?, groups))
    }

    fn set_members(&self, group: &str, person_ids: &[String]) -> Result<()> {
        self.write(|db| groups::set_members(db, group, person_ids))
    }

    fn rename_group(&self, from: &str, to: &str) -> Result<()> {
        self.write(|db| groups::rename(db, from, to))
    }

    fn delete_group(&self, name: &str) -> Result<()> {
        self.write(|db| groups::delete(db, name))
    }

    fn create_session(
        &self,
        new: &NewSession,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Session> {
        self.write(|db| match key {
            Some(key) => requests::create_session_once(db, new, key, now),
            None => sessions::create(db, new, None, now),
        })
    }

    fn automatic_session(&self, key: &str, new: &NewSession, now: Timestamp) -> Result<Session> {
        // Nearly every call finds it, and needs no write lock.
        if let Some(session) = self.read(|db| sessions::of_automatic_key(db, key))? {
            return Ok(session);
        }
        self.write(|db| match sessions::of_automatic_key(db, key)? {
            Some(session) => Ok(session),
            None => sessions::create(db, new, Some(key), now),
        })
    }

    fn session(&self, id: &str) -> Result<Session> {
        self.read(|db| Ok(sessions::get(db, id)?.session))
    }

    fn sessions(&self, filter: &SessionFilter, page: Page) -> Result<SessionPage> {
        self.read(|db| sessions::list(db, filter, page))
    }

    fn open_around(&self, at: Timestamp) -> Result<Vec<Session>> {
        self.read(|db| sessions::open_around(db, at))
    }

    fn automatic_over(&self, before: Timestamp) -> Result<Vec<String>> {
        if !self.exists() {
            return Ok(Vec::new()); // asked every minute
        }
        self.read(|db| sessions::automatic_over(db, before))
    }

    fn update_session(&self, id: &str, patch: &SessionPatch) -> Result<Session> {
        self.write(|db| update::update(db, id, patch))
    }

    fn close_session(&self, id: &str, by: &str, now: Timestamp) -> Result<Session> {
        self.write(|db| entries::close(db, self.channels, id, by, now))
    }

    fn delete_session(&self, id: &str) -> Result<()> {
        self.write(|db| sessions::delete(db, id))
    }

    fn mark(&self, session_id: &str, photo: &Photo, faces: &[FaceResult], now: Timestamp) -> Result<Marked> {
        mark::check(photo, faces)?;
        self.write(|db| mark::mark(db, self.channels, session_id, photo, faces, now))
    }

    fn correct(
        &self,
        session_id: &str,
        person_id: &str,
        correction: &Correction,
        now: Timestamp,
    ) -> Result<Entry> {
        correct::check(correction)?;
        self.write(|db| correct::correct(db, self.channels, session_id, person_id, correction, now))
    }

    fn entries(&self, session_id: &str) -> Result<Vec<Entry>> {
        self.read(|db| entries::list(db, &sessions::get(db, session_id)?))
    }

    fn corrections(&self, session_id: &str) -> Result<Vec<CorrectionRecord>> {
        self.read(|db| correct::list(db, session_id))
    }

    fn history(&self, person_id: &str) -> Result<Vec<HistoryItem>> {
        self.read(|db| history::of_person(db, person_id))
    }

    fn report(&self, query: &ReportQuery) -> Result<Report> {
        self.read(|db| report::report(db, query))
    }

    fn recall(&self, key: &IdempotencyKey) -> Result<Option<StoredResponse>> {
        self.read(|db| requests::recall(db, key))
    }

    fn remember(&self, key: &IdempotencyKey, response: &StoredResponse, now: Timestamp) -> Result<()> {
        self.write(|db| requests::remember(db, key, response, now))
    }

    fn due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<Message>> {
        if !self.exists() {
            return Ok(Vec::new()); // asked every second
        }
        self.read(|db| outbox::due(db, channel, now, limit))
    }

    fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<()> {
        self.write(|db| outbox::settle(db, settlements, now))
    }

    fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>> {
        self.read(|db| outbox::dead_letters(db, limit))
    }

    fn resend(&self, id: &str, now: Timestamp) -> Result<()> {
        self.write(|db| outbox::resend(db, id, now))
    }

    fn resend_all(&self, now: Timestamp) -> Result<u64> {
        self.write(|db| outbox::resend_all(db, now))
    }

    fn outbox_counts(&self) -> Result<OutboxCounts> {
        self.read(outbox::counts)
    }

    fn delete_before(&self, before: Timestamp) -> Result<Deleted> {
        if !self.exists() {
            return Ok(Deleted::default());
        }
        let mut deleted = [0; retention::STEPS.len()];
        for (step, count) in retention::STEPS.iter().zip(&mut deleted) {
            loop {
                let rows = self.write(|db| retention::delete_some(db, step, before))?;
                *count += rows;
                if rows < retention::ROWS_AT_ONCE {
                    break;
                }
            }
        }
        if deleted.iter().any(|count| *count > 0) {
            self.overwrite_log();
        }
        Ok(retention::summary(deleted))
    }

    fn forget(&self, person_id: &str, how: Forget) -> Result<u64> {
        if !self.exists() {
            return Ok(0);
        }
        let entries = self.write(|db| retention::forget(db, person_id, how))?;
        self.overwrite_log();
        Ok(entries)
    }
}
