//! The roster of the database, as the service uses it.

use std::sync::Arc;

use super::connection::{Connection, WORK_LIMIT};
use super::fault::Fault;
use super::live::Live;
use super::stored_roster;
use crate::error::Result;
use crate::reloadable::ReloadError;
use crate::roster::backend::RosterBackend;
use crate::roster::{Roster, Version};

/// The roster in a database, with it in memory. What others change is followed together with the people.
pub struct PostgresRoster(pub(super) Arc<Live>);

impl PostgresRoster {
    /// The roster as the file that it is; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`](crate::error::Error::Unavailable).
    pub fn file(&self) -> Result<Option<Vec<u8>>> {
        self.ask(async |connection| stored_roster::file(connection).await)
    }

    /// Over a connection of its own: this is rare.
    fn ask<T>(&self, question: impl AsyncFnOnce(&Connection) -> Result<T, Fault>) -> Result<T> {
        let database = &self.0.database;
        let connection = database.connect()?;
        database.within(WORK_LIMIT, question(&connection))
    }
}

impl RosterBackend for PostgresRoster {
    fn current(&self) -> Arc<Roster> {
        self.0.roster.in_use.current()
    }

    fn replace(&self, bytes: &[u8], roster: Roster) -> Result<(Arc<Roster>, Arc<Roster>)> {
        let connection = self.0.database.connect()?;
        self.0.roster.replace(&self.0.database, &connection, bytes, roster)
    }

    fn versions(&self) -> Result<Vec<Version>> {
        self.ask(async |connection| stored_roster::versions(connection).await)
    }

    fn version(&self, id: &str) -> Result<Option<Vec<u8>>> {
        self.ask(async |connection| stored_roster::version(connection, id).await)
    }

    /// The thread that follows the people looks sooner.
    fn poll(&self) -> bool {
        false
    }

    fn reloads(&self) -> (u64, u64) {
        self.0.roster.in_use.reloads()
    }

    fn error(&self) -> Option<ReloadError> {
        self.0.roster.in_use.error()
    }
}
