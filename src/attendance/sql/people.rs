//! Who attendance knows.

use super::Sql;
use super::value::{Row, values};
use crate::attendance::model::Person;
use crate::error::{InputError, Result};

/// Columns of [`person`], of a table named `p`.
pub(super) const COLUMNS: &str = "p.person_id, p.name, p.student_id, p.enrolled";

/// A person from [`COLUMNS`], the first of which is column `at`.
pub(super) fn person(row: &Row, at: usize) -> Result<Person> {
    Ok(Person {
        person_id: row.get(at)?,
        name: row.get(at + 1)?,
        student_id: row.get(at + 2)?,
        enrolled: row.get(at + 3)?,
    })
}

/// The key of a person by id.
pub(super) fn key(db: &dyn Sql, person_id: &str) -> Result<i64> {
    find_key(db, person_id)?.ok_or_else(|| {
        InputError::NotFound(format!("attendance knows no person with the id {person_id:?}")).into()
    })
}

pub(super) fn find_key(db: &dyn Sql, person_id: &str) -> Result<Option<i64>> {
    db.cell("SELECT key FROM people WHERE person_id = ?1", values![person_id])
}
