//! The audit of people and roster.

use super::Service;
use crate::access_log::Action;
use crate::audit::{Audit, audit};
use crate::config::DEFAULT_FALSE_NAME_RATE;
use crate::error::{InputError, Result};

/// Most people that a running service audits: the work grows with their square, and takes seconds here.
const MAX_PEOPLE: usize = 5000;

impl Service {
    /// Audits people and roster as they are now, at the rate of false names in force, else at the default one.
    ///
    /// # Errors
    /// [`InputError::Conflict`] for a gallery without statistics of strangers, or with too many people.
    pub async fn audit(&self) -> Result<Audit> {
        let recorder = self.recorder();
        self.blocking(move |service| {
            let snapshot = service.snapshot();
            let people = snapshot.gallery.len();
            if people > MAX_PEOPLE {
                let message = format!(
                    "expected at most {MAX_PEOPLE} people to audit in a running service, found {people}; run `facerec \
                     audit --data DIR`"
                );
                return Err(InputError::Conflict(message).into());
            }
            let rate = service.settings().false_name_rate.unwrap_or(DEFAULT_FALSE_NAME_RATE);
            let found = audit(&snapshot.gallery, &snapshot.roster, rate)?;
            recorder.record(Action::Audit, []);
            Ok(found)
        })
        .await
    }
}
