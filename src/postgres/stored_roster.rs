//! The roster in memory and in its table.

use std::sync::{Arc, Mutex};

use tokio_postgres::Row;

use super::connection::{Connection, Database, WORK_LIMIT};
use super::fault::Fault;
use super::in_use::InUse;
use super::rows::CHANNEL;
use crate::error::Result;
use crate::gallery::backend::locked;
use crate::gallery::new_id;
use crate::roster::{Format, Roster, Version};

/// How many replaced rosters are kept.
const KEPT: i64 = 10;

/// The roster in use, and which one of the database it is.
#[derive(Default)]
pub(super) struct StoredRoster {
    /// 0 where there is none. Locked by who brings the roster in use up to date.
    known: Mutex<i64>,
    pub(super) in_use: InUse<Roster>,
}

impl StoredRoster {
    /// Takes another process's roster into use.
    pub(super) fn catch_up(&self, database: &Database, connection: &Connection) -> Result<()> {
        let mut known = locked(&self.known);
        let newer = database.within(WORK_LIMIT, newer(connection, *known))?;
        self.take(&mut known, newer);
        Ok(())
    }

    /// A roster that can't be read was written by a newer facerec: the one in use stays, and everything else goes on.
    fn take(&self, known: &mut i64, newer: Option<(i64, Vec<u8>)>) {
        let Some((revision, file)) = newer else { return };
        *known = revision;
        match Roster::from_bytes(&file) {
            Ok(roster) => {
                self.in_use.follow(roster);
                self.in_use.recover();
            }
            Err(error) => {
                let message = format!("the roster in the database can't be used: {error}");
                tracing::warn!("{message}; the one before is still in use");
                self.in_use.fail(message);
            }
        }
    }

    /// Replaces the roster, and keeps the old one. Returns both.
    pub(super) fn replace(
        &self,
        database: &Database,
        connection: &Connection,
        bytes: &[u8],
        roster: Roster,
    ) -> Result<(Arc<Roster>, Arc<Roster>)> {
        let mut known = locked(&self.known);
        let stored = database.within(WORK_LIMIT, async {
            connection.client.batch_execute("begin; lock table roster in share row exclusive mode").await?;
            newer(connection, *known).await
        })?;
        self.take(&mut known, stored);
        let old = self.in_use.current();
        let revision = database.within(WORK_LIMIT, write(connection, bytes, &roster))?;
        *known = revision;
        self.in_use.recover();
        Ok((old, self.in_use.swap(roster)))
    }
}

/// Number and bytes of the roster, where it is not the known one.
async fn newer(connection: &Connection, known: i64) -> Result<Option<(i64, Vec<u8>)>, Fault> {
    let select = "select revision, file from roster where revision <> $1";
    let row = connection.client.query_opt(select, &[&known]).await?;
    row.map(|row| Ok::<_, Fault>((row.try_get(0)?, row.try_get(1)?))).transpose()
}

/// Writes the roster and ends the transaction. Returns its number.
async fn write(connection: &Connection, bytes: &[u8], roster: &Roster) -> Result<i64, Fault> {
    let client = &connection.client;
    let keep = "insert into roster_versions (id, names, format, file)
        select $1, names, format, file from roster where file <> $2";
    client.execute(keep, &[&new_id(), &bytes]).await?;
    let forget = "delete from roster_versions where id not in
        (select id from roster_versions order by id collate \"C\" desc limit $1)";
    client.execute(forget, &[&KEPT]).await?;
    let upsert = "insert into roster (revision, names, format, file) values (1, $1, $2, $3)
        on conflict (single) do update set revision = roster.revision + 1, names = excluded.names,
            format = excluded.format, file = excluded.file
        returning revision";
    let names = i32::try_from(roster.len()).unwrap_or(i32::MAX);
    let row = client.query_one(upsert, &[&names, &roster.format().extension(), &bytes]).await?;
    client.execute("select pg_notify($1, 'roster')", &[&CHANNEL]).await?;
    client.batch_execute("commit").await?;
    Ok(row.try_get(0)?)
}

/// The roster as the file that it is; `None` where there is none.
pub(super) async fn file(connection: &Connection) -> Result<Option<Vec<u8>>, Fault> {
    let row = connection.client.query_opt("select file from roster", &[]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The rosters that were replaced, the latest first.
pub(super) async fn versions(connection: &Connection) -> Result<Vec<Version>, Fault> {
    let select = "select id, names, format from roster_versions order by id collate \"C\" desc";
    connection.client.query(select, &[]).await?.iter().map(version_of).collect()
}

fn version_of(row: &Row) -> Result<Version, Fault> {
    let (names, format): (i32, &str) = (row.try_get(1)?, row.try_get(2)?);
    let known = Format::ALL.into_iter().find(|known| known.extension() == format);
    let format =
        known.ok_or_else(|| Fault::Content(format!("expected a kind of roster, found {format:?}")))?;
    Ok(Version { id: row.try_get(0)?, names: usize::try_from(names).unwrap_or_default(), format })
}

/// The bytes of a roster that was replaced.
pub(super) async fn version(connection: &Connection, id: &str) -> Result<Option<Vec<u8>>, Fault> {
    let row = connection.client.query_opt("select file from roster_versions where id = $1", &[&id]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}
