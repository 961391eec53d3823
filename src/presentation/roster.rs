//! The roster in JSON.

use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use super::timestamps::created_at;
use crate::presentation::json_id::JsonId;
use crate::roster::{Changed, RosterRow, Version};
use crate::service::replace_roster::{LostId, Replacement};
use crate::student_id::StudentId;

/// Maximum number of entries of each kind that a response about changes lists.
const MAX_LISTED: usize = 100;

/// A name of the roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterEntry {
    #[schema(example = "Barack Obama")]
    name: String,
    /// Null where the cell is empty.
    #[schema(required)]
    id: Option<JsonId>,
    /// The last day on which the person is recognised; null where the sheet says none.
    #[schema(required, format = Date, example = "2027-07-31")]
    until: Option<String>,
}

impl From<&RosterRow> for RosterEntry {
    fn from(row: &RosterRow) -> Self {
        let until = row.until.map(|day| day.to_string());
        Self { name: row.name.to_string(), id: row.id.as_ref().map(JsonId::from), until }
    }
}

/// A roster, and what it changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterReplaced {
    /// Whether it was only asked what would change.
    dry_run: bool,
    /// How many names it has.
    #[schema(example = 3)]
    total: usize,
    /// What is odd about the sheets, by the numbers of rows and the addresses of cells.
    warnings: Vec<String>,
    /// How many names have no face enrolled.
    #[schema(example = 0)]
    names_without_face: usize,
    /// How many enrolled people have no row.
    #[schema(example = 0)]
    people_without_name: usize,
    changes: RosterChanges,
}

/// What differs from the roster before: how many, and the first 100 of each kind.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterChanges {
    added: Vec<RosterEntry>,
    #[schema(example = 0)]
    added_total: usize,
    removed: Vec<RosterEntry>,
    #[schema(example = 0)]
    removed_total: usize,
    /// Names with another ID.
    changed: Vec<ChangedEntry>,
    #[schema(example = 0)]
    changed_total: usize,
    /// Names with another last day, or with one where there was none, or without.
    changed_until: Vec<ChangedUntil>,
    #[schema(example = 0)]
    changed_until_total: usize,
    /// Names with other groups; none where the roster has no column for them, since groups stay then as they are.
    changed_groups: Vec<ChangedGroups>,
    #[schema(example = 0)]
    changed_groups_total: usize,
    /// Enrolled people who had an ID from the roster, and have none now.
    losing_id: Vec<LosingEntry>,
    #[schema(example = 0)]
    losing_id_total: usize,
}

/// A name with another ID.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedEntry {
    #[schema(example = "Barack Obama")]
    name: String,
    /// Null where the cell was empty.
    #[schema(required)]
    before: Option<JsonId>,
    /// Null where the cell is empty.
    #[schema(required)]
    after: Option<JsonId>,
}

impl From<&Changed<Option<StudentId>>> for ChangedEntry {
    fn from(changed: &Changed<Option<StudentId>>) -> Self {
        let id = |id: &Option<_>| id.as_ref().map(JsonId::from);
        Self { name: changed.name.to_string(), before: id(&changed.before), after: id(&changed.after) }
    }
}

/// A name with another last day.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedUntil {
    #[schema(example = "Barack Obama")]
    name: String,
    /// Null where the sheet said none.
    #[schema(required, format = Date, example = "2027-07-31")]
    before: Option<String>,
    /// Null where the sheet says none.
    #[schema(required, format = Date, example = "2028-07-31")]
    after: Option<String>,
}

impl From<&Changed<Option<Date>>> for ChangedUntil {
    fn from(changed: &Changed<Option<Date>>) -> Self {
        let day = |day: Option<Date>| day.map(|day| day.to_string());
        Self { name: changed.name.to_string(), before: day(changed.before), after: day(changed.after) }
    }
}

/// A name with other groups.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedGroups {
    #[schema(example = "Barack Obama")]
    name: String,
    /// The groups that it had in the roster.
    #[schema(example = json!(["7A"]))]
    before: Vec<String>,
    /// The groups that it gets.
    #[schema(example = json!(["8A", "Choir"]))]
    after: Vec<String>,
}

impl From<&Changed<Vec<String>>> for ChangedGroups {
    fn from(changed: &Changed<Vec<String>>) -> Self {
        let Changed { name, before, after } = changed;
        Self { name: name.to_string(), before: before.clone(), after: after.clone() }
    }
}

/// An enrolled person who loses the roster's ID.
#[derive(Debug, Serialize, ToSchema)]
pub struct LosingEntry {
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    person_id: String,
    #[schema(example = "Barack Obama")]
    name: String,
    /// The ID that the person had.
    id: JsonId,
}

impl From<&LostId> for LosingEntry {
    fn from(lost: &LostId) -> Self {
        Self { person_id: lost.person_id.clone(), name: lost.name.to_string(), id: JsonId::from(&lost.id) }
    }
}

impl RosterReplaced {
    /// Of a replacement that was made, or in a `dry_run` would be.
    #[must_use]
    pub fn new(replacement: &Replacement, dry_run: bool) -> Self {
        let Replacement { roster, changes, losing_id, names_without_face, people_without_name } = replacement;
        Self {
            dry_run,
            total: roster.len(),
            warnings: roster.warnings().to_vec(),
            names_without_face: *names_without_face,
            people_without_name: *people_without_name,
            changes: RosterChanges {
                added: listed(&changes.added),
                added_total: changes.added.len(),
                removed: listed(&changes.removed),
                removed_total: changes.removed.len(),
                changed: listed(&changes.ids),
                changed_total: changes.ids.len(),
                changed_until: listed(&changes.untils),
                changed_until_total: changes.untils.len(),
                changed_groups: listed(&changes.groups),
                changed_groups_total: changes.groups.len(),
                losing_id: listed(losing_id),
                losing_id_total: losing_id.len(),
            },
        }
    }
}

fn listed<'a, T, E: From<&'a T>>(all: &'a [T]) -> Vec<E> {
    all.iter().take(MAX_LISTED).map(E::from).collect()
}

/// A roster that was replaced and is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterVersion {
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: String,
    /// When it was replaced, RFC 3339.
    #[schema(example = "2026-11-26T08:00:00Z", format = DateTime, required)]
    replaced_at: Option<String>,
    /// How many names it has.
    #[schema(example = 3)]
    names: usize,
}

impl From<&Version> for RosterVersion {
    fn from(version: &Version) -> Self {
        Self { id: version.id.clone(), replaced_at: created_at(&version.id), names: version.names }
    }
}
