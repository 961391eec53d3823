//! Groups of people: classes, departments.

use serde::Serialize;
use utoipa::ToSchema;

use super::attendance::Attendee;
use crate::attendance::{self, Person};

/// A group and its size.
#[derive(Debug, Serialize, ToSchema)]
struct GroupSummary {
    #[schema(example = "7A")]
    name: String,
    /// How many people belong to it.
    #[schema(example = 24)]
    members: u64,
}

/// All groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct Groups {
    /// In order of names.
    groups: Vec<GroupSummary>,
}

/// A group and its people.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group {
    #[schema(example = "7A")]
    name: String,
    /// In order of names.
    members: Vec<Attendee>,
}

impl From<Vec<attendance::Group>> for Groups {
    fn from(groups: Vec<attendance::Group>) -> Self {
        let summary = |group: attendance::Group| GroupSummary { name: group.name, members: group.members };
        Self { groups: groups.into_iter().map(summary).collect() }
    }
}

impl Group {
    /// Of this name, with these people.
    #[must_use]
    pub fn new(name: String, people: &[Person]) -> Self {
        Self { name, members: people.iter().map(Attendee::from).collect() }
    }
}
