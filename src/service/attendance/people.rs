//! Who is enrolled and who is on the roster, as the store of attendance takes it.

use std::collections::{BTreeMap, HashSet};

use crate::attendance::{Person, PersonRecord};
use crate::service::snapshot::{Snapshot, is_expired};

/// Everybody enrolled, then everybody else on the roster whose last day there is not over; each once, however the name is
/// spelt. The roster's groups of somebody enrolled who is not on it are none.
pub(super) fn records(snapshot: &Snapshot) -> Vec<PersonRecord> {
    let Snapshot { gallery, roster, day, .. } = snapshot;
    let has_groups = roster.has_groups();
    let mut met = HashSet::new();
    let mut records: Vec<PersonRecord> = Vec::with_capacity(gallery.len());
    for person in gallery.people() {
        let row = roster.row(&person.name);
        met.insert(person.name.key());
        records.push(PersonRecord {
            person_id: Some(person.id.clone()),
            name: person.name.to_string(),
            student_id: snapshot.student_id(person).cloned(),
            groups: has_groups.then(|| row.and_then(|row| row.groups.clone()).unwrap_or_default()),
        });
    }
    // Of several spellings the last row counts, as for the enrolled.
    let others = roster.rows().iter().rev().filter(|row| met.insert(row.name.key()));
    let others = others.filter(|row| !is_expired(row.until, *day));
    let mut others: Vec<PersonRecord> = others
        .map(|row| PersonRecord {
            person_id: None,
            name: row.name.to_string(),
            student_id: row.id.clone(),
            groups: has_groups.then(|| row.groups.clone().unwrap_or_default()),
        })
        .collect();
    others.reverse();
    records.append(&mut others);
    records
}

/// The roster's groups of the enrolled person `id`.
pub(super) fn groups_of(snapshot: &Snapshot, id: &str) -> Vec<String> {
    let person = snapshot.gallery.person(id);
    let row = person.and_then(|person| snapshot.roster.row(&person.name));
    row.and_then(|row| row.groups.clone()).unwrap_or_default()
}

/// The roster's groups and who is in them; somebody without an enrolled face has an empty id.
pub(super) fn roster_groups(snapshot: &Snapshot) -> BTreeMap<String, Vec<Person>> {
    let mut groups: BTreeMap<String, Vec<Person>> = BTreeMap::new();
    for record in records(snapshot) {
        let person = Person {
            enrolled: record.person_id.is_some(),
            person_id: record.person_id.unwrap_or_default(),
            name: record.name,
            student_id: record.student_id,
        };
        for name in record.groups.unwrap_or_default() {
            groups.entry(name).or_default().push(person.clone());
        }
    }
    for people in groups.values_mut() {
        people.sort_by(|a, b| a.name.cmp(&b.name));
    }
    groups
}
