//! Entries: reading and writing their rows, the list of a session, closing.

use jiff::Timestamp;

use super::outbox::{self, NewMessage};
use super::sessions::{self, Stored};
use super::value::{Row, values};
use super::{Sql, people};
use crate::attendance::events;
use crate::attendance::marking::{self, Evidence, Sighting};
use crate::attendance::model::{Entry, HandMark, Person, PhotoRef, Session};
use crate::attendance::outbox::{Channels, Event};
use crate::attendance::status::{Counts, Status};
use crate::attendance::{check, model::SessionState};
use crate::error::Result;

/// What the row of an entry holds.
#[derive(Debug, Clone)]
pub(super) struct EntryRow {
    /// What follows from the photos alone.
    pub(super) camera_status: Status,
    pub(super) member: bool,
    pub(super) evidence: Evidence,
    pub(super) hand: Option<HandMark>,
}

impl EntryRow {
    /// What counts.
    pub(super) fn status(&self) -> Status {
        self.hand.as_ref().map_or(self.camera_status, |hand| hand.status)
    }

    /// Whether neither a photo nor a hand says anything: of somebody who left, such an entry is none.
    fn is_silent(&self) -> bool {
        self.evidence.seen.is_none() && self.evidence.unsure.is_none() && self.hand.is_none()
    }

    /// Lets the status follow the evidence.
    pub(super) fn refresh(&mut self, session: &Stored, enrolled: bool) {
        self.camera_status = marking::status(&self.evidence, None, enrolled, session.late_from());
    }
}

/// Columns of [`row`], of a table named `e`.
pub(super) const COLUMNS: &str = "e.camera_status, e.member, e.first_seen, e.last_seen, e.unsure_first,
    e.unsure_last, e.best_certain, e.best_score, e.best_at, e.best_photo, e.best_sha256, e.best_face,
    e.hand_status, e.hand_by, e.hand_at, e.hand_note";

/// An entry from [`COLUMNS`], the first of which is column `at`.
pub(super) fn row(row: &Row, at: usize) -> Result<EntryRow> {
    let times = |first: usize| -> Result<Option<(Timestamp, Timestamp)>> {
        let (first, last): (Option<_>, Option<_>) = (row.get(at + first)?, row.get(at + first + 1)?);
        Ok(first.zip(last))
    };
    let best = match row.get::<Option<bool>>(at + 6)? {
        None => None,
        Some(certain) => Some(Sighting {
            certain,
            score: row.get::<f64>(at + 7)? as f32,
            at: row.get(at + 8)?,
            photo: PhotoRef {
                id: row.get(at + 9)?,
                sha256: row.get(at + 10)?,
                face_index: row.get(at + 11)?,
            },
        }),
    };
    let hand = match row.get::<Option<Status>>(at + 12)? {
        None => None,
        Some(status) => {
            Some(HandMark { status, by: row.get(at + 13)?, at: row.get(at + 14)?, note: row.get(at + 15)? })
        }
    };
    Ok(EntryRow {
        camera_status: row.get(at)?,
        member: row.get(at + 1)?,
        evidence: Evidence { seen: times(2)?, unsure: times(4)?, best },
        hand,
    })
}

pub(super) fn load(db: &dyn Sql, session: i64, person: i64) -> Result<Option<EntryRow>> {
    let sql = format!("SELECT {COLUMNS} FROM entries e WHERE e.session_key = ?1 AND e.person_key = ?2");
    db.row(&sql, values![session, person], |found| row(found, 0))
}

pub(super) fn save(db: &dyn Sql, session: i64, person: i64, entry: &EntryRow) -> Result<()> {
    let best = entry.evidence.best.as_ref();
    let hand = entry.hand.as_ref();
    let (seen, unsure) = (entry.evidence.seen, entry.evidence.unsure);
    db.execute(
        "INSERT INTO entries (session_key, person_key, status, camera_status, member, first_seen,
         last_seen, unsure_first, unsure_last, best_certain, best_score, best_at, best_photo, best_sha256,
         best_face, hand_status, hand_by, hand_at, hand_note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
         ON CONFLICT (session_key, person_key) DO UPDATE SET status = excluded.status,
         camera_status = excluded.camera_status, member = excluded.member, first_seen = excluded.first_seen,
         last_seen = excluded.last_seen, unsure_first = excluded.unsure_first, unsure_last = excluded.unsure_last,
         best_certain = excluded.best_certain, best_score = excluded.best_score, best_at = excluded.best_at,
         best_photo = excluded.best_photo, best_sha256 = excluded.best_sha256, best_face = excluded.best_face,
         hand_status = excluded.hand_status, hand_by = excluded.hand_by, hand_at = excluded.hand_at,
         hand_note = excluded.hand_note",
        values![
            session,
            person,
            entry.status(),
            entry.camera_status,
            entry.member,
            seen.map(|seen| seen.0),
            seen.map(|seen| seen.1),
            unsure.map(|unsure| unsure.0),
            unsure.map(|unsure| unsure.1),
            best.map(|best| best.certain),
            best.map(|best| f64::from(best.score)),
            best.map(|best| best.at),
            best.map(|best| &best.photo.id),
            best.map(|best| best.photo.sha256),
            best.map(|best| best.photo.face_index),
            hand.map(|hand| hand.status),
            hand.map(|hand| &hand.by),
            hand.map(|hand| hand.at),
            hand.and_then(|hand| hand.note.as_ref()),
        ],
    )?;
    Ok(())
}

