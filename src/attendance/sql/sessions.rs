//! Sessions.

use jiff::{SignedDuration, Timestamp};

use super::value::{Row, Value, fault, values};
use super::{Sql, groups, ids};
use crate::attendance::model::{EARLY, NewSession, Page, Session, SessionFilter, SessionPage, SessionState};
use crate::attendance::time;
use crate::error::{InputError, Result};

const MILLIS_PER_MINUTE: i64 = 60_000;

/// A session and its row.
pub(super) struct Stored {
    pub(super) key: i64,
    pub(super) group: Option<i64>,
    pub(super) session: Session,
}

impl Stored {
    /// The last instant at which one is not late.
    pub(super) fn late_from(&self) -> Option<Timestamp> {
        let minutes = self.session.what.late_after_minutes?;
        let after = SignedDuration::from_mins(i64::from(minutes));
        self.session.what.start.checked_add(after).ok()
    }

    /// Whether the session is everybody's.
    pub(super) fn is_for_all(&self) -> bool {
        self.session.what.group.is_none()
    }

    /// Whether the person belongs to the session's group today.
    pub(super) fn has_member(&self, db: &dyn Sql, person: i64) -> Result<bool> {
        match self.group {
            Some(group) => groups::is_member(db, group, person),
            None => Ok(self.is_for_all()),
        }
    }
}

const COLUMNS: &str = "s.key, s.group_key, s.id, s.title, s.group_name, s.zone, s.local_date, s.start_at,
    s.late_after_ms, s.end_at, s.created_at, s.closed_at, s.closed_by,
    (SELECT count(*) FROM photos f WHERE f.session_key = s.key),
    (SELECT coalesce(sum(f.unknown), 0) FROM photos f WHERE f.session_key = s.key), s.automatic_key IS NOT NULL";

fn stored(row: &Row) -> Result<Stored> {
    let date: String = row.get(6)?;
    let late_after: Option<i64> = row.get(8)?;
    let closed: Option<Timestamp> = row.get(11)?;
    let state = match closed {
        Some(at) => SessionState::Closed { at, by: row.get::<Option<String>>(12)?.unwrap_or_default() },
        None => SessionState::Open,
    };
    let what = NewSession {
        title: row.get(3)?,
        group: row.get(4)?,
        zone: row.get(5)?,
        start: row.get(7)?,
        late_after_minutes: late_after.map(|millis| (millis / MILLIS_PER_MINUTE) as u32),
        end: row.get(9)?,
    };
    let session = Session {
        id: row.get(2)?,
        date: date.parse().map_err(fault)?,
        what,
        created_at: row.get(10)?,
        state,
        photos: row.get(13)?,
        unknown_faces: row.get(14)?,
        automatic: row.get(15)?,
    };
    Ok(Stored { key: row.get(0)?, group: row.get(1)?, session })
}

pub(super) fn get(db: &dyn Sql, id: &str) -> Result<Stored> {
    let found = db.row(&format!("SELECT {COLUMNS} FROM sessions s WHERE s.id = ?1"), values![id], stored)?;
    found.ok_or_else(|| InputError::NotFound(format!("there is no session with the id {id:?}")).into())
}

pub(super) fn by_key(db: &dyn Sql, key: i64) -> Result<Stored> {
    let found =
        db.row(&format!("SELECT {COLUMNS} FROM sessions s WHERE s.key = ?1"), values![key], stored)?;
    found.ok_or_else(|| fault("a session is missing"))
}

pub(super) fn of_automatic_key(db: &dyn Sql, key: &str) -> Result<Option<Session>> {
    let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE s.automatic_key = ?1");
    db.row(&sql, values![key], |row| Ok(stored(row)?.session))
}

/// Which sessions a filter means; `?1` to `?5` are [`conditions`].
const WHERE: &str = "(CAST(?1 AS BIGINT) IS NULL OR s.group_key = ?1)
    AND (CAST(?2 AS TEXT) IS NULL OR s.local_date >= ?2) AND (CAST(?3 AS TEXT) IS NULL OR s.local_date <= ?3)
    AND (NOT CAST(?4 AS BOOLEAN) OR s.closed_at IS NULL) AND (NOT CAST(?5 AS BOOLEAN) OR s.automatic_key IS NULL)";

