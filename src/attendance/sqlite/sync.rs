//! Who is enrolled and who is on the roster.

use std::collections::HashSet;

use rusqlite::{Connection, params};

use super::people::Names;
use super::rows::student_id;
use super::{groups, people};
use crate::attendance::check;
use crate::attendance::model::{Person, PersonRecord};
use crate::error::Result;

pub(super) fn list(db: &Connection, group: Option<&str>) -> Result<Vec<Person>> {
    let group = group.map(|name| groups::key(db, name)).transpose()?;
    let mut rows = db.prepare_cached(&format!(
        "SELECT {} FROM people p WHERE p.listed = 1
         AND (?1 IS NULL OR p.key IN (SELECT person_key FROM members WHERE group_key = ?1))
         ORDER BY p.name, p.key",
        people::COLUMNS
    ))?;
    Ok(rows.query_map([group], |row| people::person(row, 0))?.collect::<Result<_, _>>()?)
}

pub(super) fn sync(db: &Connection, records: &[PersonRecord], complete: bool) -> Result<()> {
    let (mut listed, mut with_face) = (HashSet::new(), HashSet::new());
    let mut names = Names::load(db)?;
    for record in records {
        let key = sync_one(db, &mut names, record)?;
        listed.insert(key);
        if record.person_id.is_some() {
            with_face.insert(key);
        }
        if let Some(names) = &record.groups {
            groups::take_from_roster(db, key, names)?;
        }
    }
    if complete {
        retire_others(db, &listed, &with_face)?;
    }
    Ok(())
}

fn sync_one(db: &Connection, names: &mut Names, record: &PersonRecord) -> Result<i64> {
    check::text("name", &record.name)?;
    let id = student_id(record.student_id.as_ref());
    if let Some(person_id) = &record.person_id {
        check::id("person_id", person_id)?;
        return people::enrolled(db, names, person_id, &record.name, &id);
    }
    people::on_roster(db, names, &record.name, &id)
}

/// Who has left the gallery is no longer enrolled, and so never absent again; who has left the roster
/// as well is on no further list.
fn retire_others(db: &Connection, listed: &HashSet<i64>, with_face: &HashSet<i64>) -> Result<()> {
    let mut all = db.prepare_cached("SELECT key, enrolled FROM people WHERE listed = 1")?;
    let all: Vec<(i64, bool)> =
        all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut update = db.prepare_cached("UPDATE people SET enrolled = ?2, listed = ?3 WHERE key = ?1")?;
    for (key, enrolled) in all {
        let now = (with_face.contains(&key), listed.contains(&key));
        if (enrolled, true) != now {
            update.execute(params![key, now.0, now.1])?;
        }
    }
    Ok(())
}
