//! Migrations of the database's schema.

use rusqlite::{Connection, TransactionBehavior};

use crate::attendance::sql::value::fault;
use crate::error::{Error, Result};

/// Each runs once, in order, in a transaction of its own. `user_version` counts those that ran.
/// A released migration never changes; a change of the schema is a further file.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_outbox.sql"),
    include_str!("../migrations/0003_roster_groups.sql"),
];

/// `application_id` of the database's header: `FRat` in ASCII.
const APPLICATION_ID: i32 = 0x4652_6174;

/// Brings the schema up to date.
///
/// # Errors
/// A message for a database of another program or of a newer version of this one; what SQLite says else.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Error> {
    loop {
        // Read under the write lock: another process may be migrating.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: usize = pragma(&transaction, "user_version")?.try_into().unwrap_or(usize::MAX);
        let application = pragma(&transaction, "application_id")?;
        let tables: i64 =
            transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if tables > 0 && application != i64::from(APPLICATION_ID) {
            return Err(fault("expected a database of facerec's attendance, found another program's"));
        }
        if version > MIGRATIONS.len() {
            return Err(fault(format!(
                "expected schema version {} or lower, found {version}: it was written by a newer version of facerec",
                MIGRATIONS.len()
            )));
        }
        let Some(migration) = MIGRATIONS.get(version) else { return Ok(()) };
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i64, rusqlite::Error> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}
