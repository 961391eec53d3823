//! Attendance from a data directory into a database, and back.

use crate::attendance::sql::copy::copy;
use crate::attendance::{AttendanceStore, Channels, SqliteStore};
use crate::cli::data::DataDirectory;
use crate::cli::output;
use crate::config::DatabaseParams;
use crate::postgres::{Database, PostgresAttendance};

/// Takes attendance over, where there is any: all of it or nothing.
///
/// # Errors
/// When one of both can't be used, or the other side has other attendance.
pub(super) fn take_over(data: &DataDirectory, params: &DatabaseParams, export: bool) -> anyhow::Result<()> {
    let _lock = data.lock()?;
    let file = SqliteStore::open(data.directory(), Channels::default())?;
    let database = PostgresAttendance::open(Database::new(params)?, Channels::default())?;
    let (from, place): (&dyn AttendanceStore, _) =
        if export { (&database, "attendance.db") } else { (&file, "the database") };
    if !from.exists() {
        return Ok(());
    }
    let copied = if export { copy(&database, &file)? } else { copy(&file, &database)? };
    output::line(format_args!(
        "{} sessions with {} entries of attendance are in {place}",
        copied.sessions, copied.entries
    ))
}
