//! API keys in memory and in their table.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio_postgres::{GenericClient, Row};

use super::connection::{Connection, Database, RESPONSE_LIMIT, WORK_LIMIT};
use super::fault::Fault;
use super::in_use::InUse;
use super::rows::{CHANNEL, broken};
use crate::error::Result;
use crate::gallery::backend::locked;
use crate::keys::backend::Edit;
use crate::keys::last_use::{Times, Uses};
use crate::keys::{ApiKeys, KeyEntry, Scope};

const LIST: &str = "select version, name, scope, sha256, expires from key_list left join keys on true";

/// The keys in use, and which ones of the database they are.
#[derive(Default)]
pub(super) struct StoredKeys {
    /// 0 where there never was one. Locked by who brings the keys in use up to date.
    known: Mutex<i64>,
    /// `None` where there never was one.
    pub(super) in_use: InUse<Option<Arc<ApiKeys>>>,
    pub(super) uses: Uses,
}

impl StoredKeys {
    /// Takes another process's keys into use.
    pub(super) fn catch_up(&self, database: &Database, connection: &Connection) -> Result<()> {
        let mut known = locked(&self.known);
        let Some((version, entries)) = database.within(RESPONSE_LIMIT, newer(&connection.client, *known))?
        else {
            return Ok(());
        };
        *known = version;
        match entries.map_err(Into::into).and_then(ApiKeys::new) {
            Ok(keys) => {
                self.in_use.follow((version != 0).then(|| Arc::new(keys)));
                self.in_use.recover();
            }
            Err(error) => {
                let message = format!("the API keys in the database can't be used: {error}");
                tracing::warn!("{message}; those before are still in use");
                self.in_use.fail(message);
            }
        }
        Ok(())
    }
}

/// Number and entries of a list of keys.
type Numbered = (i64, std::result::Result<Vec<KeyEntry>, Fault>);

/// The keys where they are not the known ones.
async fn newer(client: &(impl GenericClient + Sync), known: i64) -> Result<Option<Numbered>, Fault> {
    let select = format!("{LIST} where version <> $1 order by position");
    let rows = client.query(&select, &[&known]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    Ok(Some((first.try_get(0)?, of_rows(&rows))))
}

/// The entries, in order.
pub(super) async fn entries(client: &(impl GenericClient + Sync)) -> Result<Vec<KeyEntry>, Fault> {
    of_rows(&client.query(&format!("{LIST} order by position"), &[]).await?)
}

/// Of a list without keys there is a row all the same.
fn of_rows(rows: &[Row]) -> Result<Vec<KeyEntry>, Fault> {
    let is_key = |row: &&Row| !matches!(row.try_get::<_, Option<&str>>(1), Ok(None));
    rows.iter().filter(is_key).map(entry).collect()
}

fn entry(row: &Row) -> Result<KeyEntry, Fault> {
    let scope: &str = row.try_get(2)?;
    let expires = row.try_get::<_, Option<&str>>(4)?.map(str::parse).transpose().map_err(broken)?;
    Ok(KeyEntry {
        name: row.try_get(1)?,
        scope: Scope::from_name(scope).ok_or_else(|| broken(format!("{scope:?} is no scope")))?,
        sha256: row.try_get::<_, &[u8]>(3)?.try_into().map_err(broken)?,
        expires,
    })
}

/// Replaces the entries by what `edit` makes of them. Where it refuses, the connection is to be dropped, and with it its transaction.
pub(super) fn change(database: &Database, connection: &Connection, edit: Edit<'_>) -> Result<()> {
    let client = &connection.client;
    let old = database.within(WORK_LIMIT, async {
        lock(client).await?;
        entries(client).await
    })?;
    let keys = ApiKeys::new(edit(old)?)?;
    database.within(WORK_LIMIT, async {
        save(client, keys.entries()).await?;
        Ok(client.batch_execute("commit").await?)
    })
}

/// Begins a transaction, until whose end nobody else changes keys.
async fn lock(client: &(impl GenericClient + Sync)) -> Result<(), Fault> {
    Ok(client.batch_execute("begin; select from key_list for update").await?)
}

/// Writes the entries, and announces them with the end of the transaction. When a key was used last stays with it.
async fn save(client: &(impl GenericClient + Sync), entries: &[KeyEntry]) -> Result<(), Fault> {
    let hashes: Vec<&[u8]> = entries.iter().map(|entry| entry.sha256.as_slice()).collect();
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let scopes: Vec<&str> = entries.iter().map(|entry| entry.scope.as_str()).collect();
    let expires: Vec<Option<String>> =
        entries.iter().map(|entry| entry.expires.map(|time| time.to_string())).collect();
    client.execute("delete from keys where sha256 <> all($1)", &[&hashes]).await?;
    let upsert = "
        insert into keys (sha256, position, name, scope, expires)
        select sha256, place, name, scope, expires
        from unnest($1::bytea[], $2::text[], $3::text[], $4::text[]) with ordinality as new (sha256, name, scope, expires, place)
        on conflict (sha256) do update set position = excluded.position, name = excluded.name, scope = excluded.scope,
            expires = excluded.expires";
    client.execute(upsert, &[&hashes, &names, &scopes, &expires]).await?;
    client.execute("update key_list set version = 1 + (random() * 9e18)::bigint", &[]).await?;
    client.execute("select pg_notify($1, 'keys')", &[&CHANNEL]).await?;
    Ok(())
}

/// When keys were last used.
pub(super) async fn last_used(client: &(impl GenericClient + Sync)) -> Result<Times, Fault> {
    let select = "select sha256, last_used from keys where last_used is not null";
    let time = |row: &Row| -> Result<([u8; 32], Timestamp), Fault> {
        let time = Timestamp::from_millisecond(row.try_get(1)?).map_err(broken)?;
        Ok((row.try_get::<_, &[u8]>(0)?.try_into().map_err(broken)?, time))
    };
    client.query(select, &[]).await?.iter().map(time).collect()
}

/// Notes uses of keys, unless later ones are known. Those of removed keys are forgotten.
pub(super) async fn add_uses(client: &(impl GenericClient + Sync), times: &Times) -> Result<(), Fault> {
    let hashes: Vec<&[u8]> = times.keys().map(<[u8; 32]>::as_slice).collect();
    let used: Vec<i64> = times.values().map(|time| time.as_millisecond()).collect();
    let update = "
        update keys set last_used = greatest(last_used, used)
        from unnest($1::bytea[], $2::bigint[]) as new (hash, used) where sha256 = hash";
    // Two processes would lock the rows in different orders.
    lock(client).await?;
    client.execute(update, &[&hashes, &used]).await?;
    Ok(client.batch_execute("commit").await?)
}
