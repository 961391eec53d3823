//! The terms of attendance: people, groups, sessions, entries.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::check;
use super::status::Status;
use crate::error::{InputError, Result};
use crate::student_id::StudentId;

/// How long before a session's start photos count: people arrive early, and clocks differ.
pub(super) const EARLY: SignedDuration = SignedDuration::from_hours(1);

/// A person as the service knows one, by whom an entry is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonRef {
    /// Id of the person in the gallery.
    pub person_id: String,
    /// The name as it is shown.
    pub name: String,
    /// The ID that the roster has for the name.
    pub student_id: Option<StudentId>,
}

/// One row of [`AttendanceStore::sync_people`](super::AttendanceStore::sync_people): somebody of
/// the gallery, of the roster, or of both.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonRecord {
    /// Id in the gallery; `None` for a row of the roster without an enrolled face.
    pub person_id: Option<String>,
    /// The name, in the spelling of the gallery.
    pub name: String,
    /// The roster's ID.
    pub student_id: Option<StudentId>,
    /// The groups that the roster gives. They replace all others when they differ from those that it gave before: a
    /// change by hand stands until then. `None` leaves the groups as they are.
    pub groups: Option<Vec<String>>,
}

/// A person as attendance knows one.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// Id in the gallery, or one made by attendance for somebody without an enrolled face.
    pub person_id: String,
    /// The name; empty after [`Forget::Anonymise`].
    pub name: String,
    /// The roster's ID.
    pub student_id: Option<StudentId>,
    /// Whether the gallery has a face of this person.
    pub enrolled: bool,
}

/// A group and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Unique name.
    pub name: String,
    /// Number of members.
    pub members: u64,
}

/// What a session is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// What the list is headed with.
    pub title: String,
    /// Whose attendance is taken; `None` is everybody.
    pub group: Option<String>,
    /// IANA name of the time zone, such as `Europe/Berlin`.
    pub zone: String,
    /// When it starts.
    pub start: Timestamp,
    /// First seen later than this many minutes after the start is late; `None`: nobody is late.
    pub late_after_minutes: Option<u32>,
    /// When it ends; photos taken later are refused.
    pub end: Option<Timestamp>,
}

/// Changes of an open session; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionPatch {
    /// A new title, which a closed session takes as well.
    pub title: Option<String>,
    /// A new start.
    pub start: Option<Timestamp>,
    /// New minutes until late; `Some(None)` for never.
    pub late_after_minutes: Option<Option<u32>>,
    /// A new end; `Some(None)` for none.
    pub end: Option<Option<Timestamp>>,
}

/// Whether entries may still change by photos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// Photos are recorded.
    Open,
    /// The list is frozen; corrections by hand are recorded as such.
    Closed {
        /// When.
        at: Timestamp,
        /// By whom: the name of a key or of a person.
        by: String,
    },
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// ULID.
    pub id: String,
    /// What it was made of, with later changes.
    pub what: NewSession,
    /// The date of its start in its time zone.
    pub date: Date,
    /// When it was created.
    pub created_at: Timestamp,
    /// Open or closed.
    pub state: SessionState,
    /// Photos recorded so far.
    pub photos: u64,
    /// Faces of nobody enrolled, summed over its photos: one stranger in three photos counts three.
    pub unknown_faces: u64,
    /// Whether it was begun by [`AttendanceStore::automatic_session`](super::AttendanceStore::automatic_session).
    pub automatic: bool,
}

impl Session {
    /// Whether photos are still recorded.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == SessionState::Open
    }
}

/// Which sessions are listed. Dates are those of the sessions' own time zones, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Only those of this group.
    pub group: Option<String>,
    /// Not before this date.
    pub from: Option<Date>,
    /// Not after this date.
    pub to: Option<Date>,
    /// Only open ones.
    pub open_only: bool,
    /// Only those that somebody began; else automatic ones, too.
    pub by_hand_only: bool,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Most rows.
    pub limit: usize,
    /// Rows to skip before them.
    pub offset: usize,
}

impl Page {
    /// The whole list.
    pub const ALL: Self = Self { limit: i64::MAX as usize, offset: 0 };
}

/// A part of the list of sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPage {
    /// Latest start first.
    pub sessions: Vec<Session>,
    /// How many there are on all pages.
    pub total: usize,
}

/// A photo that is recorded into a session. Neither its pixels nor embeddings are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Id by which the entry refers to it.
    pub id: String,
    /// SHA-256 of its bytes: the same photo sent twice counts once.
    pub sha256: [u8; 32],
    /// When it was taken; presence is decided by this.
    pub captured_at: Timestamp,
}

/// One face of a photo and who it is.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceResult {
    /// Index of the face in the photo, from 0.
    pub face_index: u32,
    /// Who it is.
    pub decision: Decision,
}

impl FaceResult {
    /// The same face without a person.
    #[must_use]
    pub fn of_nobody(&self) -> Self {
        Self { face_index: self.face_index, decision: Decision::Unknown }
    }
}

