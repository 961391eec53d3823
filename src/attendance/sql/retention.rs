//! What is deleted after a time, or on request.

use jiff::Timestamp;

use super::value::values;
use super::{Sql, ids, people};
use crate::attendance::model::{Deleted, Forget};
use crate::error::Result;

/// Rows that one transaction deletes: a writer that waits for it waits for milliseconds.
pub(super) const ROWS_AT_ONCE: u64 = 1000;

/// What is deleted, in this order: `?1` is the age, `?2` the number of rows at once. What a session has goes first, so
/// that none takes many rows with it.
pub(in crate::attendance) const STEPS: [&str; 7] = [
    "DELETE FROM entries WHERE (session_key, person_key) IN (SELECT e.session_key, e.person_key FROM sessions s
     JOIN entries e ON e.session_key = s.key WHERE s.start_at < ?1 LIMIT ?2)",
    "DELETE FROM corrections WHERE key IN (SELECT c.key FROM sessions s
     JOIN corrections c ON c.session_key = s.key WHERE s.start_at < ?1 LIMIT ?2)",
    "DELETE FROM photos WHERE (session_key, sha256) IN (SELECT f.session_key, f.sha256 FROM sessions s
     JOIN photos f ON f.session_key = s.key WHERE s.start_at < ?1 LIMIT ?2)",
    "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions WHERE start_at < ?1 LIMIT ?2)",
    "DELETE FROM outbox WHERE seq IN
     (SELECT seq FROM outbox WHERE dead_at IS NOT NULL AND created_at < ?1 LIMIT ?2)",
    "DELETE FROM requests WHERE key IN (SELECT r.key FROM requests r WHERE r.at < ?1 LIMIT ?2)",
    // Somebody who is on no list and in no session is nobody's business, once all messages were delivered.
    "DELETE FROM people WHERE CAST(?1 AS BIGINT) IS NOT NULL AND key IN (SELECT p.key FROM people p WHERE NOT p.listed
     AND NOT EXISTS (SELECT 1 FROM entries WHERE person_key = p.key)
     AND NOT EXISTS (SELECT 1 FROM outbox WHERE person_key = p.key AND dead_at IS NULL) LIMIT ?2)",
];

/// Does a part of one of [`STEPS`]; how many rows were deleted.
pub(in crate::attendance) fn delete_some(db: &dyn Sql, step: &str, before: Timestamp) -> Result<u64> {
    db.execute(step, values![before, ROWS_AT_ONCE])
}

/// What rows deleted by [`STEPS`] are.
pub(super) fn summary([_, _, _, sessions, messages, responses, _]: [u64; STEPS.len()]) -> Deleted {
    Deleted { sessions, messages, responses }
}

pub(super) fn forget(db: &dyn Sql, person_id: &str, how: Forget) -> Result<u64> {
    let Some(key) = people::find_key(db, person_id)? else { return Ok(0) };
    let entries = db.cell("SELECT count(*) FROM entries WHERE person_key = ?1", values![key])?;
    // Responses name people, and there is no telling which.
    db.execute("UPDATE requests SET status = NULL, response = NULL", values![])?;
    match how {
        Forget::Remove => {
            db.execute("DELETE FROM people WHERE key = ?1", values![key])?;
        }
        Forget::Anonymise => anonymise(db, key)?,
    }
    Ok(entries.unwrap_or_default())
}

fn anonymise(db: &dyn Sql, key: i64) -> Result<()> {
    db.execute(
        "UPDATE people SET person_id = ?2, name = '', student_id = NULL, enrolled = FALSE, listed = FALSE,
         roster_groups = NULL WHERE key = ?1",
        values![key, ids::new_id()],
    )?;
    for statement in [
        "DELETE FROM members WHERE person_key = ?1",
        "DELETE FROM outbox WHERE person_key = ?1",
        "UPDATE corrections SET note = NULL WHERE person_key = ?1",
        "UPDATE entries SET best_certain = NULL, best_score = NULL, best_at = NULL, best_photo = NULL,
         best_sha256 = NULL, best_face = NULL, hand_note = NULL WHERE person_key = ?1",
    ] {
        db.execute(statement, values![key])?;
    }
    Ok(())
}
