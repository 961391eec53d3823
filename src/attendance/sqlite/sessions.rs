//! Sessions.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::rows::{Millis, instant, millis};
use super::{groups, ids};
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
    pub(super) fn has_member(&self, db: &Connection, person: i64) -> Result<bool> {
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

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let date: String = row.get(6)?;
    let late_after: Option<i64> = row.get(8)?;
    let closed: Option<Millis> = row.get(11)?;
    let state = match closed {
        Some(at) => {
            SessionState::Closed { at: at.0, by: row.get::<_, Option<String>>(12)?.unwrap_or_default() }
        }
        None => SessionState::Open,
    };
    let what = NewSession {
        title: row.get(3)?,
        group: row.get(4)?,
        zone: row.get(5)?,
        start: row.get::<_, Millis>(7)?.0,
        late_after_minutes: late_after.map(|millis| (millis / MILLIS_PER_MINUTE) as u32),
        end: instant(row.get(9)?),
    };
    let session = Session {
        id: row.get(2)?,
        date: date.parse().map_err(|_| rusqlite::types::FromSqlError::InvalidType)?,
        what,
        created_at: row.get::<_, Millis>(10)?.0,
        state,
        photos: row.get(13)?,
        unknown_faces: row.get(14)?,
        automatic: row.get(15)?,
    };
    Ok(Stored { key: row.get(0)?, group: row.get(1)?, session })
}

pub(super) fn get(db: &Connection, id: &str) -> Result<Stored> {
    let mut found = db.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions s WHERE s.id = ?1"))?;
    let found = found.query_row([id], stored).optional()?;
    found.ok_or_else(|| InputError::NotFound(format!("there is no session with the id {id:?}")).into())
}

pub(super) fn by_key(db: &Connection, key: i64) -> Result<Stored> {
    let mut found = db.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions s WHERE s.key = ?1"))?;
    Ok(found.query_row([key], stored)?)
}

pub(super) fn of_automatic_key(db: &Connection, key: &str) -> Result<Option<Session>> {
    let mut found =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions s WHERE s.automatic_key = ?1"))?;
    Ok(found.query_row([key], stored).optional()?.map(|found| found.session))
}

/// Which sessions a filter means; `?1` to `?5` are [`Conditions`].
const WHERE: &str = "(?1 IS NULL OR s.group_key = ?1) AND (?2 IS NULL OR s.local_date >= ?2)
    AND (?3 IS NULL OR s.local_date <= ?3) AND (?4 = 0 OR s.closed_at IS NULL)
    AND (?5 = 0 OR s.automatic_key IS NULL)";

/// A filter as values of [`WHERE`].
struct Conditions {
    group: Option<i64>,
    from: Option<String>,
    to: Option<String>,
    open_only: bool,
    by_hand_only: bool,
}

impl Conditions {
    fn new(db: &Connection, filter: &SessionFilter) -> Result<Self> {
        let date = |date: Option<jiff::civil::Date>| date.map(|date| date.to_string());
        Ok(Self {
            group: filter.group.as_deref().map(|name| groups::key(db, name)).transpose()?,
            from: date(filter.from),
            to: date(filter.to),
            open_only: filter.open_only,
            by_hand_only: filter.by_hand_only,
        })
    }

    fn values(&self) -> [&dyn ToSql; 5] {
        [&self.group, &self.from, &self.to, &self.open_only, &self.by_hand_only]
    }
}

pub(super) fn list(db: &Connection, filter: &SessionFilter, page: Page) -> Result<SessionPage> {
    let conditions = Conditions::new(db, filter)?;
    let mut rows = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions s WHERE {WHERE} ORDER BY s.start_at DESC, s.key DESC LIMIT ?6 OFFSET ?7"
    ))?;
    let mut values = conditions.values().to_vec();
    values.extend([&page.limit as &dyn ToSql, &page.offset]);
    let rows = rows.query_map(&*values, |row| Ok(stored(row)?.session))?;
    let sessions = rows.collect::<Result<_, _>>()?;
    let mut total = db.prepare_cached(&format!("SELECT count(*) FROM sessions s WHERE {WHERE}"))?;
    let total = total.query_row(&conditions.values()[..], |row| row.get(0))?;
    Ok(SessionPage { sessions, total })
}

/// The sessions of a filter, earliest start first.
pub(super) fn select(db: &Connection, filter: &SessionFilter) -> Result<Vec<Stored>> {
    let conditions = Conditions::new(db, filter)?;
    let mut rows = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions s WHERE {WHERE} ORDER BY s.start_at, s.key"
    ))?;
    let rows = rows.query_map(&conditions.values()[..], stored)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How far back sessions without an end are looked for: each lasts until the end of its day.
const ENDLESS: SignedDuration = SignedDuration::from_hours(2 * 24);

pub(super) fn open_around(db: &Connection, at: Timestamp) -> Result<Vec<Session>> {
    let before = at.checked_sub(ENDLESS).unwrap_or(Timestamp::MIN);
    let latest = at.checked_add(EARLY).unwrap_or(Timestamp::MAX);
    let mut rows = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM sessions s WHERE s.closed_at IS NULL AND s.automatic_key IS NULL
         AND s.start_at <= ?1 AND iif(s.end_at IS NULL, s.start_at >= ?2, s.end_at >= ?3)
         ORDER BY s.start_at DESC, s.key DESC"
    ))?;
    let rows =
        rows.query_map([Millis(latest), Millis(before), Millis(at)], |row| Ok(stored(row)?.session))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn automatic_over(db: &Connection, before: Timestamp) -> Result<Vec<String>> {
    let mut rows = db.prepare_cached(
        "SELECT id FROM sessions WHERE closed_at IS NULL AND automatic_key IS NOT NULL AND end_at < ?1
         ORDER BY start_at",
    )?;
    Ok(rows.query_map([Millis(before)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

pub(super) fn create(
    db: &Connection,
    new: &NewSession,
    automatic_key: Option<&str>,
    now: Timestamp,
) -> Result<Session> {
    new.check()?;
    let id = ids::new_id();
    let group = new.group.as_deref().map(|name| groups::key(db, name)).transpose()?;
    db.prepare_cached(
        "INSERT INTO sessions (id, title, group_key, group_name, zone, local_date, start_at, late_after_ms,
         end_at, created_at, automatic_key) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        id,
        new.title,
        group,
        new.group,
        new.zone,
        time::civil(new.start, &new.zone).date().to_string(),
        Millis(new.start),
        late_after_ms(new),
        millis(new.end),
        Millis(now),
        automatic_key,
    ])?;
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

pub(super) fn delete(db: &Connection, id: &str) -> Result<()> {
    let found = get(db, id)?;
    db.execute("DELETE FROM sessions WHERE key = ?1", [found.key])?;
    Ok(())
}
