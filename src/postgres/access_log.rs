//! The access log in the database: written by all processes, read by commands, pruned by the process that leads.

use std::io;

use jiff::{SignedDuration, Timestamp};

use super::connection::{Connection, Database, LOAD_LIMIT, WORK_LIMIT};
use super::fault::Fault;
use super::schema;
use crate::access_log::{AccessLog, Entry, History, LogStore};
use crate::error::{Error, Result};

/// What it is called in messages.
const WHAT: &str = "the access log in the database";

/// The access log of a database.
pub struct PostgresLog {
    database: Database,
    connection: Option<Connection>,
    writer: i64,
    /// The number of the first entry that is not known to be written.
    next: i64,
}

impl PostgresLog {
    /// Makes the tables.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Data`] for a server that is too old, or tables of a newer facerec.
    pub fn open(database: Database) -> Result<Self> {
        let mut connection = database.connect()?;
        database.within(LOAD_LIMIT, schema::migrate(&mut connection.client))?;
        let random =
            getrandom::u64().map_err(|error| Error::Internal(format!("no random numbers: {error}")))?;
        Ok(Self { database, connection: Some(connection), writer: (random >> 1) as i64, next: 0 })
    }

    /// Starts the thread that writes it.
    ///
    /// # Errors
    /// [`Error::Internal`] when the thread can't be started.
    pub fn start(self) -> Result<AccessLog> {
        AccessLog::start(WHAT.to_owned(), self)
    }

    /// What the log says of a person.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn history(&self, person_id: &str) -> Result<History> {
        let select =
            "select line from access_log join access_log_people using (writer, number) where person_id = $1
            order by at, writer, number";
        let connection = self.database.connect()?;
        let rows = self
            .database
            .within(LOAD_LIMIT, async { Ok(connection.client.query(select, &[&person_id]).await?) })?;
        let mut history = History::default();
        for row in rows {
            match row.try_get::<_, &str>(0).ok().and_then(|line| Entry::from_line(line.as_bytes())) {
                Some(entry) => history.entries.push(entry),
                None => history.unreadable += 1,
            }
        }
        Ok(history)
    }

    /// Deletes entries that are older than so many days now.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn prune(&self, days: u32) -> Result<u64> {
        let age = SignedDuration::from_hours(24 * i64::from(days));
        let before = Timestamp::now().saturating_sub(age).unwrap_or(Timestamp::MIN).as_millisecond();
        let connection = self.database.connect()?;
        let delete = "delete from access_log where at < $1";
        self.database.within(WORK_LIMIT, async { Ok(connection.client.execute(delete, &[&before]).await?) })
    }

    /// Writes entries, over a new connection where there is none. One whose use failed is not used again.
    fn write(&mut self, lines: &[&str]) -> Result<()> {
        let connection = match self.connection.take().filter(|connection| !connection.client.is_closed()) {
            Some(connection) => connection,
            None => self.database.connect()?,
        };
        self.database.within(WORK_LIMIT, insert(&connection, self.writer, self.next, lines))?;
        self.connection = Some(connection);
        Ok(())
    }
}

impl LogStore for PostgresLog {
    /// All of the lines or none. Where the response was lost they are written again under the same numbers; those that
    /// are stored already are skipped.
    fn append(&mut self, lines: &mut Vec<u8>) -> io::Result<()> {
        let text = String::from_utf8_lossy(lines).into_owned();
        let entries: Vec<&str> = text.lines().collect();
        if !entries.is_empty() {
            self.write(&entries).map_err(io::Error::other)?;
        }
        self.next += entries.len() as i64;
        lines.clear();
        Ok(())
    }
}

async fn insert(connection: &Connection, writer: i64, first: i64, lines: &[&str]) -> Result<(), Fault> {
    let client = &connection.client;
    let (mut times, mut people, mut named_by) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in (first..).zip(lines) {
        let Some(entry) = Entry::from_line(line.as_bytes()) else {
            return Err(Fault::Content("expected an entry of the access log, found another line".to_owned()));
        };
        times.push(entry.time.as_millisecond());
        for person in entry.people.into_iter().chain(entry.candidates) {
            people.push(person);
            named_by.push(number);
        }
    }
    let entries = "insert into access_log (writer, number, at, line)
        select $1, $2 + place - 1, at, line from unnest($3::bigint[], $4::text[]) with ordinality as new (at, line, place)
        on conflict do nothing";
    let named = "insert into access_log_people (writer, number, person_id)
        select $1, number, person_id from unnest($2::bigint[], $3::text[]) as new (number, person_id) on conflict do nothing";
    client.batch_execute("begin").await?;
    client.execute(entries, &[&writer, &first, &times, &lines]).await?;
    client.execute(named, &[&writer, &named_by, &people]).await?;
    Ok(client.batch_execute("commit").await?)
}
