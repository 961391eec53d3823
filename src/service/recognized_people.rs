//! The people whom faces are compared with: those who are not expired.

use std::sync::{Arc, Mutex, PoisonError};

use super::snapshot::{Snapshot, State, is_expired};
use crate::gallery::{Gallery, Person};

/// The people who are recognised, made once for each state of people and roster and each day.
#[derive(Default)]
pub(super) struct RecognizedPeople(Mutex<Option<Cached>>);

struct Cached {
    state: State,
    /// `None` where nobody is left out.
    left: Option<Arc<Gallery>>,
}

impl RecognizedPeople {
    /// `now` without the people who are expired on its day.
    pub(super) fn of(&self, now: Snapshot) -> Snapshot {
        let state = State::of(&now);
        let known = {
            let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            cached.as_ref().filter(|cached| cached.state == state).map(|cached| cached.left.clone())
        };
        // Outside of the lock: for many people it takes a while.
        let left = known.unwrap_or_else(|| self.find(&now, state));
        Snapshot { gallery: left.unwrap_or(now.gallery), ..now }
    }

    fn find(&self, now: &Snapshot, state: State) -> Option<Arc<Gallery>> {
        let expired = |person: &Person| is_expired(now.last_day(person), now.day);
        let any = now.gallery.people().iter().any(|person| expired(person));
        let left = any.then(|| Arc::new(now.gallery.without_people(expired)));
        let cached = Cached { state, left: left.clone() };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached);
        left
    }
}
