//! Attendance in the database: connections and transactions for the statements of `attendance::sql`.
//!
//! One process writes at a time, as with a file: a transaction that writes begins with an advisory lock. So what SQLite's one
//! writer can rely on, replicas can, too: nobody is marked twice, messages have the order of what they tell of. Readers see the
//! last committed state and wait for nobody.

mod pool;
mod work;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::connection::{Connection, Database, LOAD_LIMIT, WORK_LIMIT};
use super::fault::DATABASE;
use super::schema;
use crate::attendance::Channels;
use crate::attendance::sql::{Sql, Transactions};
use crate::error::{DataError, Error, Result};
use crate::gallery::backend::locked;
use pool::Pool;
use work::{Session, Work};

/// Of the lock that a writing transaction holds: `attend` in ASCII.
const WRITING: i64 = 0x6174_7465_6e64;
/// Of the lock that the process holds which delivers and deletes: `leader` in ASCII.
const LEADING: i64 = 0x6c65_6164_6572;

/// The database of attendance on a server, which several processes share. Messages are written for its channels.
pub struct PostgresAttendance {
    pool: Pool,
    channels: Channels,
    writer: Mutex<Option<Session>>,
    /// Whether anything is known to be written.
    exists: AtomicBool,
    lead: Mutex<Option<Lead>>,
}

/// A connection, and whether it holds the lock of the process that leads.
struct Lead {
    connection: Connection,
    holds: bool,
}

impl PostgresAttendance {
    /// The attendance of a database. Makes the tables.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Data`] for a server that is too old, or tables of a newer facerec.
    pub fn open(database: Database, channels: Channels) -> Result<Self> {
        let mut connection = database.connect()?;
        database.within(LOAD_LIMIT, schema::migrate(&mut connection.client))?;
        Ok(Self {
            pool: Pool::new(database),
            channels,
            writer: Mutex::default(),
            exists: AtomicBool::new(false),
            lead: Mutex::default(),
        })
    }

    fn database(&self) -> &Database {
        self.pool.database()
    }

    /// Works in a transaction that began with `begin`; returns the session as well, where it can be used again.
    fn work<T>(
        &self,
        session: Option<Session>,
        begin: &str,
        work: impl FnOnce(&dyn Sql) -> Result<T>,
    ) -> (Result<T>, Option<Session>) {
        let session = match self.begin(session, begin) {
            Ok(session) => session,
            Err(error) => return (Err(error), None),
        };
        let worked = work(&Work { database: self.database(), session: &session });
        let end = if worked.is_ok() { "commit" } else { "rollback" };
        match (session.run(self.database(), end), worked) {
            (Ok(()), worked) => (worked.map_err(named), Some(session)),
            (Err(error), Ok(_)) => (Err(error), None),
            (Err(_), Err(error)) => (Err(named(error)), None),
        }
    }

    /// Begins a transaction, over a new connection where the one of before has ended.
    fn begin(&self, session: Option<Session>, begin: &str) -> Result<Session> {
        if let Some(session) = session.filter(Session::is_open) {
            match session.run(self.database(), begin) {
                Ok(()) => return Ok(session),
                Err(error) if session.is_open() => return Err(error),
                Err(error) => tracing::debug!(%error, "connecting again"),
            }
        }
        let session = self.pool.connect()?;
        session.run(self.database(), begin)?;
        Ok(session)
    }

    fn leads(&self) -> Result<bool> {
        let mut lead = locked(&self.lead);
        let mut now = match lead.take().filter(|lead| !lead.connection.client.is_closed()) {
            Some(lead) => lead,
            None => Lead { connection: self.database().connect()?, holds: false },
        };
        let client = &now.connection.client;
        let held = self.database().within(WORK_LIMIT, async {
            if now.holds {
                // The lock is held as long as the connection.
                client.batch_execute("select").await?;
                return Ok(true);
            }
            Ok(client.query_one("select pg_try_advisory_lock($1)", &[&LEADING]).await?.try_get(0)?)
        })?;
        if held && !now.holds {
            tracing::info!("this process delivers messages and deletes what is too old from now on");
        }
        now.holds = held;
        *lead = Some(now);
        Ok(held)
    }
}

impl Transactions for PostgresAttendance {
    fn channels(&self) -> Channels {
        self.channels
    }

    /// Where it can't be asked, what is done next says so.
    fn exists(&self) -> bool {
        if self.exists.load(Ordering::Relaxed) {
            return true;
        }
        let exists = self.read(work::is_anything_written).unwrap_or(true);
        self.exists.store(exists, Ordering::Relaxed);
        exists
    }

    fn leads(&self) -> Result<bool> {
        self.leads()
    }

    fn write<T>(&self, work: impl FnOnce(&dyn Sql) -> Result<T>) -> Result<T> {
        let mut writer = locked(&self.writer);
        // Each statement sees what was committed before it, not what was before the lock was waited for.
        let begin = format!("begin isolation level read committed; select pg_advisory_xact_lock({WRITING})");
        let (worked, session) = self.work(writer.take(), &begin, work);
        *writer = session;
        worked
    }

    fn read<T>(&self, work: impl FnOnce(&dyn Sql) -> Result<T>) -> Result<T> {
        let mut place = self.pool.place();
        let (worked, session) =
            self.work(place.take(), "begin isolation level repeatable read read only", work);
        place.give_back(session);
        worked
    }

    fn continue_keys(&self, db: &dyn Sql) -> Result<()> {
        work::continue_keys(db)
    }

    /// The server does, when it reuses the space.
    fn overwrite_deleted(&self) {}
}

/// Says which database a fault is about.
fn named(error: Error) -> Error {
    match error {
        Error::Data(DataError::Database { source, .. }) => {
            DataError::Database { file: DATABASE.to_owned(), source }.into()
        }
        other => other,
    }
}
