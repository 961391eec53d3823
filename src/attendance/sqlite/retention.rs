//! What is deleted after a time, or on request.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::ids;
use super::people;
use super::rows::Millis;
use crate::attendance::model::{Deleted, Forget};
use crate::error::Result;

pub(super) fn delete_before(db: &Connection, before: Timestamp) -> Result<Deleted> {
    let before = Millis(before);
    let sessions = db.execute("DELETE FROM sessions WHERE start_at < ?1", [&before])?;
    let messages =
        db.execute("DELETE FROM outbox WHERE dead_at IS NOT NULL AND created_at < ?1", [&before])?;
    let responses = db.execute("DELETE FROM requests WHERE at < ?1", [&before])?;
    // Somebody who is on no list and in no session is nobody's business, once all messages were delivered.
    db.execute(
        "DELETE FROM people WHERE listed = 0
         AND NOT EXISTS (SELECT 1 FROM entries WHERE person_key = key)
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE person_key = key AND dead_at IS NULL)",
        [],
    )?;
    Ok(Deleted { sessions: sessions as u64, messages: messages as u64, responses: responses as u64 })
}

pub(super) fn forget(db: &Connection, person_id: &str, how: Forget) -> Result<u64> {
    let Some(key) = people::find_key(db, person_id)? else { return Ok(0) };
    let entries: u64 =
        db.query_row("SELECT count(*) FROM entries WHERE person_key = ?1", [key], |row| row.get(0))?;
    // Responses name people, and there is no telling which.
    db.execute("UPDATE requests SET status = NULL, response = NULL", [])?;
    match how {
        Forget::Remove => {
            db.execute("DELETE FROM people WHERE key = ?1", [key])?;
        }
        Forget::Anonymise => anonymise(db, key)?,
    }
    Ok(entries)
}

fn anonymise(db: &Connection, key: i64) -> Result<()> {
    db.execute(
        "UPDATE people SET person_id = ?2, name = '', student_id = NULL, enrolled = 0, listed = 0,
         roster_groups = NULL WHERE key = ?1",
        params![key, ids::new_id()],
    )?;
    for statement in [
        "DELETE FROM members WHERE person_key = ?1",
        "DELETE FROM outbox WHERE person_key = ?1",
        "UPDATE corrections SET note = NULL WHERE person_key = ?1",
        "UPDATE entries SET best_certain = NULL, best_score = NULL, best_at = NULL, best_photo = NULL,
         best_sha256 = NULL, best_face = NULL, hand_note = NULL WHERE person_key = ?1",
    ] {
        db.execute(statement, [key])?;
    }
    Ok(())
}
