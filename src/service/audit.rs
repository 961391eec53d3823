//! The audit of people and roster, and the findings that were dismissed.

use super::Service;
use crate::access_log::Action;
use crate::audit::dismissals::DismissalStore;
use crate::audit::{Audit, audit};
use crate::config::DEFAULT_FALSE_NAME_RATE;
use crate::error::{InputError, Result};

/// Maximum number of people that a running service audits: the work grows with their square, and takes seconds here.
const MAX_PEOPLE: usize = 5000;

impl Service {
    /// Audits people and roster as they are now, at the rate of false names in force, else at the default one. Dismissed
    /// findings stand apart.
    ///
    /// # Errors
    /// [`InputError::Conflict`] for a gallery without statistics of strangers, or with too many people;
    /// [`Error::Data`](crate::error::Error::Data) when the file of dismissed findings can't be read.
    pub async fn audit(&self) -> Result<Audit> {
        let recorder = self.recorder();
        self.blocking(move |service| {
            let dismissed = service.0.dismissals.as_ref().map(|kept| kept.read()).transpose()?;
            let found = service.audit_now()?.without_dismissed(&dismissed.unwrap_or_default());
            recorder.record(Action::Audit, []);
            Ok(found)
        })
        .await
    }

    /// Dismisses the finding with this key, durably: it is not among the findings again.
    ///
    /// # Errors
    /// As [`Service::audit`]; [`InputError::NotFound`] where no finding has the key; [`InputError::Locked`] when another
    /// process writes to the data directory.
    pub async fn dismiss_finding(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.change_dismissals(Action::DismissFinding, move |service, kept| {
            let (audit, gallery) = (service.audit_now()?, service.people().current());
            kept.change(Box::new(|dismissals| dismissals.dismiss(&gallery, &audit.findings, &key)))
        })
        .await
    }

    /// Withdraws the dismissal of the finding with this key.
    ///
    /// # Errors
    /// [`InputError::NotFound`] where it was not dismissed; [`InputError::Locked`] when another process writes to the data
    /// directory; [`Error::Data`](crate::error::Error::Data) when the file can't be read or written.
    pub async fn restore_finding(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        let withdraw = move |_: &Self, kept: &dyn DismissalStore| {
            kept.change(Box::new(|dismissals| dismissals.withdraw(&key)))
        };
        self.change_dismissals(Action::RestoreFinding, withdraw).await
    }

    /// Off the async threads, by a process that may write.
    async fn change_dismissals(
        &self,
        action: Action,
        change: impl FnOnce(&Self, &dyn DismissalStore) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let recorder = self.recorder();
        self.blocking(move |service| {
            service.people().ensure_writable()?;
            let none = || {
                let message = "expected a service that keeps dismissed findings, found one without";
                InputError::Conflict(message.to_owned())
            };
            change(service, service.0.dismissals.as_deref().ok_or_else(none)?)?;
            recorder.record(action, []);
            Ok(())
        })
        .await
    }

    fn audit_now(&self) -> Result<Audit> {
        let snapshot = self.snapshot();
        let people = snapshot.gallery.len();
        if people > MAX_PEOPLE {
            let message = format!(
                "expected at most {MAX_PEOPLE} people to audit in a running service, found {people}; run `facerec audit \
                 --data DIR`"
            );
            return Err(InputError::Conflict(message).into());
        }
        let rate = self.settings().false_name_rate.unwrap_or(DEFAULT_FALSE_NAME_RATE);
        audit(&snapshot.gallery, &snapshot.roster, rate)
    }
}
