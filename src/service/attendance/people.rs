//! Who is enrolled and who is on the roster, as the store of attendance takes it.

use std::collections::HashSet;

use crate::attendance::PersonRecord;
use crate::service::snapshot::Snapshot;

/// Everybody enrolled, then everybody else on the roster. The roster's groups of somebody enrolled who is not on it are none.
pub(super) fn records(snapshot: &Snapshot) -> Vec<PersonRecord> {
    let Snapshot { gallery, roster } = snapshot;
    let has_groups = roster.rows().iter().any(|row| row.groups.is_some());
    let mut met = HashSet::new();
    let mut records: Vec<PersonRecord> = Vec::with_capacity(gallery.len());
    for person in gallery.people() {
        let row = roster.row(&person.name);
        met.extend(row.map(|row| row.name.as_str()));
        records.push(PersonRecord {
            person_id: Some(person.id.clone()),
            name: person.name.to_string(),
            student_id: snapshot.student_id(person).cloned(),
            groups: has_groups.then(|| row.and_then(|row| row.groups.clone()).unwrap_or_default()),
        });
    }
    let others = roster.rows().iter().filter(|row| !met.contains(row.name.as_str()));
    records.extend(others.map(|row| PersonRecord {
        person_id: None,
        name: row.name.to_string(),
        student_id: row.id.clone(),
        groups: row.groups.clone(),
    }));
    records
}
