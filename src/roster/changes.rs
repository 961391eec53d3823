//! What another roster would change.

use super::Roster;
use super::table::RosterRow;
use crate::person_name::PersonName;
use crate::student_id::StudentId;

/// The differences between two rosters. A name in another spelling is the same one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// Rows whose name the old one does not have.
    pub added: Vec<RosterRow>,
    /// Rows whose name the new one does not have.
    pub removed: Vec<RosterRow>,
    /// Names with another ID.
    pub changed: Vec<ChangedId>,
}

/// A name that both rosters have, with another ID.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangedId {
    /// As in the new one.
    pub name: PersonName,
    /// The ID that it had.
    pub before: Option<StudentId>,
    /// The ID that it gets.
    pub after: Option<StudentId>,
}

impl Changes {
    /// From `old` to `new`, in the order of the sheets.
    #[must_use]
    pub fn between(old: &Roster, new: &Roster) -> Self {
        let mut changes = Self::default();
        for row in new.rows() {
            match old.row(&row.name) {
                None => changes.added.push(row.clone()),
                Some(before) if before.id != row.id => changes.changed.push(ChangedId {
                    name: row.name.clone(),
                    before: before.id.clone(),
                    after: row.id.clone(),
                }),
                Some(_) => {}
            }
        }
        changes.removed = old.rows().iter().filter(|row| new.row(&row.name).is_none()).cloned().collect();
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_added_removed_and_get_other_ids() {
        let roster = |text: &str| Roster::from_bytes(text.as_bytes()).unwrap();
        let old = roster("Name,ID\nAda,1\nGrace,2\nAlan,3\n");
        let new = roster("Name,ID\nJoan,4\nADA,1\nGrace,0002\n");
        let changes = Changes::between(&old, &new);
        let names = |rows: &[RosterRow]| rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (names(&changes.added), names(&changes.removed)),
            (vec!["Joan".to_owned()], vec!["Alan".to_owned()])
        );
        let expected = ChangedId {
            name: PersonName::parse("Grace").unwrap(),
            before: Some(StudentId::Integer(2)),
            after: StudentId::from_text("0002"),
        };
        assert_eq!(changes.changed, [expected]);
        assert_eq!(Changes::between(&new, &new), Changes::default());
    }
}
