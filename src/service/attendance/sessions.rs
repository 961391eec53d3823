//! Sessions: beginning, listing, changing and closing them, and corrections of their entries.

use jiff::Timestamp;

use super::Attendance;
use crate::access_log::Action;
use crate::attendance::export::{Table, session_table};
use crate::attendance::{
    Correction, CorrectionRecord, Entry, IdempotencyKey, NewSession, Page, Session, SessionFilter,
    SessionPage, SessionPatch, Status, time,
};
use crate::error::Result;
use crate::service::Service;
use crate::service::caller;
use crate::service::snapshot::Snapshot;

/// Who made a change on a service without keys and said no name.
pub const LOCAL: &str = "local";

/// A session with its list.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionDetail {
    /// The session.
    pub session: Session,
    /// Its list, in order of names.
    pub entries: Vec<Entry>,
    /// Changes by hand, oldest first.
    pub corrections: Vec<CorrectionRecord>,
}

impl SessionDetail {
    /// The list as a table.
    #[must_use]
    pub fn table(&self) -> Table<'_> {
        session_table(&self.session, &self.entries)
    }
}

/// Changes of a session; `None` leaves a field as it is. Times are in RFC 3339, or without an offset in its time zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionChange {
    /// A new title.
    pub title: Option<String>,
    /// A new start.
    pub start: Option<String>,
    /// New minutes until late; `Some(None)` for never.
    pub late_after_minutes: Option<Option<u32>>,
    /// A new end; `Some(None)` for none.
    pub end: Option<Option<String>>,
}

impl SessionChange {
    fn patch(self, zone: &str) -> Result<SessionPatch> {
        let instant = |text: Option<String>| text.map(|text| time::parse(&text, zone)).transpose();
        Ok(SessionPatch {
            title: self.title,
            start: instant(self.start)?,
            late_after_minutes: self.late_after_minutes,
            end: self.end.map(instant).transpose()?,
        })
    }
}

impl Service {
    /// Begins a session. With a key that was used for the same request before, returns the session of then.
    ///
    /// # Errors
    /// `InputError::Invalid` for a bad title, zone or end, `InputError::NotFound` for an unknown group,
    /// `InputError::Conflict` for a key of another request.
    pub async fn create_session(&self, new: NewSession, key: Option<IdempotencyKey>) -> Result<Session> {
        let recorder = self.recorder();
        self.attend(move |service, attendance| {
            let session = attendance.begin(|| service.recognized_people(), &new, key.as_ref())?;
            recorder.record(Action::ChangeSession, []);
            Ok(session)
        })
        .await
    }

    /// A part of the sessions, latest start first.
    ///
    /// # Errors
    /// `InputError::NotFound` for an unknown group.
    pub async fn list_sessions(&self, filter: SessionFilter, page: Page) -> Result<SessionPage> {
        self.attend(move |_, attendance| attendance.store().sessions(&filter, page)).await
    }

    /// A session with its list.
    ///
    /// # Errors
    /// `InputError::NotFound`.
    pub async fn read_session(&self, id: &str) -> Result<SessionDetail> {
        let (recorder, id) = (self.recorder(), id.to_owned());
        self.attend(move |_, attendance| {
            let detail = attendance.detail(&id)?;
            let people = detail.entries.iter().map(|entry| entry.person.person_id.as_str());
            recorder.record(Action::ReadAttendance, people);
            Ok(detail)
        })
        .await
    }

    /// Changes a session; of a closed one only the title.
    ///
    /// # Errors
    /// `InputError::NotFound`, `InputError::Conflict` for a closed session, `InputError::Invalid`.
    pub async fn update_session(&self, id: &str, change: SessionChange) -> Result<Session> {
        let (recorder, id) = (self.recorder(), id.to_owned());
        self.attend(move |_, attendance| {
            let patch = change.patch(&attendance.store().session(&id)?.what.zone)?;
            let session = attendance.store().update_session(&id, &patch)?;
            recorder.record(Action::ChangeSession, []);
            Ok(session)
        })
        .await
    }

