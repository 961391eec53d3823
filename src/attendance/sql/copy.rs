//! All of one database into another one of another kind.

use super::value::{Value, values};
use super::{Sql, Transactions};
use crate::error::{InputError, Result};

/// A table: its name, its columns, and whether its rows are of a session, of whom there may be too many to read at once.
struct Table {
    name: &'static str,
    columns: &'static str,
    of_sessions: bool,
}

/// In this order each table refers to those before it only.
const TABLES: [Table; 9] = [
    whole("people", "key, person_id, name, student_id, enrolled, listed, roster_groups"),
    whole("groups", "key, name"),
    whole("members", "group_key, person_key"),
    whole(
        "sessions",
        "key, id, title, group_key, group_name, zone, local_date, start_at, late_after_ms, end_at, created_at, closed_at,
         closed_by, automatic_key",
    ),
    of_sessions(
        "entries",
        "session_key, person_key, status, camera_status, member, first_seen, last_seen, unsure_first, unsure_last,
         best_certain, best_score, best_at, best_photo, best_sha256, best_face, hand_status, hand_by, hand_at, hand_note",
    ),
    of_sessions("photos", "session_key, sha256, photo_id, captured_at, received_at, faces, unknown"),
    of_sessions(
        "corrections",
        "key, session_key, person_key, from_status, to_status, by_whom, at, note, after_close",
    ),
    whole("requests", "key, request_sha256, session_id, status, response, at"),
    whole(
        "outbox",
        "seq, id, channel, event, lane, person_key, body, created_at, attempts, due_at, last_error, dead_at",
    ),
];

const fn whole(name: &'static str, columns: &'static str) -> Table {
    Table { name, columns, of_sessions: false }
}

const fn of_sessions(name: &'static str, columns: &'static str) -> Table {
    Table { name, columns, of_sessions: true }
}

/// Rows that one statement writes.
const ROWS_AT_ONCE: usize = 100;

/// How much there was to copy, and is there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    pub(crate) sessions: u64,
    pub(crate) entries: u64,
}

/// Copies all rows in one transaction, and counts them on the other side; nothing where the other side has as many already.
///
/// # Errors
/// [`InputError::Conflict`] where the other side has others.
pub(crate) fn copy(from: &impl Transactions, to: &impl Transactions) -> Result<Copied> {
    from.read(|from| {
        to.write(|db| {
            let (here, there) = (counts(from)?, counts(db)?);
            if there.iter().all(|count| *count == 0) {
                for table in &TABLES {
                    table.copy(from, db)?;
                }
                to.continue_keys(db)?;
            }
            let [_, _, _, sessions, entries, ..] = here;
            if counts(db)? == here {
                return Ok(Copied { sessions, entries });
            }
            let message = format!(
                "attendance: expected none, or the {sessions} sessions with {entries} entries of the other side, found {} with {}",
                there[3], there[4]
            );
            Err(InputError::Conflict(message).into())
        })
    })
}

/// Rows of each table.
fn counts(db: &dyn Sql) -> Result<[u64; TABLES.len()]> {
    let mut counts = [0; TABLES.len()];
    for (table, count) in TABLES.iter().zip(&mut counts) {
        *count = db.cell(&format!("SELECT count(*) FROM {}", table.name), values![])?.unwrap_or_default();
    }
    Ok(counts)
}

impl Table {
    fn copy(&self, from: &dyn Sql, to: &dyn Sql) -> Result<()> {
        let Self { name, columns, of_sessions } = self;
        let (mut waiting, width) = (Vec::new(), columns.split(',').count());
        let mut read = |sql: &str, values: &[Value]| {
            from.each(sql, values, &mut |row| {
                waiting.extend_from_slice(&row.0);
                if waiting.len() >= ROWS_AT_ONCE * width {
                    self.insert(to, &waiting, width)?;
                    waiting.clear();
                }
                Ok(())
            })
        };
        if *of_sessions {
            for session in from.column::<i64>("SELECT key FROM sessions ORDER BY key", values![])? {
                read(&format!("SELECT {columns} FROM {name} WHERE session_key = ?1"), values![session])?;
            }
        } else {
            read(&format!("SELECT {columns} FROM {name}"), values![])?;
        }
        self.insert(to, &waiting, width)
    }

    fn insert(&self, to: &dyn Sql, values: &[Value], width: usize) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let row = |first: usize| {
            let places: Vec<String> = (1..=width).map(|place| format!("?{}", first + place)).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<String> = (0..values.len()).step_by(width).map(row).collect();
        let sql = format!("INSERT INTO {} ({}) VALUES {}", self.name, self.columns, rows.join(", "));
        to.execute(&sql, values).map(|_| ())
    }
}
