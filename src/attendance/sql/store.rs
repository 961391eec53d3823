//! What a store of attendance does, with a database.

use jiff::Timestamp;

use super::{
    Transactions, correct, entries, groups, history, mark, merge, outbox, people, report, requests,
    retention, sessions, sync, update,
};
use crate::attendance::model::{
    Correction, CorrectionRecord, Deleted, Entry, FaceResult, Forget, Group, HistoryItem, IdempotencyKey,
    Marked, NewSession, Page, Person, PersonRecord, Photo, Session, SessionFilter, SessionPage, SessionPatch,
    StoredResponse,
};
use crate::attendance::outbox::{Channel, DeadLetter, Message, OutboxCounts, Settlement};
use crate::attendance::report::{Report, ReportQuery};
use crate::attendance::store::AttendanceStore;
use crate::error::Result;

impl<S: Transactions> AttendanceStore for S {
    fn exists(&self) -> bool {
        Transactions::exists(self)
    }

    fn leads(&self) -> Result<bool> {
        Transactions::leads(self)
    }

    fn sync_people(&self, records: &[PersonRecord], complete: bool) -> Result<()> {
        self.write(|db| sync::sync(db, records, complete))
    }

    fn merge_people(&self, into: &str, from: &str) -> Result<()> {
        if !Transactions::exists(self) {
            return Ok(());
        }
        self.write(|db| merge::merge(db, into, from))
    }

    fn people(&self, group: Option<&str>) -> Result<Vec<Person>> {
        self.read(|db| sync::list(db, group))
    }

    fn groups(&self) -> Result<Vec<Group>> {
        self.read(groups::list)
    }

    fn groups_of(&self, person_id: &str) -> Result<Vec<String>> {
        self.read(|db| groups::of_person(db, person_id))
    }

    fn set_groups_of(&self, person_id: &str, groups: &[String]) -> Result<()> {
        self.write(|db| groups::set_of_person(db, people::key(db, person_id)?, groups))
    }

    fn set_members(&self, group: &str, person_ids: &[String]) -> Result<()> {
        self.write(|db| groups::set_members(db, group, person_ids))
    }

    fn rename_group(&self, from: &str, to: &str) -> Result<()> {
        self.write(|db| groups::rename(db, from, to))
    }

    fn delete_group(&self, name: &str) -> Result<()> {
        self.write(|db| groups::delete(db, name))
    }

    fn create_session(
        &self,
        new: &NewSession,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Session> {
        self.write(|db| match key {
            Some(key) => requests::create_session_once(db, new, key, now),
            None => sessions::create(db, new, None, now),
        })
    }

    fn automatic_session(&self, key: &str, new: &NewSession, now: Timestamp) -> Result<Session> {
        // Nearly every call finds it, and needs no write lock.
        if let Some(session) = self.read(|db| sessions::of_automatic_key(db, key))? {
            return Ok(session);
        }
        self.write(|db| match sessions::of_automatic_key(db, key)? {
            Some(session) => Ok(session),
            None => sessions::create(db, new, Some(key), now),
        })
    }

    fn session(&self, id: &str) -> Result<Session> {
        self.read(|db| Ok(sessions::get(db, id)?.session))
    }

    fn sessions(&self, filter: &SessionFilter, page: Page) -> Result<SessionPage> {
        self.read(|db| sessions::list(db, filter, page))
    }

    fn open_around(&self, at: Timestamp) -> Result<Vec<Session>> {
        self.read(|db| sessions::open_around(db, at))
    }

    fn automatic_over(&self, before: Timestamp) -> Result<Vec<String>> {
        if !Transactions::exists(self) {
            return Ok(Vec::new()); // asked every minute
        }
        self.read(|db| sessions::automatic_over(db, before))
    }

    fn update_session(&self, id: &str, patch: &SessionPatch) -> Result<Session> {
        self.write(|db| update::update(db, id, patch))
    }

    fn close_session(&self, id: &str, by: &str, now: Timestamp) -> Result<Session> {
        self.write(|db| entries::close(db, self.channels(), id, by, now))
    }

    fn delete_session(&self, id: &str) -> Result<()> {
        self.write(|db| sessions::delete(db, id))
    }

    fn mark(&self, session_id: &str, photo: &Photo, faces: &[FaceResult], now: Timestamp) -> Result<Marked> {
        mark::check(photo, faces)?;
        self.write(|db| mark::mark(db, self.channels(), session_id, photo, faces, now))
    }

    fn correct(
        &self,
        session_id: &str,
        person_id: &str,
        correction: &Correction,
        now: Timestamp,
    ) -> Result<Entry> {
        correct::check(correction)?;
        self.write(|db| correct::correct(db, self.channels(), session_id, person_id, correction, now))
    }

    fn entries(&self, session_id: &str) -> Result<Vec<Entry>> {
        self.read(|db| entries::list(db, &sessions::get(db, session_id)?))
    }

    fn corrections(&self, session_id: &str) -> Result<Vec<CorrectionRecord>> {
        self.read(|db| correct::list(db, session_id))
    }

    fn history(&self, person_id: &str) -> Result<Vec<HistoryItem>> {
        self.read(|db| history::of_person(db, person_id))
    }

    fn report(&self, query: &ReportQuery) -> Result<Report> {
        self.read(|db| report::report(db, query))
    }

    fn recall(&self, key: &IdempotencyKey) -> Result<Option<StoredResponse>> {
        self.read(|db| requests::recall(db, key))
    }

    fn remember(&self, key: &IdempotencyKey, response: &StoredResponse, now: Timestamp) -> Result<()> {
        self.write(|db| requests::remember(db, key, response, now))
    }

    fn due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<Message>> {
        if !Transactions::exists(self) {
            return Ok(Vec::new()); // asked every second
        }
        self.read(|db| outbox::due(db, channel, now, limit))
    }

    fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<()> {
        self.write(|db| outbox::settle(db, settlements, now))
    }

    fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>> {
        self.read(|db| outbox::dead_letters(db, limit))
    }

    fn resend(&self, id: &str, now: Timestamp) -> Result<()> {
        self.write(|db| outbox::resend(db, id, now))
    }

    fn resend_all(&self, now: Timestamp) -> Result<u64> {
        self.write(|db| outbox::resend_all(db, now))
    }

    fn outbox_counts(&self) -> Result<OutboxCounts> {
        self.read(outbox::counts)
    }

    fn delete_before(&self, before: Timestamp) -> Result<Deleted> {
        if !Transactions::exists(self) {
            return Ok(Deleted::default());
        }
        let mut deleted = [0; retention::STEPS.len()];
        for (step, count) in retention::STEPS.iter().zip(&mut deleted) {
            loop {
                let rows = self.write(|db| retention::delete_some(db, step, before))?;
                *count += rows;
                if rows < retention::ROWS_AT_ONCE {
                    break;
                }
            }
        }
        if deleted.iter().any(|count| *count > 0) {
            self.overwrite_deleted();
        }
        Ok(retention::summary(deleted))
    }

    fn forget(&self, person_id: &str, how: Forget) -> Result<u64> {
        if !Transactions::exists(self) {
            return Ok(0);
        }
        let entries = self.write(|db| retention::forget(db, person_id, how))?;
        self.overwrite_deleted();
        Ok(entries)
    }
}
