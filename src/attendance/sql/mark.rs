//! Recording a photo.

use std::borrow::Cow;

use jiff::Timestamp;

use super::entries::{self, EntryRow};
use super::outbox::{self, NewMessage};
use super::sessions::{self, Stored};
use super::value::values;
use super::{Sql, people};
use crate::attendance::marking::Sighting;
use crate::attendance::model::{Change, Decision, FaceResult, Marked, PersonRef, Photo, PhotoRef, Session};
use crate::attendance::outbox::{Channels, Event};
use crate::attendance::status::Status;
use crate::attendance::{check as limits, events, time};
use crate::error::Result;

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
    db: &dyn Sql,
    channels: Channels,
    session_id: &str,
    photo: &Photo,
    faces: &[FaceResult],
    now: Timestamp,
) -> Result<Marked> {
    let session = sessions::get(db, session_id)?;
    sessions::expect_open(&session.session, "photos can't be added")?;
    let sent = Photo { captured_at: time::to_millis(photo.captured_at)?, ..photo.clone() };
    let known = known_photo(db, session.key, &sent)?;
    let photo = known.as_ref().unwrap_or(&sent);
    session.session.what.check_photo(photo.captured_at)?;
    let faces = faces.iter().map(|face| of_known_person(db, face)).collect::<Result<Vec<_>>>()?;
    let unknown_faces = faces.iter().filter(|face| face.decision == Decision::Unknown).count() as u32;
    write_photo(db, session.key, photo, faces.len(), unknown_faces, now)?;
    let mut seen: Vec<Seen> = Vec::new();
    for face in &faces {
        add(db, &session, &mut seen, photo, face)?;
    }
    let mut marked = Marked { unknown_faces, known: known.clone(), ..Marked::default() };
    for found in seen {
        entries::save(db, session.key, found.key, &found.row)?;
        tell(db, channels, &session.session, &found, now, &mut marked)?;
    }
    if unknown_faces > 0 && known.is_none() {
        let body = events::unknown(&session.session, photo, unknown_faces, now);
        let message = NewMessage::of_session(Event::UnknownFace, &session.session, body);
        outbox::write(db, channels, &message, now)?;
    }
    Ok(marked)
}

/// A photo that the session has already, under its first id. Sent again without its time it would seem taken later: the
/// earlier time counts.
fn known_photo(db: &dyn Sql, session: i64, photo: &Photo) -> Result<Option<Photo>> {
    let sql = "SELECT photo_id, captured_at FROM photos WHERE session_key = ?1 AND sha256 = ?2";
    db.row(sql, values![session, photo.sha256], |row| {
        let captured_at = row.get::<Timestamp>(1)?.min(photo.captured_at);
        Ok(Photo { id: row.get(0)?, sha256: photo.sha256, captured_at })
    })
}

/// A face as it was recognised, unless the person was forgotten since: then it is nobody's. People are the matter of the
/// gallery and the roster, of which the database was told before.
fn of_known_person<'f>(db: &dyn Sql, face: &'f FaceResult) -> Result<Cow<'f, FaceResult>> {
    let person = match &face.decision {
        Decision::Match { person, .. } | Decision::Unsure { person, .. } => person,
        Decision::Unknown => return Ok(Cow::Borrowed(face)),
    };
    Ok(match people::find_key(db, &person.person_id)? {
        Some(_) => Cow::Borrowed(face),
        None => Cow::Owned(face.of_nobody()),
    })
}

/// Writes a photo down. Its latest counts stand.
fn write_photo(
    db: &dyn Sql,
    session: i64,
    photo: &Photo,
    faces: usize,
    unknown: u32,
    now: Timestamp,
) -> Result<()> {
    db.execute(
        "INSERT INTO photos (session_key, sha256, photo_id, captured_at, received_at, faces, unknown)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (session_key, sha256) DO UPDATE SET photo_id = excluded.photo_id,
         captured_at = excluded.captured_at, received_at = excluded.received_at, faces = excluded.faces,
         unknown = excluded.unknown",
        values![session, photo.sha256, &photo.id, photo.captured_at, now, faces, unknown],
    )?;
    Ok(())
}

fn add(db: &dyn Sql, session: &Stored, seen: &mut Vec<Seen>, photo: &Photo, face: &FaceResult) -> Result<()> {
    let (person, score, certain) = match &face.decision {
        Decision::Match { person, score } => (person, *score, true),
        Decision::Unsure { person, score } => (person, *score, false),
        Decision::Unknown => return Ok(()),
    };
    let place = if let Some(place) = seen.iter().position(|known| known.person.person_id == person.person_id)
    {
        place
    } else {
        let key = people::key(db, &person.person_id)?;
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
        at: photo.captured_at,
        photo: PhotoRef { id: photo.id.clone(), sha256: photo.sha256, face_index: face.face_index },
    });
    row.refresh(session, true);
    Ok(())
}

/// Notes what changed for one person, and writes the messages that tell of it.
fn tell(
    db: &dyn Sql,
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
