//! Sessions, entries and reports of attendance.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::json_id::JsonId;
use crate::attendance;
use crate::attendance::SessionState;
use crate::hex::to_hex;
use crate::service::attendance::reports::PersonHistory;
use crate::service::attendance::sessions::SessionDetail;

/// Whether somebody was there.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[schema(as = AttendanceStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Seen in time.
    Present,
    /// First seen after the minutes until late.
    Late,
    /// Enrolled, and not seen.
    Absent,
    /// Not there, with a reason; by hand only.
    Excused,
    /// Somebody was seen who may be this person.
    Unsure,
    /// Not seen, and could not have been: no face of this person is enrolled.
    NotEnrolled,
}

impl From<attendance::Status> for Status {
    fn from(status: attendance::Status) -> Self {
        match status {
            attendance::Status::Present => Self::Present,
            attendance::Status::Late => Self::Late,
            attendance::Status::Absent => Self::Absent,
            attendance::Status::Excused => Self::Excused,
            attendance::Status::Unsure => Self::Unsure,
            attendance::Status::NotEnrolled => Self::NotEnrolled,
        }
    }
}

/// Whether photos are recorded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionState)]
#[serde(rename_all = "snake_case")]
enum State {
    /// Photos are recorded.
    Open,
    /// The list is frozen.
    Closed,
}

/// A session of attendance.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    /// Of the session.
    #[schema(example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E")]
    pub id: String,
    /// What the list is headed with.
    #[schema(example = "Maths")]
    title: String,
    /// Whose attendance is taken; null for everybody.
    #[schema(required, example = "7A")]
    group: Option<String>,
    /// IANA name of the time zone.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
    /// When it starts, UTC.
    #[schema(format = DateTime, example = "2026-11-26T07:00:00Z")]
    start: String,
    /// The date of its start in its time zone.
    #[schema(format = Date, example = "2026-11-26")]
    date: String,
    /// First seen later than this many minutes after the start is late; null: nobody is late.
    #[schema(required, example = 10)]
    late_after_minutes: Option<u32>,
    /// When it ends, UTC: photos taken later are refused; null for no end.
    #[schema(required, format = DateTime, example = "2026-11-26T07:45:00Z")]
    end: Option<String>,
    state: State,
    /// When it was closed, UTC; null for an open session.
    #[schema(required, format = DateTime, example = "2026-11-26T07:50:00Z")]
    closed_at: Option<String>,
    /// By whom: the name said, the name of the API key, or `local`.
    #[schema(required, example = "Ms Frizzle (office)")]
    closed_by: Option<String>,
    /// When it was created, UTC.
    #[schema(format = DateTime, example = "2026-11-26T06:58:12.345Z")]
    created_at: String,
    /// How many photos were recorded.
    #[schema(example = 3)]
    photos: u64,
    /// Faces of nobody enrolled, summed over the photos: one stranger in three photos counts three.
    #[schema(example = 1)]
    unknown_faces: u64,
    /// Whether the service began it by itself, for photos of `/recognize_faces`.
    automatic: bool,
}

impl From<&attendance::Session> for Session {
    fn from(session: &attendance::Session) -> Self {
        let what = &session.what;
        let (state, closed_at, closed_by) = match &session.state {
            SessionState::Open => (State::Open, None, None),
            SessionState::Closed { at, by } => (State::Closed, Some(at.to_string()), Some(by.clone())),
        };
        Self {
            id: session.id.clone(),
            title: what.title.clone(),
            group: what.group.clone(),
            time_zone: what.zone.clone(),
            start: what.start.to_string(),
            date: session.date.to_string(),
            late_after_minutes: what.late_after_minutes,
            end: text_of(what.end),
            state,
            closed_at,
            closed_by,
            created_at: session.created_at.to_string(),
            photos: session.photos,
            unknown_faces: session.unknown_faces,
            automatic: session.automatic,
        }
    }
}

fn text_of(instant: Option<Timestamp>) -> Option<String> {
    instant.map(|instant| instant.to_string())
}

