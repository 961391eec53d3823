//! Who is enrolled and who is on the roster.

use std::collections::HashSet;

use super::everybody::Everybody;
use super::value::values;
use super::{Sql, groups, people};
use crate::attendance::check;
use crate::attendance::model::{Person, PersonRecord};
use crate::error::Result;

pub(super) fn list(db: &dyn Sql, group: Option<&str>) -> Result<Vec<Person>> {
    let group = group.map(|name| groups::key(db, name)).transpose()?;
    let sql = format!(
        "SELECT {} FROM people p WHERE p.listed AND (CAST(?1 AS BIGINT) IS NULL
         OR p.key IN (SELECT person_key FROM members WHERE group_key = ?1))
         ORDER BY p.name, p.key",
        people::COLUMNS
    );
    db.rows(&sql, values![group], |row| people::person(row, 0))
}

pub(super) fn sync(db: &dyn Sql, records: &[PersonRecord], complete: bool) -> Result<()> {
    let (mut listed, mut with_face) = (HashSet::new(), HashSet::new());
    let mut everybody = Everybody::load(db)?;
    for record in records {
        let key = sync_one(db, &mut everybody, record)?;
        listed.insert(key);
        if record.person_id.is_some() {
            with_face.insert(key);
        }
        // A change by hand stands until that of the roster.
        if let Some(names) = &record.groups
            && everybody.set_roster_groups(db, key, &names.join(";"))?
        {
            groups::set_of_person(db, key, names)?;
        }
    }
    if complete {
        everybody.retire(db, |key| with_face.contains(&key), |key| listed.contains(&key))?;
    }
    Ok(())
}

fn sync_one(db: &dyn Sql, everybody: &mut Everybody, record: &PersonRecord) -> Result<i64> {
    check::text("name", &record.name)?;
    let id = record.student_id.as_ref();
    if let Some(person_id) = &record.person_id {
        check::id("person_id", person_id)?;
        return everybody.enrolled(db, person_id, &record.name, id);
    }
    everybody.on_roster(db, &record.name, id)
}