/// An entry as the outside sees it.
pub(super) fn entry(person: Person, found: EntryRow) -> Entry {
    let status = found.status();
    let EntryRow { member, evidence, hand, .. } = found;
    Entry {
        person,
        status,
        member,
        first_seen: evidence.seen.map(|seen| seen.0),
        last_seen: evidence.seen.map(|seen| seen.1),
        score: evidence.best.as_ref().map(|best| best.score),
        photo: evidence.best.map(|best| best.photo),
        hand,
    }
}

/// Who belongs to a session's group today: `?2` is whether it is everybody's, `?3` its group. Of a
/// table of people named `p`.
const IS_MEMBER: &str = "(p.listed AND (CAST(?2 AS BOOLEAN) OR EXISTS
    (SELECT 1 FROM members m WHERE m.group_key = ?3 AND m.person_key = p.key)))";

/// The status of a member without an entry: `?4`, or `?5` of whoever is not enrolled.
const UNSEEN: &str = "CASE WHEN p.enrolled THEN CAST(?4 AS INTEGER) ELSE CAST(?5 AS INTEGER) END";

pub(super) fn list(db: &dyn Sql, session: &Stored) -> Result<Vec<Entry>> {
    let sql = format!(
        "SELECT {}, e.session_key IS NOT NULL, {IS_MEMBER}, {COLUMNS} FROM people p
         LEFT JOIN entries e ON e.person_key = p.key AND e.session_key = ?1
         WHERE e.session_key IS NOT NULL OR (CAST(?4 AS BOOLEAN) AND {IS_MEMBER})
         ORDER BY p.name, p.key",
        people::COLUMNS
    );
    let is_open = session.session.is_open();
    let values = values![session.key, session.is_for_all(), session.group, is_open];
    let rows = db.rows(&sql, values, |found| {
        let person = people::person(found, 0)?;
        let (exists, member) = (found.get(4)?, found.get(5)?);
        let entry = if exists { Some(row(found, 6)?) } else { None };
        Ok((person, entry, member))
    })?;
    let live = |(person, stored, member): (Person, Option<EntryRow>, bool)| {
        let mut found = stored.unwrap_or_else(|| new(member));
        if is_open {
            found.member = member;
            found.refresh(session, person.enrolled);
        }
        let has_left = is_open && !member && found.is_silent();
        (!has_left).then(|| entry(person, found))
    };
    Ok(rows.into_iter().filter_map(live).collect())
}

/// An entry without anything seen or said.
pub(super) fn new(member: bool) -> EntryRow {
    EntryRow { camera_status: Status::NotEnrolled, member, evidence: Evidence::default(), hand: None }
}

/// Lets all stored statuses of an open session follow its start, its group and who is enrolled. Of whoever left, an entry
/// that says nothing is deleted.
pub(super) fn refresh(db: &dyn Sql, session: &Stored) -> Result<()> {
    let sql = format!(
        "SELECT p.key, p.enrolled, {IS_MEMBER}, {COLUMNS} FROM entries e
         JOIN people p ON p.key = e.person_key WHERE e.session_key = ?1"
    );
    let rows = db.rows(&sql, values![session.key, session.is_for_all(), session.group], |found| {
        Ok((found.get::<i64>(0)?, found.get(1)?, found.get(2)?, row(found, 3)?))
    })?;
    for (person, enrolled, member, mut found) in rows {
        found.member = member;
        found.refresh(session, enrolled);
        if member || !found.is_silent() {
            save(db, session.key, person, &found)?;
        } else {
            let sql = "DELETE FROM entries WHERE session_key = ?1 AND person_key = ?2";
            db.execute(sql, values![session.key, person])?;
        }
    }
    Ok(())
}

pub(super) fn close(db: &dyn Sql, channels: Channels, id: &str, by: &str, now: Timestamp) -> Result<Session> {
    check::text("by", by)?;
    let found = sessions::get(db, id)?;
    if let SessionState::Closed { .. } = found.session.state {
        return Ok(found.session);
    }
    refresh(db, &found)?;
    let unseen = format!(
        "INSERT INTO entries (session_key, person_key, status, camera_status, member)
         SELECT CAST(?1 AS BIGINT), p.key, {UNSEEN}, {UNSEEN}, TRUE FROM people p WHERE {IS_MEMBER}
         AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.session_key = ?1 AND e.person_key = p.key)"
    );
    let (for_all, group) = (found.is_for_all(), found.group);
    db.execute(&unseen, values![found.key, for_all, group, Status::Absent, Status::NotEnrolled])?;
    let sql = "UPDATE sessions SET closed_at = ?2, closed_by = ?3 WHERE key = ?1";
    db.execute(sql, values![found.key, now, by])?;
    let closed = sessions::get(db, id)?.session;
    let body = events::closed(&closed, by, &counts(db, found.key)?, now);
    outbox::write(db, channels, &NewMessage::of_session(Event::Closed, &closed, body), now)?;
    Ok(closed)
}

/// The statuses of a closed session's members.
fn counts(db: &dyn Sql, session: i64) -> Result<Counts> {
    let mut counts = Counts::default();
    let sql = "SELECT status FROM entries WHERE session_key = ?1 AND member";
    for status in db.column(sql, values![session])? {
        counts.add(status);
    }
    Ok(counts)
}