/// A filter as values of [`WHERE`].
fn conditions(db: &dyn Sql, filter: &SessionFilter) -> Result<Vec<Value>> {
    let date = |date: Option<jiff::civil::Date>| date.map(|date| date.to_string());
    let group = filter.group.as_deref().map(|name| groups::key(db, name)).transpose()?;
    let (from, to) = (date(filter.from), date(filter.to));
    Ok(values![group, from, to, filter.open_only, filter.by_hand_only].to_vec())
}

pub(super) fn list(db: &dyn Sql, filter: &SessionFilter, page: Page) -> Result<SessionPage> {
    let mut conditions = conditions(db, filter)?;
    let total = db.cell(&format!("SELECT count(*) FROM sessions s WHERE {WHERE}"), &conditions)?;
    conditions.extend([Value::from(page.limit), Value::from(page.offset)]);
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s WHERE {WHERE} ORDER BY s.start_at DESC, s.key DESC LIMIT ?6 OFFSET ?7"
    );
    let sessions = db.rows(&sql, &conditions, |row| Ok(stored(row)?.session))?;
    Ok(SessionPage { sessions, total: total.unwrap_or_default() })
}

/// The sessions of a filter, earliest start first.
pub(super) fn select(db: &dyn Sql, filter: &SessionFilter) -> Result<Vec<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM sessions s WHERE {WHERE} ORDER BY s.start_at, s.key");
    db.rows(&sql, &conditions(db, filter)?, stored)
}

/// How far back sessions without an end are looked for: each lasts until the end of its day.
const ENDLESS: SignedDuration = SignedDuration::from_hours(2 * 24);

pub(super) fn open_around(db: &dyn Sql, at: Timestamp) -> Result<Vec<Session>> {
    let before = at.checked_sub(ENDLESS).unwrap_or(Timestamp::MIN);
    let latest = at.checked_add(EARLY).unwrap_or(Timestamp::MAX);
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.closed_at IS NULL AND s.automatic_key IS NULL AND s.start_at <= ?1
         AND CASE WHEN s.end_at IS NULL THEN s.start_at >= ?2 ELSE s.end_at >= ?3 END
         ORDER BY s.start_at DESC, s.key DESC"
    );
    db.rows(&sql, values![latest, before, at], |row| Ok(stored(row)?.session))
}

pub(super) fn automatic_over(db: &dyn Sql, before: Timestamp) -> Result<Vec<String>> {
    db.column(
        "SELECT id FROM sessions WHERE closed_at IS NULL AND automatic_key IS NOT NULL AND end_at < ?1
         ORDER BY start_at",
        values![before],
    )
}

pub(super) fn create(
    db: &dyn Sql,
    new: &NewSession,
    automatic_key: Option<&str>,
    now: Timestamp,
) -> Result<Session> {
    new.check()?;
    let id = ids::new_id();
    let group = new.group.as_deref().map(|name| groups::key(db, name)).transpose()?;
    let date = time::civil(new.start, &new.zone).date().to_string();
    db.execute(
        "INSERT INTO sessions (id, title, group_key, group_name, zone, local_date, start_at, late_after_ms,
         end_at, created_at, automatic_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        values![
            &id,
            &new.title,
            group,
            new.group.as_ref(),
            &new.zone,
            date,
            new.start,
            late_after_ms(new),
            new.end,
            now,
            automatic_key,
        ],
    )?;
    Ok(get(db, &id)?.session)
}

pub(super) fn late_after_ms(what: &NewSession) -> Option<i64> {
    what.late_after_minutes.map(|minutes| i64::from(minutes) * MILLIS_PER_MINUTE)
}

/// # Errors
/// [`InputError::Conflict`] for a closed session; `otherwise` says what can't be done with it.
pub(super) fn expect_open(session: &Session, otherwise: &str) -> Result<()> {
    match &session.state {
        SessionState::Open => Ok(()),
        SessionState::Closed { at, .. } => {
            Err(InputError::Conflict(format!("the session was closed at {at}: {otherwise}")).into())
        }
    }
}

pub(super) fn delete(db: &dyn Sql, id: &str) -> Result<()> {
    let found = get(db, id)?;
    db.execute("DELETE FROM sessions WHERE key = ?1", values![found.key])?;
    Ok(())
}
