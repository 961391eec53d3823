//! The faces of one photo, and what they were compared with.

use std::collections::HashSet;
use std::sync::Arc;

use super::snapshot::Snapshot;
use crate::gallery::Person;
use crate::pipeline::Recognition;

/// The faces of a photo, and the state they were matched against.
pub struct Recognized {
    /// Faces and matches; person indices point into the snapshot's gallery.
    pub recognition: Recognition,
    /// People and roster.
    pub snapshot: Snapshot,
    /// Whose people were looked for first.
    pub group: Option<Arc<GroupMembers>>,
}

/// The people of a group who have a face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMembers {
    /// The group's name.
    pub name: String,
    /// Their ids.
    pub ids: HashSet<String>,
}

impl GroupMembers {
    /// Whether a person belongs to the group.
    #[must_use]
    pub fn has(&self, person: &Person) -> bool {
        self.ids.contains(&person.id)
    }
}

impl Recognized {
    /// How many people the faces were compared with at first, from which the threshold follows: those of the group, or all.
    #[must_use]
    pub fn people_compared(&self) -> usize {
        let people = self.snapshot.gallery.people();
        let members = |group: &Arc<GroupMembers>| people.iter().filter(|person| group.has(person)).count();
        self.group.as_ref().map(members).filter(|count| *count > 0).unwrap_or(people.len())
    }
}