/// Somebody whose attendance is taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attendee {
    /// Of the person; of somebody enrolled as in `/v1/people/{person_id}`. Null before the first session, for somebody on the
    /// roster who is not enrolled.
    #[schema(required, example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: Option<String>,
    /// As it is shown; empty where the person was forgotten.
    #[schema(example = "Eileen Collins")]
    name: String,
    /// The roster's ID for the name; where it has none, the person's own; else null.
    #[schema(required)]
    student_id: Option<JsonId>,
    /// Whether a face of this person is enrolled.
    enrolled: bool,
}

impl From<&attendance::Person> for Attendee {
    fn from(person: &attendance::Person) -> Self {
        Self {
            id: Some(person.person_id.clone()).filter(|id| !id.is_empty()),
            name: person.name.clone(),
            student_id: person.student_id.as_ref().map(JsonId::from),
            enrolled: person.enrolled,
        }
    }
}

/// The photo that speaks best for an entry. The photo itself is not kept.
#[derive(Debug, Serialize, ToSchema)]
struct BestPhoto {
    /// As in the response to the photo.
    #[schema(example = "01KB9V2T4M6X8Z0B2D4F6H8J0K")]
    id: String,
    /// SHA-256 of the file, in hexadecimal.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    sha256: String,
    /// Index of the face in the photo.
    #[schema(example = 0)]
    face_index: u32,
}

/// What was set by hand.
#[derive(Debug, Serialize, ToSchema)]
struct ByHand {
    status: Status,
    /// By whom: the name said, the name of the API key, or `local`.
    #[schema(example = "Ms Frizzle")]
    by: String,
    /// When, UTC.
    #[schema(format = DateTime, example = "2026-11-26T07:48:00Z")]
    at: String,
    /// Why.
    #[schema(required, example = "at the dentist")]
    note: Option<String>,
}

/// One line of a session's list.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttendanceEntry)]
pub struct Entry {
    person: Attendee,
    /// What counts: what was set by hand, else what the photos show.
    status: Status,
    /// Whether the person belongs to the session's group; others are visitors.
    member: bool,
    /// First time recognised, UTC.
    #[schema(required, format = DateTime, example = "2026-11-26T07:02:00Z")]
    first_seen: Option<String>,
    /// Last time recognised, UTC.
    #[schema(required, format = DateTime, example = "2026-11-26T07:31:00Z")]
    last_seen: Option<String>,
    /// Best cosine similarity, 1 minus the distance.
    #[schema(required, example = 0.83)]
    similarity: Option<f32>,
    #[schema(required)]
    photo: Option<BestPhoto>,
    #[schema(required)]
    manual: Option<ByHand>,
}

impl From<&attendance::Entry> for Entry {
    fn from(entry: &attendance::Entry) -> Self {
        Self {
            person: (&entry.person).into(),
            status: entry.status.into(),
            member: entry.member,
            first_seen: text_of(entry.first_seen),
            last_seen: text_of(entry.last_seen),
            similarity: entry.score,
            photo: entry.photo.as_ref().map(|photo| BestPhoto {
                id: photo.id.clone(),
                sha256: to_hex(&photo.sha256),
                face_index: photo.face_index,
            }),
            manual: entry.hand.as_ref().map(|hand| ByHand {
                status: hand.status.into(),
                by: hand.by.clone(),
                at: hand.at.to_string(),
                note: hand.note.clone(),
            }),
        }
    }
}

/// A change by hand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttendanceCorrection)]
struct Correction {
    /// Of the person.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    person_id: String,
    /// Status before; null where there was none.
    #[schema(required)]
    from: Option<Status>,
    /// Status after.
    to: Status,
    /// By whom: the name said, the name of the API key, or `local`.
    #[schema(example = "Ms Frizzle")]
    by: String,
    /// When, UTC.
    #[schema(format = DateTime, example = "2026-11-26T07:48:00Z")]
    at: String,
    /// Why.
    #[schema(required, example = "at the dentist")]
    note: Option<String>,
    /// Whether the session was closed by then.
    after_close: bool,
}

impl From<&attendance::CorrectionRecord> for Correction {
    fn from(record: &attendance::CorrectionRecord) -> Self {
        Self {
            person_id: record.person_id.clone(),
            from: record.from.map(Status::from),
            to: record.to.into(),
            by: record.by.clone(),
            at: record.at.to_string(),
            note: record.note.clone(),
            after_close: record.after_close,
        }
    }
}

