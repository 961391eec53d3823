//! What a database of attendance does: SQLite's, [`SqliteStore`](super::SqliteStore), and PostgreSQL's, `postgres::PostgresAttendance`.
//! Both pass the same tests (`tests/it/attendance/`).

use jiff::Timestamp;

use super::model::{
    Correction, CorrectionRecord, Deleted, Entry, FaceResult, Forget, Group, HistoryItem, IdempotencyKey,
    Marked, NewSession, Page, Person, PersonRecord, Photo, Session, SessionFilter, SessionPage, SessionPatch,
    StoredResponse,
};
use super::outbox::{Channel, DeadLetter, Message, OutboxCounts, Settlement};
use super::report::{Report, ReportQuery};
use crate::error::Result;

/// A database of attendance. Every method but [`AttendanceStore::delete_before`] is one transaction: all of it is on the
/// disk when it returns `Ok`, and nothing of it after an error. `now` is the caller's clock.
///
/// # Errors
/// All methods: [`InputError`](crate::error::InputError)`::NotFound` for an id that is not there,
/// `Invalid` for bad input, `Conflict` where the state forbids it, and
/// [`DataError::Database`](crate::error::DataError) when the database fails.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
pub trait AttendanceStore: Send + Sync {
    /// Whether anything was ever written; until then everything is empty, and nothing is on the disk.
    fn exists(&self) -> bool;
    /// Whether this process is the one that delivers messages, closes automatic sessions and deletes what is too old. Of
    /// several processes on one database one is, and another one soon after that one has ended.
    fn leads(&self) -> Result<bool>;

    // People and groups.

    /// Takes in who is enrolled and who is on the roster. With `complete`, whoever is missing from
    /// `records` is no longer enrolled; their entries stay. A row without an id meets the person of
    /// the same name; somebody newly enrolled takes over the entries of the same name.
    fn sync_people(&self, records: &[PersonRecord], complete: bool) -> Result<()>;
    /// Gives the entries and groups of the person `from` to the person `into`, and removes `from`. What both have in one
    /// session becomes one entry: the hand's word for `into` comes first. Nothing happens where `from` is unknown.
    fn merge_people(&self, into: &str, from: &str) -> Result<()>;
    /// People in order of their names, of one group or all.
    fn people(&self, group: Option<&str>) -> Result<Vec<Person>>;
    /// All groups in order of their names.
    fn groups(&self) -> Result<Vec<Group>>;
    /// Names of the groups a person belongs to.
    fn groups_of(&self, person_id: &str) -> Result<Vec<String>>;
    /// Makes a person a member of exactly these groups; those that are not there are created.
    fn set_groups_of(&self, person_id: &str, groups: &[String]) -> Result<()>;
    /// Makes exactly these people the members of a group, which is created if need be.
    fn set_members(&self, group: &str, person_ids: &[String]) -> Result<()>;
    /// Gives a group another name.
    fn rename_group(&self, from: &str, to: &str) -> Result<()>;
    /// Deletes a group; its sessions and their entries stay.
    fn delete_group(&self, name: &str) -> Result<()>;

    // Sessions.

    /// Creates a session. With a key that was used for the same request before, returns the session of then.
    fn create_session(
        &self,
        new: &NewSession,
        key: Option<&IdempotencyKey>,
        now: Timestamp,
    ) -> Result<Session>;
    /// The session of an automatic key (such as a day), created by the first call.
    fn automatic_session(&self, key: &str, new: &NewSession, now: Timestamp) -> Result<Session>;
    /// One session.
    fn session(&self, id: &str) -> Result<Session>;
    /// Sessions, latest start first, and how many there are on all pages.
    fn sessions(&self, filter: &SessionFilter, page: Page) -> Result<SessionPage>;
    /// Open sessions that somebody began and that may take a photo of the instant `at`, latest start first. Of those
    /// without an end, the ones of the two days before.
    fn open_around(&self, at: Timestamp) -> Result<Vec<Session>>;
    /// Ids of open automatic sessions that ended before `before`.
    fn automatic_over(&self, before: Timestamp) -> Result<Vec<String>>;
    /// Changes a session; statuses follow a new start and new minutes until late.
    fn update_session(&self, id: &str, patch: &SessionPatch) -> Result<Session>;
    /// Freezes the list: members without an entry become `absent` or `not_enrolled`. Closing a closed
    /// session changes nothing.
    fn close_session(&self, id: &str, by: &str, now: Timestamp) -> Result<Session>;
    /// Deletes a session with its entries.
    fn delete_session(&self, id: &str) -> Result<()>;

    // Entries.

    /// Records who was recognised in a photo. Whoever was forgotten since counts as nobody enrolled: a photo makes no
    /// people, and puts nobody on a list. Of a photo that came before, the earlier of its times counts.
    fn mark(&self, session_id: &str, photo: &Photo, faces: &[FaceResult], now: Timestamp) -> Result<Marked>;
    /// Changes an entry by hand, in a closed session as well; recorded.
    fn correct(
        &self,
        session_id: &str,
        person_id: &str,
        correction: &Correction,
        now: Timestamp,
    ) -> Result<Entry>;
    /// The list of a session in order of names: its group's members, and whoever else was seen.
    fn entries(&self, session_id: &str) -> Result<Vec<Entry>>;
    /// Changes by hand of a session, oldest first.
    fn corrections(&self, session_id: &str) -> Result<Vec<CorrectionRecord>>;
    /// Sessions that a person has an entry in, latest first.
    fn history(&self, person_id: &str) -> Result<Vec<HistoryItem>>;
    /// People by sessions.
    fn report(&self, query: &ReportQuery) -> Result<Report>;

    // Repeated requests.

    /// The response kept for a key; `None` for a new key. Another request under the same key is a `Conflict`.
    fn recall(&self, key: &IdempotencyKey) -> Result<Option<StoredResponse>>;
    /// Keeps a response. The first one kept for a key stays.
    fn remember(&self, key: &IdempotencyKey, response: &StoredResponse, now: Timestamp) -> Result<()>;

    // Outbox.

    /// Messages to deliver now: the oldest of each lane, if its time has come.
    fn due(&self, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<Message>>;
    /// Records what became of deliveries.
    fn settle(&self, settlements: &[Settlement], now: Timestamp) -> Result<()>;
    /// Messages given up on, latest first.
    fn dead_letters(&self, limit: u32) -> Result<Vec<DeadLetter>>;
    /// Makes a dead message pending again, to be delivered now.
    fn resend(&self, id: &str, now: Timestamp) -> Result<()>;
    /// Makes every dead message pending again; how many.
    fn resend_all(&self, now: Timestamp) -> Result<u64>;
    /// How many messages wait and how many are dead.
    fn outbox_counts(&self) -> Result<OutboxCounts>;

    // Retention.

    /// Deletes sessions that started before `before`, dead letters and stored responses of that age; in many small
    /// transactions, so that no writer waits long. After an error some are deleted.
    fn delete_before(&self, before: Timestamp) -> Result<Deleted>;
    /// Forgets a person's entries, and messages about the person that are not yet delivered. Returns
    /// how many entries there were; an unknown person has none.
    fn forget(&self, person_id: &str, how: Forget) -> Result<u64>;
}
