//! What another roster would change.

use jiff::civil::Date;

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
    pub ids: Vec<Changed<Option<StudentId>>>,
    /// Names with another last day, or with one where there was none, or without.
    pub untils: Vec<Changed<Option<Date>>>,
    /// Names with other groups; none where no sheet of the new roster has a column for them, since groups stay then as
    /// they are.
    pub groups: Vec<Changed<Vec<String>>>,
}

/// A name that both rosters have, with another value.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed<T> {
    /// As in the new one.
    pub name: PersonName,
    /// What it had.
    pub before: T,
    /// What it gets.
    pub after: T,
}

impl<T: PartialEq> Changed<T> {
    fn between(name: &PersonName, before: T, after: T) -> Option<Self> {
        (before != after).then(|| Self { name: name.clone(), before, after })
    }
}

impl Changes {
    /// From `old` to `new`, in the order of the sheets.
    #[must_use]
    pub fn between(old: &Roster, new: &Roster) -> Self {
        let mut changes = Self::default();
        let has_groups = new.has_groups();
        for row in new.rows() {
            let Some(before) = old.row(&row.name) else {
                changes.added.push(row.clone());
                continue;
            };
            changes.ids.extend(Changed::between(&row.name, before.id.clone(), row.id.clone()));
            changes.untils.extend(Changed::between(&row.name, before.until, row.until));
            if has_groups {
                let groups = |row: &RosterRow| row.groups.clone().unwrap_or_default();
                changes.groups.extend(Changed::between(&row.name, groups(before), groups(row)));
            }
        }
        changes.removed = old.rows().iter().filter(|row| new.row(&row.name).is_none()).cloned().collect();
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(text: &str) -> Roster {
        Roster::from_bytes(text.as_bytes()).unwrap()
    }

    fn changed<T>(name: &str, before: T, after: T) -> Changed<T> {
        Changed { name: PersonName::parse(name).unwrap(), before, after }
    }

    #[test]
    fn names_are_added_removed_and_get_other_ids() {
        let old = roster("Name,ID\nAda,1\nGrace,2\nAlan,3\n");
        let new = roster("Name,ID\nJoan,4\nADA,1\nGrace,0002\n");
        let changes = Changes::between(&old, &new);
        let names = |rows: &[RosterRow]| rows.iter().map(|row| row.name.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (names(&changes.added), names(&changes.removed)),
            (vec!["Joan".to_owned()], vec!["Alan".to_owned()])
        );
        assert_eq!(
            changes.ids,
            [changed("Grace", Some(StudentId::Integer(2)), StudentId::from_text("0002"))]
        );
        assert_eq!(Changes::between(&new, &new), Changes::default());
    }

    #[test]
    fn names_get_other_last_days_and_groups() {
        let day = |text: &str| Some(text.parse().unwrap());
        let old = roster("Name,ID,Until,Class\nAda,1,2027-07-31,7A\nGrace,2,,\nAlan,3,2027-07-31,7B\n");
        let new = roster("Name,ID,Until,Class\nADA,1,2028-07-31,8A;Choir\nGrace,2,2027-01-31,\nAlan,3,,7B\n");
        let changes = Changes::between(&old, &new);
        assert_eq!((changes.ids.len(), changes.added.len(), changes.removed.len()), (0, 0, 0));
        assert_eq!(
            changes.untils,
            [
                changed("ADA", day("2027-07-31"), day("2028-07-31")),
                changed("Grace", None, day("2027-01-31")),
                changed("Alan", day("2027-07-31"), None),
            ]
        );
        let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(changes.groups, [changed("ADA", groups(&["7A"]), groups(&["8A", "Choir"]))]);
        let without = roster("Name,ID,Until\nAda,1,2027-07-31\nGrace,2,\nAlan,3,2027-07-31\n");
        assert_eq!(Changes::between(&old, &without), Changes::default(), "groups stay as they are");
        assert_eq!(Changes::between(&without, &old).groups.len(), 2);
    }
}
