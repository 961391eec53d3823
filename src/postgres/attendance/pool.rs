//! Connections for reading, of which there are few.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::work::Session;
use crate::error::{Error, Result};
use crate::gallery::backend::locked;
use crate::postgres::connection::Database;

/// Of one process at a time.
const READERS: usize = 4;
/// So long after a failure nobody tries to connect: whoever waits would wait for the limit of each before.
const PAUSE: Duration = Duration::from_secs(1);
/// The schema of attendance.
const SCHEMA: &str = "set search_path to facerec_attendance, pg_catalog";

/// Connections to one database.
pub(super) struct Pool {
    database: Database,
    readers: Mutex<Readers>,
    freed: Condvar,
    /// When it could not be connected to last, and why.
    failed: Mutex<Option<(Instant, String)>>,
}

#[derive(Default)]
struct Readers {
    taken: usize,
    idle: Vec<Session>,
}

/// The right to read over one connection, until it is dropped.
pub(super) struct Place<'p> {
    pool: &'p Pool,
    session: Option<Session>,
}

impl Pool {
    pub(super) fn new(database: Database) -> Self {
        Self { database, readers: Mutex::default(), freed: Condvar::new(), failed: Mutex::default() }
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// A new connection.
    pub(super) fn connect(&self) -> Result<Session> {
        let failed = locked(&self.failed).clone().filter(|(at, _)| at.elapsed() < PAUSE);
        if let Some((_, reason)) = failed {
            return Err(Error::Unavailable(reason));
        }
        let connected = self.database.connect().map(Session::new).and_then(|session| {
            session.run(&self.database, SCHEMA)?;
            Ok(session)
        });
        if let Err(Error::Unavailable(reason)) = &connected {
            *locked(&self.failed) = Some((Instant::now(), reason.clone()));
        }
        connected
    }

    /// Waits for a place.
    pub(super) fn place(&self) -> Place<'_> {
        let mut readers = locked(&self.readers);
        while readers.taken >= READERS {
            readers = self.freed.wait(readers).unwrap_or_else(PoisonError::into_inner);
        }
        readers.taken += 1;
        Place { pool: self, session: readers.idle.pop() }
    }
}

impl Place<'_> {
    /// The connection of an earlier reader, where there is one.
    pub(super) fn take(&mut self) -> Option<Session> {
        self.session.take()
    }

    /// Leaves a connection to a later reader.
    pub(super) fn give_back(&mut self, session: Option<Session>) {
        self.session = session;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut readers = locked(&self.pool.readers);
        readers.taken -= 1;
        readers.idle.extend(self.session.take());
        self.pool.freed.notify_one();
    }
}