    /// Closes a session: its list is frozen. `by` says who did it.
    ///
    /// # Errors
    /// `InputError::NotFound`, `InputError::Invalid` for a bad name.
    pub async fn close_session(&self, id: &str, by: Option<String>) -> Result<SessionDetail> {
        let (recorder, id, by) = (self.recorder(), id.to_owned(), signed(by));
        self.attend(move |_, attendance| {
            attendance.expect_session(&id)?;
            attendance.store().close_session(&id, &by, Timestamp::now())?;
            attendance.wake();
            recorder.record(Action::ChangeSession, []);
            attendance.detail(&id)
        })
        .await
    }

    /// Deletes a session with its entries.
    ///
    /// # Errors
    /// `InputError::NotFound`.
    pub async fn delete_session(&self, id: &str) -> Result<()> {
        let (recorder, id) = (self.recorder(), id.to_owned());
        self.attend(move |_, attendance| {
            attendance.expect_session(&id)?;
            attendance.store().delete_session(&id)?;
            recorder.record(Action::ChangeSession, []);
            Ok(())
        })
        .await
    }

    /// Sets the status of a person by hand, or withdraws it. `by` says who did it.
    ///
    /// # Errors
    /// `InputError::NotFound` for an unknown session or person, `InputError::Invalid` for a status that is not set by
    /// hand, a bad name or note.
    pub async fn correct_entry(
        &self,
        session_id: &str,
        person_id: &str,
        status: Option<Status>,
        note: Option<String>,
        by: Option<String>,
    ) -> Result<Entry> {
        let correction = Correction { status, by: signed(by), note };
        let (recorder, session, person) = (self.recorder(), session_id.to_owned(), person_id.to_owned());
        self.attend(move |_, attendance| {
            attendance.expect_session(&session)?;
            let entry = attendance.store().correct(&session, &person, &correction, Timestamp::now())?;
            attendance.wake();
            recorder.record(Action::CorrectAttendance, [person.as_str()]);
            Ok(entry)
        })
        .await
    }

    /// Gives the entries of the person `from`, who was merged, to `into`. The merge stands if that fails; the log says so.
    pub(in crate::service) fn merge_attendance(&self, into: &str, from: &str) {
        let Ok(attendance) = self.attendance() else { return };
        if let Err(error) = attendance.merge(into, from) {
            tracing::error!(%error, "the entries of a merged person stay under the old name");
        }
    }

    /// Runs `job` on the blocking pool, with a store that knows today's people.
    pub(super) async fn attend<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Self, &Attendance) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.blocking(move |service| {
            let attendance = service.attendance()?;
            attendance.sync(|| service.recognized_people(), false)?;
            job(service, attendance)
        })
        .await
    }
}

impl Attendance {
    /// Begins a session of people and roster as they are now; the first one creates the store.
    ///
    /// # Errors
    /// As [`Service::create_session`].
    pub fn begin(
        &self,
        people: impl Fn() -> Snapshot,
        new: &NewSession,
        key: Option<&IdempotencyKey>,
    ) -> Result<Session> {
        // Before anything is written: a bad request makes no file.
        new.check()?;
        self.sync(&people, false)?;
        if let Some(group) = &new.group {
            self.expect_group(&people(), group)?;
        }
        self.sync(&people, true)?;
        self.store.create_session(new, key, Timestamp::now())
    }

    /// A session with its list.
    ///
    /// # Errors
    /// `InputError::NotFound`.
    pub fn detail(&self, id: &str) -> Result<SessionDetail> {
        let session = self.store.session(id)?;
        Ok(SessionDetail {
            session,
            entries: self.store.entries(id)?,
            corrections: self.store.corrections(id)?,
        })
    }

    /// Checks that there is a session: a write without one would create the store.
    pub(super) fn expect_session(&self, id: &str) -> Result<()> {
        self.store.session(id).map(drop)
    }
}

/// Who makes a change: the name said, and the key that it was said with.
fn signed(by: Option<String>) -> String {
    match (by, caller::current().key.clone()) {
        (Some(by), Some(key)) => format!("{by} ({key})"),
        (by, key) => by.or(key).unwrap_or_else(|| LOCAL.to_owned()),
    }
}
