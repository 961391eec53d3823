//! People and roster at one moment, for one response.

use std::sync::{Arc, Weak};

use jiff::ZonedDateTime;
use jiff::civil::Date;

use crate::error::{InputError, Result};
use crate::gallery::{EnrolledPhoto, Gallery, Person};
use crate::roster::Roster;
use crate::student_id::StudentId;
use crate::thumbnails::ThumbnailIds;

/// Today, in the system's time zone (`TZ`).
#[must_use]
pub fn today() -> Date {
    ZonedDateTime::now().date()
}

/// One state of people and roster; later edits don't change it.
#[derive(Clone)]
pub struct Snapshot {
    /// The enrolled people.
    pub gallery: Arc<Gallery>,
    /// IDs by name.
    pub roster: Arc<Roster>,
    /// Ids of the photos that have a thumbnail.
    pub thumbnails: Arc<ThumbnailIds>,
    /// The day that it is of, by which it is decided who is expired.
    pub day: Date,
}

impl Snapshot {
    /// The person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub fn person(&self, id: &str) -> Result<&Person> {
        let missing = || InputError::NotFound("there is no person with this id".to_owned());
        Ok(self.gallery.person(id).ok_or_else(missing)?)
    }

    /// A photo of a person, if both are there.
    #[must_use]
    pub fn photo(&self, person_id: &str, photo_id: &str) -> Option<&EnrolledPhoto> {
        self.gallery.person(person_id)?.photos.iter().find(|photo| photo.id == *photo_id)
    }

    /// The last day on which the person is recognised, the earlier one of the person's own and the roster's; `None` for
    /// no end.
    #[must_use]
    pub fn last_day(&self, person: &Person) -> Option<Date> {
        last_day(person, &self.roster)
    }

    /// The person's ID: the roster's for the name, else the person's own.
    #[must_use]
    pub fn student_id<'a>(&'a self, person: &'a Person) -> Option<&'a StudentId> {
        self.roster.id(&person.name).or(person.student_id.as_ref())
    }
}

/// Which people, which roster, on which day. What follows from a [`Snapshot`] is made once for each state: people and
/// roster are immutable, and somebody's last day passes without a change of either.
pub(super) struct State {
    // Weak pointers keep their addresses from being used again.
    gallery: Weak<Gallery>,
    roster: Weak<Roster>,
    day: Date,
}

impl State {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self {
            gallery: Arc::downgrade(&snapshot.gallery),
            roster: Arc::downgrade(&snapshot.roster),
            day: snapshot.day,
        }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.day == other.day && self.gallery.ptr_eq(&other.gallery) && self.roster.ptr_eq(&other.roster)
    }
}

/// The last day on which a person is recognised: the earlier one of the person's own and the roster's.
pub(super) fn last_day(person: &Person, roster: &Roster) -> Option<Date> {
    [person.expires, roster.until(&person.name)].into_iter().flatten().min()
}

/// Whether a person with this last day is no longer recognised on the day `today`.
#[must_use]
pub fn is_expired(last_day: Option<Date>, today: Date) -> bool {
    last_day.is_some_and(|last| last < today)
}