/// How often each status occurs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttendanceCounts)]
pub struct Counts {
    #[schema(example = 24)]
    present: u32,
    #[schema(example = 1)]
    late: u32,
    #[schema(example = 2)]
    absent: u32,
    #[schema(example = 1)]
    excused: u32,
    #[schema(example = 0)]
    unsure: u32,
    #[schema(example = 1)]
    not_enrolled: u32,
    /// Present and late, of all but those who could not have been seen, 0 to 1; null where there is nobody else.
    #[schema(required, minimum = 0, maximum = 1, example = 0.893)]
    attended_share: Option<f64>,
}

impl From<&attendance::Counts> for Counts {
    fn from(counts: &attendance::Counts) -> Self {
        Self {
            present: counts.of(attendance::Status::Present),
            late: counts.of(attendance::Status::Late),
            absent: counts.of(attendance::Status::Absent),
            excused: counts.of(attendance::Status::Excused),
            unsure: counts.of(attendance::Status::Unsure),
            not_enrolled: counts.of(attendance::Status::NotEnrolled),
            attended_share: counts.attended_share(),
        }
    }
}

/// A session with its list.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionList {
    #[serde(flatten)]
    session: Session,
    /// Of the members of its group.
    counts: Counts,
    /// The list in order of names: members, and whoever else was seen.
    entries: Vec<Entry>,
    /// Changes by hand, oldest first.
    corrections: Vec<Correction>,
}

impl From<&SessionDetail> for SessionList {
    fn from(detail: &SessionDetail) -> Self {
        let mut counts = attendance::Counts::default();
        detail.entries.iter().filter(|entry| entry.member).for_each(|entry| counts.add(entry.status));
        Self {
            session: (&detail.session).into(),
            counts: (&counts).into(),
            entries: detail.entries.iter().map(Entry::from).collect(),
            corrections: detail.corrections.iter().map(Correction::from).collect(),
        }
    }
}

/// A session in a person's history.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryItem {
    session: Session,
    entry: Entry,
}

/// The sessions of one person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PersonAttendance)]
pub struct History {
    person: Attendee,
    /// Names of the groups that the person belongs to.
    #[schema(example = json!(["7A", "Choir"]))]
    groups: Vec<String>,
    /// Latest first; those in which the person was a visitor, too.
    sessions: Vec<HistoryItem>,
    /// Of the closed sessions in which the person was a member.
    counts: Counts,
}

impl From<&PersonHistory> for History {
    fn from(history: &PersonHistory) -> Self {
        let mut counts = attendance::Counts::default();
        let counted = history.sessions.iter().filter(|item| item.entry.member && !item.session.is_open());
        counted.for_each(|item| counts.add(item.entry.status));
        let item = |item: &attendance::HistoryItem| HistoryItem {
            session: (&item.session).into(),
            entry: (&item.entry).into(),
        };
        Self {
            person: (&history.person).into(),
            groups: history.groups.clone(),
            sessions: history.sessions.iter().map(item).collect(),
            counts: (&counts).into(),
        }
    }
}

/// One person of a report.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttendanceReportRow)]
struct ReportRow {
    person: Attendee,
    /// One for each session; null where the person was not on its list.
    statuses: Vec<Option<Status>>,
    counts: Counts,
}

/// People by closed sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AttendanceReport)]
pub struct Report {
    /// Earliest start first.
    sessions: Vec<Session>,
    /// In order of names; without visitors.
    people: Vec<ReportRow>,
    /// Over all people.
    total: Counts,
}

impl From<&attendance::Report> for Report {
    fn from(report: &attendance::Report) -> Self {
        let row = |row: &attendance::ReportRow| ReportRow {
            person: (&row.person).into(),
            statuses: row.statuses.iter().map(|status| status.map(Status::from)).collect(),
            counts: (&row.counts).into(),
        };
        Self {
            sessions: report.sessions.iter().map(Session::from).collect(),
            people: report.people.iter().map(row).collect(),
            total: (&report.total).into(),
        }
    }
}
