//! Who attendance knows.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{Id, student_id};
use crate::attendance::check;
use crate::attendance::model::{Person, PersonRef};
use crate::error::{InputError, Result};

/// Columns of [`person`], of a table named `p`.
pub(super) const COLUMNS: &str = "p.person_id, p.name, p.student_id, p.enrolled";

/// A person from [`COLUMNS`], the first of which is column `at`.
pub(super) fn person(row: &Row<'_>, at: usize) -> rusqlite::Result<Person> {
    Ok(Person {
        person_id: row.get(at)?,
        name: row.get(at + 1)?,
        student_id: row.get::<_, Option<Id>>(at + 2)?.map(|id| id.0),
        enrolled: row.get(at + 3)?,
    })
}

/// The key of a person by id.
pub(super) fn key(db: &Connection, person_id: &str) -> Result<i64> {
    find_key(db, person_id)?.ok_or_else(|| {
        InputError::NotFound(format!("attendance knows no person with the id {person_id:?}")).into()
    })
}

pub(super) fn find_key(db: &Connection, person_id: &str) -> Result<Option<i64>> {
    let mut found = db.prepare_cached("SELECT key FROM people WHERE person_id = ?1")?;
    Ok(found.query_row([person_id], |row| row.get(0)).optional()?)
}

/// Whoever has this name and no enrolled face.
fn find_unenrolled(db: &Connection, name: &str) -> Result<Option<i64>> {
    let mut found =
        db.prepare_cached("SELECT key FROM people WHERE name = ?1 AND enrolled = 0 ORDER BY key LIMIT 1")?;
    Ok(found.query_row([name], |row| row.get(0)).optional()?)
}

/// The key of somebody recognised, who is written down if new.
pub(super) fn recognised(db: &Connection, person: &PersonRef) -> Result<i64> {
    check::id("person_id", &person.person_id)?;
    check::text("name", &person.name)?;
    enrolled(db, &person.person_id, &person.name, &student_id(person.student_id.as_ref()))
}

/// Writes down somebody enrolled. Whoever was on the roster under this name becomes that person.
pub(super) fn enrolled(db: &Connection, person_id: &str, name: &str, id: &Value) -> Result<i64> {
    let known = match find_key(db, person_id)? {
        Some(key) => Some(key),
        None => find_unenrolled(db, name)?,
    };
    if let Some(key) = known {
        let mut update = db.prepare_cached(
            "UPDATE people SET person_id = ?2, name = ?3, student_id = ?4, enrolled = 1, listed = 1 WHERE key = ?1
             AND (person_id, name, student_id, enrolled, listed) IS NOT (?2, ?3, ?4, 1, 1)",
        )?;
        update.execute(params![key, person_id, name, id])?;
        return Ok(key);
    }
    insert(db, person_id, name, id, true)
}

pub(super) fn insert(
    db: &Connection,
    person_id: &str,
    name: &str,
    id: &Value,
    enrolled: bool,
) -> Result<i64> {
    db.prepare_cached("INSERT INTO people (person_id, name, student_id, enrolled) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![person_id, name, id, enrolled])?;
    Ok(db.last_insert_rowid())
}
