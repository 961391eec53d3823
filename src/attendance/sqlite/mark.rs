//! Recording a photo.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::entries::{self, EntryRow};
use super::outbox::{self, NewMessage};
use super::people;
use super::rows::Millis;
use super::sessions::{self, Stored};
use crate::attendance::marking::Sighting;
use crate::attendance::model::{Change, Decision, FaceResult, Marked, PersonRef, Photo, PhotoRef, Session};
use crate::attendance::outbox::{Channels, Event};
use crate::attendance::status::Status;
use crate::attendance::{check as limits, events, time};
use crate::error::{InputError, Result};

/// How long before a session's start photos count: people arrive early, and clocks differ.
const EARLY: SignedDuration = SignedDuration::from_hours(1);

/// One person of the photo.
struct Seen {
    key: i64,
    person: PersonRef,
    before: Option<Status>,
    recognised_before: bool,
    row: EntryRow,
}

/// # Errors
/// [`InputError::Invalid`] for a bad id or a score that is not finite.
pub(super) fn check(photo: &Photo, faces: &[FaceResult]) -> Result<()> {
    limits::id("photo id", &photo.id)?;
    for face in faces {
        match &face.decision {
            Decision::Match { score, .. } | Decision::Unsure { score, .. } => limits::score(*score)?,
            Decision::Unknown => {}
        }
    }
    Ok(())
}

pub(super) fn mark(
    db: &Connection,
    channels: Channels,
    session_id: &str,
    photo: &Photo,
    faces: &[FaceResult],
    now: Timestamp,
) -> Result<Marked> {
    let session = sessions::get(db, session_id)?;
    sessions::expect_open(&session.session, "photos can't be added")?;
    let captured_at = time::to_millis(photo.captured_at)?;
    check_time(&session.session, captured_at)?;
    let unknown_faces = faces.iter().filter(|face| face.decision == Decision::Unknown).count() as u32;
    let repeated = write_photo(db, session.key, photo, faces.len(), unknown_faces, now)?;
    let mut seen: Vec<Seen> = Vec::new();
    for face in faces {
        add(db, &session, &mut seen, photo, captured_at, face)?;
    }
    let mut marked = Marked { unknown_faces, repeated, ..Marked::default() };
    for found in seen {
        entries::save(db, session.key, found.key, &found.row)?;
        tell(db, channels, &session.session, &found, now, &mut marked)?;
    }
    if unknown_faces > 0 && !repeated {
        let body = events::unknown(&session.session, photo, unknown_faces, now);
        let message = NewMessage::of_session(Event::UnknownFace, &session.session, body);
        outbox::write(db, channels, &message, now)?;
    }
    Ok(marked)
}

fn check_time(session: &Session, captured_at: Timestamp) -> Result<()> {
    let what = &session.what;
    let from = what.start.checked_sub(EARLY).unwrap_or(Timestamp::MIN);
    let to = what.end.unwrap_or(Timestamp::MAX);
    if (from..=to).contains(&captured_at) {
        return Ok(());
    }
    let until = what.end.map_or_else(String::new, |end| format!(" to {end}"));
    let message =
        format!("the photo was taken at {captured_at}: expected from {from}{until}, the time of the session");
    Err(InputError::Conflict(message).into())
}

/// Writes a photo down; returns whether the session had it already. Its latest counts stand.
fn write_photo(
    db: &Connection,
    session: i64,
    photo: &Photo,
    faces: usize,
    unknown: u32,
    now: Timestamp,
) -> Result<bool> {
    let mut known = db.prepare_cached("SELECT 1 FROM photos WHERE session_key = ?1 AND sha256 = ?2")?;
    let repeated = known.exists(params![session, photo.sha256])?;
    db.prepare_cached(
        "INSERT OR REPLACE INTO photos (session_key, sha256, photo_id, captured_at, received_at, faces, unknown)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        session,
        photo.sha256,
        photo.id,
        Millis(photo.captured_at),
        Millis(now),
        faces,
        unknown
    ])?;
    Ok(repeated)
}

fn add(
    db: &Connection,
    session: &Stored,
    seen: &mut Vec<Seen>,
    photo: &Photo,
    captured_at: Timestamp,
    face: &FaceResult,
) -> Result<()> {
    let (person, score, certain) = match &face.decision {
        Decision::Match { person, score } => (person, *score, true),
        Decision::Unsure { person, score } => (person, *score, false),
        Decision::Unknown => return Ok(()),
    };
    let place = if let Some(place) = seen.iter().position(|known| known.person.person_id == person.person_id)
    {
        place
    } else {
        let key = people::recognised(db, person)?;
        let stored = entries::load(db, session.key, key)?;
        let before = stored.as_ref().map(EntryRow::status);
        let row = match stored {
            Some(row) => row,
            None => entries::new(session.has_member(db, key)?),
        };
        let recognised_before = row.evidence.seen.is_some();
        seen.push(Seen { key, person: person.clone(), before, recognised_before, row });
        seen.len() - 1
    };
    let row = &mut seen[place].row;
    row.evidence.add(&Sighting {
        certain,
        score,
        at: captured_at,
        photo: PhotoRef { id: photo.id.clone(), sha256: photo.sha256, face_index: face.face_index },
    });
    row.refresh(session, true);
    Ok(())
}

/// Notes what changed for one person, and writes the messages that tell of it.
fn tell(
    db: &Connection,
    channels: Channels,
    session: &Session,
    seen: &Seen,
    now: Timestamp,
    marked: &mut Marked,
) -> Result<()> {
    let to = seen.row.status();
    let recognised = seen.row.evidence.seen.is_some();
    if recognised && !seen.row.member {
        marked.visitors.push(seen.person.clone());
    }
    if recognised && !seen.recognised_before {
        outbox::write_legacy(db, channels, seen.key, seen.person.student_id.as_ref(), session.date, now)?;
    }
    if seen.before == Some(to) {
        return Ok(());
    }
    let change = Change { person: seen.person.clone(), from: seen.before, to };
    let body = events::marked(session, &change, &seen.row.evidence, now);
    outbox::write(db, channels, &NewMessage::of_person(Event::Marked, seen.key, body), now)?;
    marked.changes.push(change);
    Ok(())
}
