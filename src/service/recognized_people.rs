//! The people whom faces are compared with: those who are not expired.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::civil::Date;

use super::snapshot::{Snapshot, is_expired};
use crate::gallery::{Gallery, Person};
use crate::roster::Roster;

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
