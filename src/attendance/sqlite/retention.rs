//! What is deleted after a time, or on request.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::ids;
use super::people;
use super::rows::Millis;
use crate::attendance::model::{Deleted, Forget};
use crate::error::Result;

/// Rows that one transaction deletes: a writer that waits for it waits for milliseconds.
pub(super) const ROWS_AT_ONCE: u64 = 1000;

/// What is deleted, in this order: `?1` is the age, `?2` the number of rows at once. What a session has goes first, so
/// that none takes many rows with it.
pub(super) const STEPS: [&str; 7] = [
    "DELETE FROM entries WHERE (session_key, person_key) IN (SELECT e.session_key, e.person_key FROM sessions s
     JOIN entries e ON e.session_key = s.key WHERE s.start_at < ?1 LIMIT ?2)",
    "DELETE FROM corrections WHERE key IN (SELECT c.key FROM sessions s
     JOIN corrections c ON c.session_key = s.key WHERE s.start_at < ?1 LIMIT ?2)",
    "DELETE FROM photos WHERE (session_key, sha256) IN (SELECT f.session_key, f.sha256 FROM sessions s
     JOIN photos f ON f.session_key = s.key WHERE s.start_at < ?1 LIMIT ?2)",
    "DELETE FROM sessions WHERE key IN (SELECT key FROM sessions WHERE start_at < ?1 LIMIT ?2)",
    "DELETE FROM outbox WHERE seq IN
     (SELECT seq FROM outbox WHERE dead_at IS NOT NULL AND created_at < ?1 LIMIT ?2)",
    "DELETE FROM requests WHERE key IN (SELECT key FROM requests WHERE at < ?1 LIMIT ?2)",
    // Somebody who is on no list and in no session is nobody's business, once all messages were delivered.
    "DELETE FROM people WHERE ?1 IS NOT NULL AND key IN (SELECT p.key FROM people p WHERE p.listed = 0
     AND NOT EXISTS (SELECT 1 FROM entries WHERE person_key = p.key)
     AND NOT EXISTS (SELECT 1 FROM outbox WHERE person_key = p.key AND dead_at IS NULL) LIMIT ?2)",
];

/// Does a part of one of [`STEPS`]; how many rows were deleted.
pub(super) fn delete_some(db: &Connection, step: &str, before: Timestamp) -> Result<u64> {
    Ok(db.prepare_cached(step)?.execute(params![Millis(before), ROWS_AT_ONCE])? as u64)
}

/// What rows deleted by [`STEPS`] are.
pub(super) fn summary([_, _, _, sessions, messages, responses, _]: [u64; STEPS.len()]) -> Deleted {
    Deleted { sessions, messages, responses }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attendance::sqlite::connect;

    #[test]
    fn no_transaction_deletes_many_rows() {
        let db = connect::empty().unwrap();
        db.execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
             INSERT INTO people (key, person_id, name, enrolled) SELECT i, 'p' || i, 'n' || i, 1 FROM n;
             INSERT INTO sessions (key, id, title, zone, local_date, start_at, created_at)
             VALUES (1, 's', 't', 'UTC', '2020-01-01', 0, 0), (2, 'young', 't', 'UTC', '2020-01-01', 10, 0);
             INSERT INTO entries (session_key, person_key, status, camera_status, member)
             SELECT s.key, p.key, 1, 1, 1 FROM sessions s, people p;",
        )
        .unwrap();
        let before = Timestamp::from_millisecond(10).unwrap();
        let rounds: Vec<u64> = (0..4).map(|_| delete_some(&db, STEPS[0], before).unwrap()).collect();
        assert_eq!(rounds, [1000, 1000, 500, 0]);
        let rounds: Vec<u64> = STEPS.iter().map(|step| delete_some(&db, step, before).unwrap()).collect();
        assert_eq!(rounds, [0, 0, 0, 1, 0, 0, 0]);
        let left = |table: &str| -> u64 {
            db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        assert_eq!((left("sessions"), left("entries"), left("people")), (1, 2500, 2500));
    }
}
