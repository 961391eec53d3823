//! The access log, in a file or in the database.

use anyhow::Context;

use crate::access_log::AccessLog;
use crate::config::{AccessLogArgs, DatabaseParams};
use crate::postgres::{Database, PostgresLog};

/// The log that the arguments name, if any, open for writing.
///
/// # Errors
/// When it can't be written, or is in a database that is not named.
pub(super) fn open(
    args: &AccessLogArgs,
    database: Option<&DatabaseParams>,
) -> anyhow::Result<Option<AccessLog>> {
    if args.in_database() {
        return Ok(Some(in_database(database)?.start()?));
    }
    Ok(args.params().as_ref().map(AccessLog::open).transpose()?)
}

/// Refuses a log in the database, where none is used.
///
/// # Errors
/// When the arguments name one.
pub(super) fn ensure_file(args: &AccessLogArgs) -> anyhow::Result<()> {
    if args.in_database() { in_database(None).map(drop) } else { Ok(()) }
}

/// The log in the database.
///
/// # Errors
/// When the database can't be used, or none is named.
pub(super) fn in_database(database: Option<&DatabaseParams>) -> anyhow::Result<PostgresLog> {
    let params = database.context("--access-log database: expected --database-url with it, found none")?;
    Ok(PostgresLog::open(Database::new(params)?)?)
}
