//! One person's sessions, and people by sessions.

use super::{Attendance, people};
use crate::access_log::Action;
use crate::attendance::export::{Table, history_table};
use crate::attendance::{Forget, HistoryItem, Person, Report, ReportQuery};
use crate::error::{InputError, Result};
use crate::service::Service;
use crate::service::snapshot::Snapshot;

/// The sessions of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonHistory {
    /// Whose.
    pub person: Person,
    /// Names of the groups that the person belongs to.
    pub groups: Vec<String>,
    /// Those in which the person has an entry, latest first.
    pub sessions: Vec<HistoryItem>,
}

impl PersonHistory {
    /// The sessions as a table.
    #[must_use]
    pub fn table(&self) -> Table<'_> {
        history_table(&self.person, &self.sessions)
    }
}

impl Service {
    /// Sessions that a person has an entry in, latest first. Somebody who is not enrolled any more, or whose time is over, has
    /// them still; without any, such a person is not known.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub async fn person_attendance(&self, person_id: &str) -> Result<PersonHistory> {
        let (recorder, id) = (self.recorder(), person_id.to_owned());
        self.attend(move |service, attendance| {
            let history = attendance.history(&id, &service.recognized_people())?;
            recorder.record(Action::ReadAttendance, [id.as_str()]);
            Ok(history)
        })
        .await
    }

    /// Forgets a person's entries, and messages about the person that are not yet delivered; how many entries there were. Who
    /// is enrolled stays so.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub async fn forget_attendance(&self, person_id: &str, how: Forget) -> Result<u64> {
        let (recorder, id) = (self.recorder(), person_id.to_owned());
        self.attend(move |service, attendance| {
            let entries = attendance.forget(&id, how)?;
            recorder.record(Action::Forget, [id.as_str()]);
            // Somebody who is enrolled or on the roster is on the lists of further sessions.
            attendance.sync(|| service.recognized_people(), false)?;
            Ok(entries)
        })
        .await
    }

    /// The closed sessions of a query, and who was in them.
    ///
    /// # Errors
    /// [`InputError::NotFound`] for an unknown group.
    pub async fn attendance_report(&self, query: ReportQuery) -> Result<Report> {
        let recorder = self.recorder();
        self.attend(move |_, attendance| {
            let report = attendance.store().report(&query)?;
            recorder.record(Action::ReadAttendance, []);
            Ok(report)
        })
        .await
    }
}

impl Attendance {
    fn history(&self, id: &str, snapshot: &Snapshot) -> Result<PersonHistory> {
        if !self.store.exists() {
            let person = snapshot.person(id)?;
            let student_id = snapshot.student_id(person).cloned();
            let (person_id, name) = (person.id.clone(), person.name.to_string());
            let person = Person { person_id, name, student_id, enrolled: true };
            return Ok(PersonHistory {
                person,
                groups: people::groups_of(snapshot, id),
                sessions: Vec::new(),
            });
        }
        let sessions = self.store.history(id)?;
        let person = match sessions.first() {
            Some(item) => Some(item.entry.person.clone()),
            None => self.store.people(None)?.into_iter().find(|person| person.person_id == id),
        };
        let missing = || InputError::NotFound(format!("attendance knows no person with the id {id:?}"));
        let person = person.ok_or_else(missing)?;
        Ok(PersonHistory { person, groups: self.store.groups_of(id)?, sessions })
    }
}
