//! The API keys of the database, as the service and commands use them.

use std::sync::Arc;

use jiff::Timestamp;

use super::connection::{Connection, Database, LOAD_LIMIT, WORK_LIMIT};
use super::fault::Fault;
use super::live::Live;
use super::{schema, stored_keys};
use crate::error::Result;
use crate::keys::backend::{Edit, KeyList, KeysBackend};
use crate::keys::last_use::Times;
use crate::keys::{ApiKeys, KeyEntry};
use crate::reloadable::ReloadError;

/// The API keys in a database, with them in memory. What others change is followed together with the people.
pub struct PostgresKeys(pub(super) Arc<Live>);

impl KeysBackend for PostgresKeys {
    fn current(&self) -> Option<Arc<ApiKeys>> {
        (*self.0.keys.in_use.current()).clone()
    }

    fn note_use(&self, sha256: [u8; 32], now: Timestamp) {
        self.0.keys.uses.note(sha256, now);
    }

    /// Over a connection of its own: this is rare.
    fn save_uses(&self) -> Result<()> {
        self.0.keys.uses.store(|times| {
            self.0.ensure_there()?;
            let connection = self.0.database.connect()?;
            self.0.database.within(WORK_LIMIT, stored_keys::add_uses(&connection.client, &times))
        })
    }

    /// The thread that follows the people looks sooner.
    fn poll(&self) {}

    fn reloads(&self) -> (u64, u64) {
        self.0.keys.in_use.reloads()
    }

    fn error(&self) -> Option<ReloadError> {
        self.0.keys.in_use.error()
    }
}

/// The API keys of a database for commands, which read no people for them.
pub struct PostgresKeyList(Database);

impl PostgresKeyList {
    /// Makes the tables.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable); [`Error::Data`](crate::error::Error::Data) for a server that is too
    /// old, or tables of a newer facerec.
    pub fn open(database: Database) -> Result<Self> {
        let mut connection = database.connect()?;
        database.within(LOAD_LIMIT, schema::migrate(&mut connection.client))?;
        Ok(Self(database))
    }

    fn ask<T>(&self, question: impl AsyncFnOnce(&Connection) -> Result<T, Fault>) -> Result<T> {
        let connection = self.0.connect()?;
        self.0.within(WORK_LIMIT, question(&connection))
    }
}

impl KeyList for PostgresKeyList {
    fn entries(&self) -> Result<Vec<KeyEntry>> {
        self.ask(async |connection| stored_keys::entries(&connection.client).await)
    }

    fn change(&self, edit: Edit<'_>) -> Result<()> {
        stored_keys::change(&self.0, &self.0.connect()?, edit)
    }

    fn last_used(&self) -> Result<Option<Times>> {
        self.ask(async |connection| stored_keys::last_used(&connection.client).await).map(Some)
    }

    fn add_uses(&self, times: &Times) -> Result<()> {
        self.ask(async |connection| stored_keys::add_uses(&connection.client, times).await)
    }

    fn shown(&self) -> String {
        format!("the database {}", self.0.shown())
    }
}
