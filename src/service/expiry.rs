//! People whose time is over: they are not recognised, and deleted after a while.
//!
//! A person's last day is the earlier one of the person's own and the roster's. Days are those of the system's time
//! zone; the rules get the day as a parameter.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::civil::Date;
use jiff::{Span, ZonedDateTime};

use super::Service;
use super::caller::Caller;
use super::snapshot::{Snapshot, last_day};
use crate::access_log::Action;
use crate::error::Result;
use crate::gallery::{Gallery, Person};
use crate::roster::Roster;

/// What the access log has in place of a key's name for what the service does by itself.
const OWN_NAME: &str = "service";

/// Today, in the system's time zone (`TZ`).
#[must_use]
pub fn today() -> Date {
    ZonedDateTime::now().date()
}

/// Whether a person with this last day is no longer recognised on the day `today`.
#[must_use]
pub fn is_expired(last_day: Option<Date>, today: Date) -> bool {
    last_day.is_some_and(|last| last < today)
}

/// The people who are recognised, made once for each state of people and roster and each day.
#[derive(Default)]
pub(super) struct RecognizedPeople(Mutex<Option<Cached>>);

struct Cached {
    gallery: Weak<Gallery>,
    roster: Weak<Roster>,
    day: Date,
    /// `None` where nobody is left out.
    left: Option<Arc<Gallery>>,
}

impl Cached {
    fn is_of(&self, now: &Snapshot, today: Date) -> bool {
        // A weak pointer keeps its address from being used again.
        self.day == today
            && std::ptr::eq(self.gallery.as_ptr(), Arc::as_ptr(&now.gallery))
            && std::ptr::eq(self.roster.as_ptr(), Arc::as_ptr(&now.roster))
    }
}

impl RecognizedPeople {
    /// `now` without the people who are expired on the day `today`.
    pub(super) fn of(&self, now: Snapshot, today: Date) -> Snapshot {
        let known = {
            let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            cached.as_ref().filter(|cached| cached.is_of(&now, today)).map(|cached| cached.left.clone())
        };
        // Outside of the lock: for many people it takes a while.
        let left = known.unwrap_or_else(|| self.find(&now, today));
        Snapshot { gallery: left.unwrap_or(now.gallery), roster: now.roster }
    }

    fn find(&self, now: &Snapshot, today: Date) -> Option<Arc<Gallery>> {
        let expired = |person: &Person| is_expired(now.last_day(person), today);
        let any = now.gallery.people().iter().any(|person| expired(person));
        let left = any.then(|| Arc::new(now.gallery.without_people(expired)));
        let (gallery, roster) = (Arc::downgrade(&now.gallery), Arc::downgrade(&now.roster));
        let cached = Cached { gallery, roster, day: today, left: left.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached);
        left
    }
}

impl Service {
    /// People and roster as they are now, without the people who are expired on the day `today`: those whom faces are
    /// compared with.
    pub(super) fn recognized_people(&self, today: Date) -> Snapshot {
        self.0.recognized_people.of(self.snapshot(), today)
    }

    /// Deletes the people whose last day was more than the set number of days before `today`, and returns how many.
    /// Call it about once a minute from a thread that may block.
    ///
    /// # Errors
    /// As [`GalleryWriter::edit`](crate::gallery::writer::GalleryWriter::edit).
    pub fn delete_expired(&self, today: Date) -> Result<usize> {
        let days = Span::new().days(self.settings().expired_people_days);
        let oldest = today.saturating_sub(days);
        let now = self.snapshot();
        if !now.gallery.people().iter().any(|person| is_expired(now.last_day(person), oldest)) {
            return Ok(0);
        }
        let deleted = Arc::new(Mutex::new(Vec::new()));
        let (ids, roster) = (Arc::clone(&deleted), now.roster);
        self.people().edit(move |gallery| {
            // The day may have been changed meanwhile: what is in the gallery now counts.
            let due = |person: &Person| is_expired(last_day(person, &roster), oldest);
            let of = gallery.people().iter().filter(|person| due(person)).map(|person| person.id.clone());
            *ids.lock().unwrap_or_else(PoisonError::into_inner) = of.collect();
            Ok(gallery.without_people(due))
        })?;
        let deleted = std::mem::take(&mut *deleted.lock().unwrap_or_else(PoisonError::into_inner));
        let recorder = self.recorder_for(Caller { key: Some(OWN_NAME.to_owned()), ..Caller::default() });
        recorder.record(Action::Delete, deleted.iter().map(String::as_str));
        tracing::info!(people = deleted.len(), "deleted people whose time is over");
        Ok(deleted.len())
    }
}
