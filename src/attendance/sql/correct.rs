//! Changes by hand.

use jiff::Timestamp;

use super::outbox::{self, NewMessage};
use super::value::{fault, values};
use super::{Sql, entries, people, sessions};
use crate::attendance::model::{Change, Correction, CorrectionRecord, Entry, HandMark, Person, PersonRef};
use crate::attendance::outbox::{Channels, Event};
use crate::attendance::status::Status;
use crate::attendance::{check as limits, events};
use crate::error::{InputError, Result};

/// # Errors
/// [`InputError::Invalid`] for a status that is not set by hand, or a bad name or note.
pub(super) fn check(correction: &Correction) -> Result<()> {
    limits::text("by", &correction.by)?;
    if let Some(note) = &correction.note {
        limits::text("note", note)?;
    }
    match correction.status {
        Some(status) if !Status::BY_HAND.contains(&status) => {
            let expected = Status::BY_HAND.map(Status::as_str).join(", ");
            let message = format!("status: expected one of {expected} by hand, found {}", status.as_str());
            Err(InputError::Invalid(message).into())
        }
        _ => Ok(()),
    }
}

pub(super) fn correct(
    db: &dyn Sql,
    channels: Channels,
    session_id: &str,
    person_id: &str,
    correction: &Correction,
    now: Timestamp,
) -> Result<Entry> {
    let session = sessions::get(db, session_id)?;
    let key = people::key(db, person_id)?;
    let person = person(db, key)?;
    let stored = entries::load(db, session.key, key)?;
    let before = stored.as_ref().map(entries::EntryRow::status);
    let mut row = match stored {
        Some(row) => row,
        None => entries::new(session.has_member(db, key)?),
    };
    // Of a closed session, what follows from the photos is frozen; a person added later has no such status.
    if session.session.is_open() || before.is_none() {
        row.refresh(&session, person.enrolled);
    }
    let hand = correction.status.map(|status| HandMark {
        status,
        by: correction.by.clone(),
        at: now,
        note: correction.note.clone(),
    });
    if !says_the_same(row.hand.as_ref(), hand.as_ref()) {
        row.hand = hand;
        entries::save(db, session.key, key, &row)?;
        let to = row.status();
        let after_close = !session.session.is_open();
        record(db, (session.key, key), (before, to), correction, now, after_close)?;
        let student = person.clone();
        let student =
            PersonRef { person_id: student.person_id, name: student.name, student_id: student.student_id };
        let change = Change { person: student, from: before, to };
        let note = correction.note.as_deref();
        let body = events::corrected(&session.session, &change, &correction.by, note, now);
        outbox::write(db, channels, &NewMessage::of_person(Event::Corrected, key, body), now)?;
    }
    Ok(entries::entry(person, row))
}

/// Whether a repeated request would change nothing but the time.
fn says_the_same(stored: Option<&HandMark>, new: Option<&HandMark>) -> bool {
    let said = |hand: Option<&HandMark>| hand.map(|hand| (hand.status, hand.by.clone(), hand.note.clone()));
    said(stored) == said(new)
}

fn person(db: &dyn Sql, key: i64) -> Result<Person> {
    let sql = format!("SELECT {} FROM people p WHERE p.key = ?1", people::COLUMNS);
    db.row(&sql, values![key], |row| people::person(row, 0))?.ok_or_else(|| fault("a person is missing"))
}

fn record(
    db: &dyn Sql,
    (session, person): (i64, i64),
    (from, to): (Option<Status>, Status),
    correction: &Correction,
    now: Timestamp,
    after_close: bool,
) -> Result<()> {
    let (by, note) = (&correction.by, correction.note.as_ref());
    db.execute(
        "INSERT INTO corrections (session_key, person_key, from_status, to_status, by_whom, at, note, after_close)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![session, person, from, to, by, now, note, after_close],
    )?;
    Ok(())
}

pub(super) fn list(db: &dyn Sql, session_id: &str) -> Result<Vec<CorrectionRecord>> {
    let session = sessions::get(db, session_id)?;
    db.rows(
        "SELECT p.person_id, c.from_status, c.to_status, c.by_whom, c.at, c.note, c.after_close
         FROM corrections c JOIN people p ON p.key = c.person_key WHERE c.session_key = ?1 ORDER BY c.key",
        values![session.key],
        |row| {
            Ok(CorrectionRecord {
                person_id: row.get(0)?,
                from: row.get(1)?,
                to: row.get(2)?,
                by: row.get(3)?,
                at: row.get(4)?,
                note: row.get(5)?,
                after_close: row.get(6)?,
            })
        },
    )
}
