//! Everybody whom attendance knows, in memory while it is told who is enrolled and on the roster: written is only what
//! differs.

use std::collections::{BTreeMap, HashMap};

use super::people;
use super::value::{inserted, values};
use super::{Sql, ids};
use crate::attendance::model::Person;
use crate::error::Result;
use crate::person_name;
use crate::student_id::StudentId;

/// Somebody's row.
#[derive(Clone, PartialEq)]
struct Known {
    person: Person,
    /// Whether somebody enrolled or on the roster.
    listed: bool,
    /// Those that the roster gave last, separated by `;`.
    roster_groups: Option<String>,
}

impl Known {
    /// Somebody new.
    fn new(person_id: String, name: &str) -> Self {
        let person = Person { person_id, name: name.to_owned(), student_id: None, enrolled: false };
        Self { person, listed: true, roster_groups: None }
    }
}

/// Everybody by key, by id, and by name in the form in which names are compared: a roster and a form may spell one name in
/// two ways.
#[derive(Default)]
pub(super) struct Everybody {
    rows: HashMap<i64, Known>,
    by_id: HashMap<String, i64>,
    by_name: HashMap<String, BTreeMap<i64, bool>>,
}

impl Everybody {
    pub(super) fn load(db: &dyn Sql) -> Result<Self> {
        let mut all = Self::default();
        let sql = format!(
            "SELECT p.key, {}, p.listed, p.roster_groups FROM people p ORDER BY p.key",
            people::COLUMNS
        );
        db.each(&sql, values![], &mut |row| {
            let (listed, roster_groups) = (row.get(5)?, row.get(6)?);
            all.note(row.get(0)?, Known { person: people::person(row, 1)?, listed, roster_groups });
            Ok(())
        })?;
        Ok(all)
    }

    /// Notes a row, which may have been another one.
    fn note(&mut self, key: i64, row: Known) {
        if let Some(before) = self.rows.get(&key) {
            self.by_id.remove(&before.person.person_id);
            if let Some(others) = self.by_name.get_mut(&person_name::key_of(&before.person.name)) {
                others.remove(&key);
            }
        }
        self.by_id.insert(row.person.person_id.clone(), key);
        // Whoever was forgotten has no name.
        if !row.person.name.is_empty() {
            let others = self.by_name.entry(person_name::key_of(&row.person.name)).or_default();
            others.insert(key, row.person.enrolled);
        }
        self.rows.insert(key, row);
    }

    /// Whoever has this name: somebody enrolled before others.
    fn find(&self, name: &str) -> Option<i64> {
        let people = self.by_name.get(&person_name::key_of(name))?;
        people.iter().find(|(_, enrolled)| **enrolled).or(people.first_key_value()).map(|(key, _)| *key)
    }

    /// Whoever has this name and no enrolled face.
    fn find_unenrolled(&self, name: &str) -> Option<i64> {
        let people = self.by_name.get(&person_name::key_of(name))?;
        people.iter().find(|(_, enrolled)| !**enrolled).map(|(key, _)| *key)
    }

    /// Writes down somebody enrolled. Whoever was on the roster under this name becomes that person.
    pub(super) fn enrolled(
        &mut self,
        db: &dyn Sql,
        person_id: &str,
        name: &str,
        id: Option<&StudentId>,
    ) -> Result<i64> {
        let known = self.by_id.get(person_id).copied().or_else(|| self.find_unenrolled(name));
        let before = known.and_then(|key| self.rows.get(&key)).cloned();
        let mut row = before.unwrap_or_else(|| Known::new(person_id.to_owned(), name));
        row.listed = true;
        row.person = Person {
            person_id: person_id.to_owned(),
            name: name.to_owned(),
            student_id: id.cloned(),
            enrolled: true,
        };
        self.save(db, known, row)
    }

    /// Writes down somebody on the roster. Whoever has the name keeps the face.
    pub(super) fn on_roster(&mut self, db: &dyn Sql, name: &str, id: Option<&StudentId>) -> Result<i64> {
        let known = self.find(name);
        let before = known.and_then(|key| self.rows.get(&key)).cloned();
        let mut row = before.unwrap_or_else(|| Known::new(ids::new_id(), name));
        row.listed = true;
        row.person.student_id = id.cloned();
        if !row.person.enrolled {
            name.clone_into(&mut row.person.name);
        }
        self.save(db, known, row)
    }

    /// Notes the groups that the roster gives; whether they are others than before.
    pub(super) fn set_roster_groups(&mut self, db: &dyn Sql, key: i64, groups: &str) -> Result<bool> {
        let Some(row) = self.rows.get(&key) else { return Ok(false) };
        if row.roster_groups.as_deref().unwrap_or_default() == groups {
            return Ok(false);
        }
        let row = Known { roster_groups: Some(groups.to_owned()), ..row.clone() };
        self.save(db, Some(key), row)?;
        Ok(true)
    }

    /// Who has left the gallery is no longer enrolled, and so never absent again; who has left the roster as well is on no
    /// further list.
    pub(super) fn retire(
        &mut self,
        db: &dyn Sql,
        enrolled: impl Fn(i64) -> bool,
        listed: impl Fn(i64) -> bool,
    ) -> Result<()> {
        let mut keys: Vec<i64> =
            self.rows.iter().filter(|(_, row)| row.listed).map(|(key, _)| *key).collect();
        keys.sort_unstable();
        for key in keys {
            let Some(mut row) = self.rows.get(&key).cloned() else { continue };
            row.person.enrolled = enrolled(key);
            row.listed = listed(key);
            self.save(db, Some(key), row)?;
        }
        Ok(())
    }

    /// Writes a row where it differs, a new one under a new key.
    fn save(&mut self, db: &dyn Sql, key: Option<i64>, row: Known) -> Result<i64> {
        if key.is_some_and(|key| self.rows.get(&key) == Some(&row)) {
            return Ok(key.unwrap_or_default());
        }
        let Person { person_id, name, student_id, enrolled } = &row.person;
        let (id, groups) = (student_id.as_ref(), row.roster_groups.as_ref());
        let key = if let Some(key) = key {
            db.execute(
                "UPDATE people SET person_id = ?2, name = ?3, student_id = ?4, enrolled = ?5, listed = ?6,
                 roster_groups = ?7 WHERE key = ?1",
                values![key, person_id, name, id, *enrolled, row.listed, groups],
            )?;
            key
        } else {
            inserted(db.cell(
                "INSERT INTO people (person_id, name, student_id, enrolled, listed, roster_groups)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING key",
                values![person_id, name, id, *enrolled, row.listed, groups],
            )?)?
        };
        self.note(key, row);
        Ok(key)
    }
}
