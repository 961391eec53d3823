//! Pages of long lists: people and roster entries.

use std::sync::Arc;

use super::Service;
use super::replace_roster::unmatched;
use super::snapshot::Snapshot;
use crate::access_log::Action;
use crate::error::Result;
use crate::gallery::Person;
use crate::person_name::search_key;
use crate::roster::{Roster, RosterRow};

/// Which entries of a list are returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Maximum number of entries.
    pub limit: usize,
    /// Matching entries to skip.
    pub offset: usize,
    /// Only names whose [`search_key`] contains this one; `None` for all.
    pub text: Option<String>,
}

impl ListQuery {
    /// The indices of the page's entries, and how many entries match on all pages.
    fn select<'a>(&self, names: impl Iterator<Item = &'a str>) -> (Vec<usize>, usize) {
        let matches = |name: &str| self.text.as_ref().is_none_or(|text| search_key(name).contains(text));
        let found: Vec<usize> =
            names.enumerate().filter(|(_, name)| matches(name)).map(|(at, _)| at).collect();
        let total = found.len();
        (found.into_iter().skip(self.offset).take(self.limit).collect(), total)
    }
}

/// A page of people, in the order of enrolment.
pub struct PeoplePage {
    /// The state that the page is of.
    pub snapshot: Snapshot,
    indices: Vec<usize>,
    /// Matching people on all pages.
    pub total: usize,
}

impl PeoplePage {
    /// The people of the page.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        let people = self.snapshot.gallery.people();
        self.indices.iter().filter_map(|&at| people.get(at).map(Arc::as_ref))
    }
}

/// A page of roster rows, in the order of the sheet.
pub struct RosterPage {
    /// The roster that the page is of.
    pub roster: Arc<Roster>,
    indices: Vec<usize>,
    /// Matching rows on all pages.
    pub total: usize,
    /// How many names have no face enrolled.
    pub names_without_face: usize,
    /// How many enrolled people have no row.
    pub people_without_name: usize,
}

impl RosterPage {
    /// The rows of the page.
    pub fn rows(&self) -> impl Iterator<Item = &RosterRow> {
        self.indices.iter().filter_map(|&at| self.roster.rows().get(at))
    }
}

impl Service {
    /// People and roster, where the person `id` is one of the people: to read that person.
    ///
    /// # Errors
    /// [`InputError::NotFound`](crate::error::InputError::NotFound).
    pub fn read_person(&self, id: &str) -> Result<Snapshot> {
        let snapshot = self.snapshot();
        snapshot.person(id)?;
        self.recorder().record(Action::Read, [id]);
        Ok(snapshot)
    }

    /// Lists people.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::error::Error::Internal) when the runtime shuts down.
    pub async fn list_people(&self, query: ListQuery) -> Result<PeoplePage> {
        let recorder = self.recorder();
        self.blocking(move |service| {
            let snapshot = service.snapshot();
            let names = snapshot.gallery.people().iter().map(|person| person.name.as_str());
            let (indices, total) = query.select(names);
            let page = PeoplePage { snapshot, indices, total };
            recorder.record(Action::List, page.people().map(|person| person.id.as_str()));
            Ok(page)
        })
        .await
    }

    /// Lists roster rows.
    ///
    /// # Errors
    /// [`Error::Internal`](crate::error::Error::Internal) when the runtime shuts down.
    pub async fn list_roster(&self, query: ListQuery) -> Result<RosterPage> {
        let recorder = self.recorder();
        self.blocking(move |service| {
            let Snapshot { gallery, roster, .. } = service.snapshot();
            let (indices, total) = query.select(roster.rows().iter().map(|row| row.name.as_str()));
            recorder.record(Action::ReadRoster, []);
            let (names_without_face, people_without_name) = unmatched(&roster, &gallery);
            Ok(RosterPage { roster, indices, total, names_without_face, people_without_name })
        })
        .await
    }
}
