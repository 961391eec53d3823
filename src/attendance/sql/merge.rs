//! Two people who turned out to be one.

use super::value::values;
use super::{Sql, entries, people, sessions};
use crate::attendance::status::Status;
use crate::error::Result;

pub(super) fn merge(db: &dyn Sql, into: &str, from: &str) -> Result<()> {
    let Some(source) = people::find_key(db, from)? else { return Ok(()) };
    let Some(target) = people::find_key(db, into)? else {
        db.execute("UPDATE people SET person_id = ?2 WHERE key = ?1", values![source, into])?;
        return Ok(());
    };
    for session in db.column("SELECT session_key FROM entries WHERE person_key = ?1", values![source])? {
        merge_entry(db, session, target, source)?;
    }
    for statement in [
        "UPDATE corrections SET person_key = ?1 WHERE person_key = ?2",
        "INSERT INTO members (group_key, person_key)
         SELECT group_key, CAST(?1 AS BIGINT) FROM members WHERE person_key = ?2 ON CONFLICT DO NOTHING",
        "UPDATE outbox SET person_key = ?1 WHERE person_key = ?2",
        "DELETE FROM people WHERE key = ?2 AND key <> ?1",
    ] {
        db.execute(statement, values![target, source])?;
    }
    Ok(())
}

fn merge_entry(db: &dyn Sql, session: i64, target: i64, source: i64) -> Result<()> {
    let Some(other) = entries::load(db, session, source)? else { return Ok(()) };
    let mut merged = match entries::load(db, session, target)? {
        Some(own) => own,
        None => other.clone(),
    };
    // Neither could have been seen: the one person is not absent either.
    let unknown = [merged.camera_status, other.camera_status] == [Status::NotEnrolled; 2];
    merged.evidence.merge(&other.evidence);
    merged.member |= other.member;
    merged.hand = merged.hand.or(other.hand);
    merged.refresh(&sessions::by_key(db, session)?, !unknown);
    entries::save(db, session, target, &merged)
}