/// What recognition said of a face. Scores are similarities: higher is more alike.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Recognised.
    Match {
        /// As whom.
        person: PersonRef,
        /// How alike; finite.
        score: f32,
    },
    /// Close to somebody, but not close enough.
    Unsure {
        /// To whom.
        person: PersonRef,
        /// How alike; finite.
        score: f32,
    },
    /// Nobody enrolled.
    Unknown,
}

/// The photo that speaks best for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoRef {
    /// [`Photo::id`].
    pub id: String,
    /// [`Photo::sha256`].
    pub sha256: [u8; 32],
    /// Index of the face in it.
    pub face_index: u32,
}

/// What was set by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandMark {
    /// The status said.
    pub status: Status,
    /// By whom: the name of a key or of a person.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub note: Option<String>,
}

/// One line of a session's list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Whose.
    pub person: Person,
    /// What counts: the hand's word if there is one, else what follows from the photos.
    pub status: Status,
    /// Whether the person belongs to the session's group; others are visitors.
    pub member: bool,
    /// First time recognised.
    pub first_seen: Option<Timestamp>,
    /// Last time recognised.
    pub last_seen: Option<Timestamp>,
    /// Best score.
    pub score: Option<f32>,
    /// The photo of that score.
    pub photo: Option<PhotoRef>,
    /// What was set by hand, if anything was.
    pub hand: Option<HandMark>,
}

/// A change that somebody makes by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// `present`, `late`, `absent` or `excused`; `None` withdraws the hand's word, and that of the photos counts again.
    pub status: Option<Status>,
    /// Who: the name of a key or of a person.
    pub by: String,
    /// Why.
    pub note: Option<String>,
}

/// A recorded change by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectionRecord {
    /// Id of the person corrected.
    pub person_id: String,
    /// Status before.
    pub from: Option<Status>,
    /// Status after.
    pub to: Status,
    /// Who did it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub note: Option<String>,
    /// Whether the session was closed by then.
    pub after_close: bool,
}

/// A status that a photo or a hand changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Whose.
    pub person: PersonRef,
    /// Before; `None` when there was no entry.
    pub from: Option<Status>,
    /// After.
    pub to: Status,
}

/// What a photo did to a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Marked {
    /// Statuses that changed, in order of the faces.
    pub changes: Vec<Change>,
    /// Recognised people who don't belong to the session's group.
    pub visitors: Vec<PersonRef>,
    /// Faces of nobody enrolled in this photo.
    pub unknown_faces: u32,
    /// The photo as the session has it, where it had it already: under its first id, and by the earliest of its times.
    pub known: Option<Photo>,
}

/// One session in a person's history.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryItem {
    /// The session.
    pub session: Session,
    /// The person's entry in it.
    pub entry: Entry,
}

/// How a person's entries are forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forget {
    /// Entries are deleted: earlier reports count fewer people.
    Remove,
    /// Entries stay for the counts, without name, ID, photo and note.
    Anonymise,
}

/// What [`AttendanceStore::delete_before`](super::AttendanceStore::delete_before) deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Deleted {
    /// Sessions, with their entries.
    pub sessions: u64,
    /// Messages that no receiver took.
    pub messages: u64,
    /// Responses kept for repeated requests.
    pub responses: u64,
}

/// An `Idempotency-Key` and the request that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// What stands for the client and the key that it sent.
    pub key: String,
    /// SHA-256 of the request: the same key with another request is refused.
    pub request_sha256: [u8; 32],
}

/// A response kept for a repeated request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl NewSession {
    /// Checks that a photo of this instant is one of the session: from an hour before its start to its end.
    ///
    /// # Errors
    /// [`InputError::Conflict`] for another time.
    pub fn check_photo(&self, captured_at: Timestamp) -> Result<()> {
        let from = self.start.checked_sub(EARLY).unwrap_or(Timestamp::MIN);
        if (from..=self.end.unwrap_or(Timestamp::MAX)).contains(&captured_at) {
            return Ok(());
        }
        let until = self.end.map_or_else(String::new, |end| format!(" to {end}"));
        let message = format!(
            "the photo was taken at {captured_at}: expected from {from}{until}, the time of the session"
        );
        Err(InputError::Conflict(message).into())
    }

    /// # Errors
    /// [`InputError::Invalid`] for a bad title, group, zone or an end that is not after the start.
    pub fn check(&self) -> Result<()> {
        check::text("title", &self.title)?;
        if let Some(group) = &self.group {
            check::text("group", group)?;
        }
        super::time::zone(&self.zone)?;
        if self.end.is_some_and(|end| end <= self.start) {
            let message = format!(
                "the session ends at {}: expected an end after its start at {}",
                self.end.unwrap_or_default(),
                self.start
            );
            return Err(InputError::Invalid(message).into());
        }
        Ok(())
    }
}
