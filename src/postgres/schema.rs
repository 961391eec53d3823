//! The tables: migrations, each made once, whichever process comes first.

use tokio_postgres::{Client, GenericClient};

use super::fault::Fault;

/// The oldest server that the tests run with, as `server_version_num`.
const OLDEST_SERVER: i32 = 150_000;

/// Each brings the tables from the version that is its index to the next one. One that was released is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_people.sql"),
    include_str!("migrations/0002_roster.sql"),
    include_str!("migrations/0003_attendance.sql"),
    include_str!("migrations/0004_keys.sql"),
    include_str!("migrations/0005_access_log.sql"),
    include_str!("migrations/0006_dismissals.sql"),
    include_str!("migrations/0007_thumbnails.sql"),
];

/// Of the lock that one migrating process holds: `facerec` in ASCII.
const LOCK: i64 = 0x66_6163_6572_6563;

/// Brings the tables up to date.
///
/// # Errors
/// For a server that is too old, and for tables of a newer facerec.
pub(super) async fn migrate(client: &mut Client) -> Result<(), Fault> {
    check_server(client).await?;
    let transaction = client.transaction().await?;
    // Another process may be migrating many people: that is waited for.
    transaction
        .batch_execute("set local lock_timeout to '5min'; set local statement_timeout to '5min'")
        .await?;
    transaction.execute("select pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    // Asked first: `if not exists` needs the right to make one all the same.
    let is_new: bool =
        transaction.query_one("select to_regnamespace('facerec') is null", &[]).await?.try_get(0)?;
    if is_new {
        transaction.batch_execute("create schema facerec").await?;
    }
    let table = "create table if not exists migrations (version integer primary key, made_at timestamptz not null default now())";
    transaction.batch_execute(table).await?;
    let found = version(&transaction).await?;
    for (version, sql) in (1..).zip(MIGRATIONS).skip(found as usize) {
        transaction.batch_execute(sql).await?;
        transaction.execute("insert into migrations (version) values ($1)", &[&version]).await?;
        tracing::info!(version, "made the tables of the database");
    }
    Ok(transaction.commit().await?)
}

/// The version of the tables. One that a newer facerec made is refused: there may be rules in it that this one does not know.
async fn version(client: &(impl GenericClient + Sync)) -> Result<i32, Fault> {
    let found: i32 =
        client.query_one("select coalesce(max(version), 0) from migrations", &[]).await?.try_get(0)?;
    let newest = MIGRATIONS.len() as i32;
    if found > newest {
        let reason =
            format!("expected tables of version {newest} or older, found {found}: a newer facerec made them");
        return Err(Fault::Content(reason));
    }
    Ok(found)
}

/// Refuses tables of a newer facerec, which may have made them while this process ran. There may be none yet.
pub(super) async fn check_version(client: &Client) -> Result<(), Fault> {
    let has_tables = "select to_regclass('facerec.migrations') is not null";
    if client.query_one(has_tables, &[]).await?.try_get(0)? {
        version(client).await?;
    }
    Ok(())
}

/// Refuses a server that is too old, and a database that can't hold all names.
pub(super) async fn check_server(client: &Client) -> Result<(), Fault> {
    let settings = "select current_setting('server_version_num')::int, current_setting('server_version'), \
                    current_setting('server_encoding')";
    let row = client.query_one(settings, &[]).await?;
    let (number, version, encoding): (i32, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    if encoding != "UTF8" {
        let reason = format!(
            "expected a database with the encoding UTF8, found {encoding}: make one by createdb --encoding UTF8 --template template0"
        );
        return Err(Fault::Content(reason));
    }
    if number < OLDEST_SERVER {
        let reason = format!("expected PostgreSQL {} or newer, found {version}", OLDEST_SERVER / 10_000);
        return Err(Fault::Content(reason));
    }
    Ok(())
}
