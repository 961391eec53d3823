//! People whose time is over: they are not recognised, and deleted after a while.
//!
//! A person's last day is the earlier one of the person's own and the roster's. Days are those of the system's time
//! zone; the rules get the day as a parameter.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Span;
use jiff::civil::Date;

use super::Service;
use super::caller::Caller;
use super::snapshot::{Snapshot, is_expired, last_day};
use crate::access_log::Action;
use crate::error::{Error, InputError, Result};
use crate::gallery::Person;

impl Service {
    /// People and roster as they are now, without those whose time is over: those whom faces are compared with, and
    /// who may be absent.
    #[must_use]
    pub fn recognized_people(&self) -> Snapshot {
        self.0.recognized_people.of(self.snapshot())
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
        let edited = self.edit_gallery(move |gallery| {
            // The day may have been changed meanwhile: what is in the gallery now counts.
            let due = |person: &Person| is_expired(last_day(person, &roster), oldest);
            let of: Vec<String> = gallery
                .people()
                .iter()
                .filter(|person| due(person))
                .map(|person| person.id.clone())
                .collect();
            if of.is_empty() {
                return Err(InputError::NotFound("nobody's time is over".to_owned()).into()); // nothing is written
            }
            *ids.lock().unwrap_or_else(PoisonError::into_inner) = of;
            Ok(gallery.without_people(due))
        });
        let edited = match edited {
            Err(Error::Input(InputError::NotFound(_))) => return Ok(0),
            edited => edited?,
        };
        let deleted = std::mem::take(&mut *deleted.lock().unwrap_or_else(PoisonError::into_inner));
        let recorder = self.recorder_for(Caller::own());
        recorder.record(Action::Delete, deleted.iter().map(String::as_str));
        self.remove_thumbnails(&edited.photos_lost);
        tracing::info!(people = deleted.len(), "deleted people whose time is over");
        Ok(deleted.len())
    }
}
