//! The JSON of messages. Webhooks have the form of Standard Webhooks: `type`, `timestamp`, `data`.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::marking::Evidence;
use super::model::{Change, PersonRef, Photo, Session};
use super::outbox::Event;
use super::status::{Counts, Status};
use crate::student_id::StudentId;

/// A photo changed somebody's status.
pub(super) fn marked(session: &Session, change: &Change, evidence: &Evidence, now: Timestamp) -> String {
    let best = evidence.best.as_ref();
    event(
        Event::Marked,
        now,
        &json!({
            "session": session_of(session),
            "person": person_of(&change.person),
            "status": change.to.as_str(),
            "previous_status": change.from.map(Status::as_str),
            "first_seen": evidence.seen.map(|(first, _)| first.to_string()),
            "last_seen": evidence.seen.map(|(_, last)| last.to_string()),
            "similarity": best.map(|best| best.score),
            "photo_id": best.map(|best| &best.photo.id),
        }),
    )
}

/// Somebody changed a status by hand.
pub(super) fn corrected(
    session: &Session,
    change: &Change,
    by: &str,
    note: Option<&str>,
    now: Timestamp,
) -> String {
    event(
        Event::Corrected,
        now,
        &json!({
            "session": session_of(session),
            "person": person_of(&change.person),
            "status": change.to.as_str(),
            "previous_status": change.from.map(Status::as_str),
            "by": by,
            "note": note,
            "after_close": !session.is_open(),
        }),
    )
}

/// A session was closed; the counts are those of its group's members.
pub(super) fn closed(session: &Session, by: &str, counts: &Counts, now: Timestamp) -> String {
    let counts: serde_json::Map<String, Value> =
        Status::ALL.iter().map(|status| (status.as_str().to_owned(), counts.of(*status).into())).collect();
    event(Event::Closed, now, &json!({ "session": session_of(session), "by": by, "counts": counts }))
}

/// A photo shows faces of nobody enrolled.
pub(super) fn unknown(session: &Session, photo: &Photo, faces: u32, now: Timestamp) -> String {
    event(
        Event::UnknownFace,
        now,
        &json!({
            "session": session_of(session),
            "photo_id": photo.id,
            "captured_at": photo.captured_at.to_string(),
            "faces": faces,
        }),
    )
}

/// The old service's message: one for each student recognised in a session. It knew no lateness, so
/// `status` is always `present`. `date` is the session's, as ISO 8601 has it.
pub(super) fn legacy(id: &str, student_id: Option<&StudentId>, date: Date) -> String {
    json!({ "id": id, "studentId": id_of(student_id), "status": "present", "date": date.to_string() })
        .to_string()
}

fn event(name: Event, now: Timestamp, data: &Value) -> String {
    json!({ "type": name.as_str(), "timestamp": now.to_string(), "data": data }).to_string()
}

fn session_of(session: &Session) -> Value {
    let what = &session.what;
    json!({
        "id": session.id,
        "title": what.title,
        "group": what.group,
        "start": what.start.to_string(),
        "time_zone": what.zone,
        "date": session.date.to_string(),
    })
}

fn person_of(person: &PersonRef) -> Value {
    json!({
        "id": person.person_id,
        "name": person.name,
        "student_id": id_of(person.student_id.as_ref()),
    })
}

fn id_of(id: Option<&StudentId>) -> Value {
    match id {
        None => Value::Null,
        Some(StudentId::Integer(number)) => (*number).into(),
        Some(StudentId::Number(number)) => (*number).into(),
        Some(StudentId::Text(text)) => text.as_str().into(),
    }
}
