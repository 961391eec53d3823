//! Who attendance knows.

use std::collections::{BTreeMap, HashMap};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::ids;
use super::rows::Id;
use crate::attendance::model::Person;
use crate::error::{InputError, Result};
use crate::person_name;

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

/// Everybody by name, in the form in which names are compared: a roster and a form may spell one name in two ways.
#[derive(Default)]
pub(super) struct Names {
    /// Of each name, keys of people and whether they are enrolled.
    people: HashMap<String, BTreeMap<i64, bool>>,
    name_of: HashMap<i64, String>,
}

impl Names {
    pub(super) fn load(db: &Connection) -> Result<Self> {
        let mut names = Self::default();
        // Whoever was forgotten has no name.
        let mut rows = db.prepare_cached("SELECT name, key, enrolled FROM people WHERE name <> ''")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            names.set(&row.get::<_, String>(0)?, row.get(1)?, row.get(2)?);
        }
        Ok(names)
    }

    /// Notes the name of somebody, who may have had another one.
    fn set(&mut self, name: &str, key: i64, enrolled: bool) {
        let name = person_name::key_of(name);
        self.people.entry(name.clone()).or_default().insert(key, enrolled);
        if let Some(before) = self.name_of.insert(key, name.clone()).filter(|before| *before != name)
            && let Some(others) = self.people.get_mut(&before)
        {
            others.remove(&key);
        }
    }

    /// Whoever has this name: somebody enrolled before others.
    fn find(&self, name: &str) -> Option<i64> {
        let people = self.people.get(&person_name::key_of(name))?;
        people.iter().find(|(_, enrolled)| **enrolled).or(people.first_key_value()).map(|(key, _)| *key)
    }

    /// Whoever has this name and no enrolled face.
    fn find_unenrolled(&self, name: &str) -> Option<i64> {
        let people = self.people.get(&person_name::key_of(name))?;
        people.iter().find(|(_, enrolled)| !**enrolled).map(|(key, _)| *key)
    }
}

/// Writes down somebody enrolled. Whoever was on the roster under this name becomes that person.
pub(super) fn enrolled(
    db: &Connection,
    names: &mut Names,
    person_id: &str,
    name: &str,
    id: &Value,
) -> Result<i64> {
    let known = match find_key(db, person_id)? {
        Some(key) => Some(key),
        None => names.find_unenrolled(name),
    };
    if let Some(key) = known {
        let mut update = db.prepare_cached(
            "UPDATE people SET person_id = ?2, name = ?3, student_id = ?4, enrolled = 1, listed = 1 WHERE key = ?1
             AND (person_id, name, student_id, enrolled, listed) IS NOT (?2, ?3, ?4, 1, 1)",
        )?;
        update.execute(params![key, person_id, name, id])?;
        names.set(name, key, true);
        return Ok(key);
    }
    let key = insert(db, person_id, name, id, true)?;
    names.set(name, key, true);
    Ok(key)
}

/// Writes down somebody on the roster. Whoever has the name keeps the face.
pub(super) fn on_roster(db: &Connection, names: &mut Names, name: &str, id: &Value) -> Result<i64> {
    let Some(key) = names.find(name) else {
        let key = insert(db, &ids::new_id(), name, id, false)?;
        names.set(name, key, false);
        return Ok(key);
    };
    db.prepare_cached(
        "UPDATE people SET name = iif(enrolled, name, ?2), student_id = ?3, listed = 1 WHERE key = ?1
         AND (iif(enrolled, name, ?2), student_id, listed) IS NOT (name, ?3, 1)",
    )?
    .execute(params![key, name, id])?;
    Ok(key)
}

fn insert(db: &Connection, person_id: &str, name: &str, id: &Value, enrolled: bool) -> Result<i64> {
    db.prepare_cached("INSERT INTO people (person_id, name, student_id, enrolled) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![person_id, name, id, enrolled])?;
    Ok(db.last_insert_rowid())
}
