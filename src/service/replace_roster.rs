//! Replacing the roster: what it changes, said before or after it is done; rosters that were replaced come back.

use std::collections::HashSet;
use std::sync::Arc;

use super::Service;
use crate::access_log::Action;
use crate::error::{InputError, Result};
use crate::gallery::{Gallery, Person};
use crate::person_name::PersonName;
use crate::roster::{Changes, Roster, Version};
use crate::student_id::StudentId;

/// Another roster, beside the one that it takes the place of.
pub struct Replacement {
    /// The new one.
    pub roster: Arc<Roster>,
    /// What differs from the old one.
    pub changes: Changes,
    /// Enrolled people to whom the old one gave an ID and the new one gives none, in the order of enrolment.
    pub losing_id: Vec<LostId>,
    /// How many names of the new one have no face enrolled.
    pub names_without_face: usize,
    /// How many enrolled people have no row in the new one.
    pub people_without_name: usize,
}

/// An enrolled person who loses the roster's ID.
#[derive(Debug, Clone, PartialEq)]
pub struct LostId {
    /// Who.
    pub person_id: String,
    /// The person's name.
    pub name: PersonName,
    /// The ID.
    pub id: StudentId,
}

impl Replacement {
    fn new(old: &Roster, new: Arc<Roster>, gallery: &Gallery) -> Self {
        let (names_without_face, people_without_name) = unmatched(&new, gallery);
        let lost = |person: &&Arc<Person>| new.id(&person.name).is_none();
        let losing_id = gallery.people().iter().filter(lost).filter_map(|person| {
            let id = old.id(&person.name)?.clone();
            Some(LostId { person_id: person.id.clone(), name: person.name.clone(), id })
        });
        let (changes, losing_id) = (Changes::between(old, &new), losing_id.collect());
        Self { roster: new, changes, losing_id, names_without_face, people_without_name }
    }
}

/// How many names have no face enrolled, and how many enrolled people no row; none without a roster.
#[must_use]
pub fn unmatched(roster: &Roster, gallery: &Gallery) -> (usize, usize) {
    if roster.is_empty() {
        return (0, 0);
    }
    let enrolled: HashSet<&str> = gallery.people().iter().map(|person| person.name.key()).collect();
    let names = roster.rows().iter().filter(|row| !enrolled.contains(row.name.key())).count();
    let people = gallery.people().iter().filter(|person| roster.row(&person.name).is_none()).count();
    (names, people)
}

impl Service {
    /// What would change if the roster were replaced by `bytes`; nothing does.
    ///
    /// # Errors
    /// [`InputError::InvalidWorkbook`]; [`Error::Busy`](crate::error::Error::Busy) when the queue is full.
    pub async fn preview_roster<P: AsRef<[u8]> + Send + 'static>(&self, bytes: P) -> Result<Replacement> {
        self.work(move |service, pipeline| {
            let check = || pipeline.check_cancelled();
            let new = Arc::new(Roster::from_bytes_while(bytes.as_ref(), &check)?);
            Ok(Replacement::new(&service.roster().current(), new, &service.people().current()))
        })
        .await
    }

    /// Replaces the roster by `bytes`, which are parsed whole before anything changes. The old one is kept.
    ///
    /// # Errors
    /// [`InputError::InvalidWorkbook`]; [`InputError::Locked`];
    /// [`Error::Busy`](crate::error::Error::Busy) when the queue is full;
    /// [`Error::Data`](crate::error::Error::Data) when a file can't be written.
    pub async fn replace_roster<P: AsRef<[u8]> + Send + 'static>(&self, bytes: P) -> Result<Replacement> {
        let parsed = self.work(move |service, pipeline| {
            service.people().ensure_writable()?;
            let check = || pipeline.check_cancelled();
            Ok((Roster::from_bytes_while(bytes.as_ref(), &check)?, bytes))
        });
        let (roster, bytes) = parsed.await?;
        let recorder = self.recorder();
        self.blocking(move |service| {
            let (old, new) = service.roster().replace(bytes.as_ref(), roster)?;
            recorder.record(Action::ReplaceRoster, []);
            Ok(Replacement::new(&old, new, &service.people().current()))
        })
        .await
    }

    /// The rosters that were replaced and are kept, the latest first.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) when the directory can't be read.
    pub async fn roster_versions(&self) -> Result<Vec<Version>> {
        self.blocking(|service| service.roster().versions()).await
    }

    /// Brings back the roster with this id; the one in use is kept in its place.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; else as [`Service::replace_roster`].
    pub async fn restore_roster(&self, id: &str) -> Result<Replacement> {
        let id = id.to_owned();
        let bytes = self.blocking(move |service| {
            service.people().ensure_writable()?;
            let found = service.roster().version(&id)?;
            let missing = || InputError::NotFound("there is no roster with this id".to_owned());
            Ok(found.ok_or_else(missing)?)
        });
        self.replace_roster(bytes.await?).await
    }
}
