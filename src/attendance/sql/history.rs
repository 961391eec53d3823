//! One person's sessions.

use super::value::values;
use super::{Sql, entries, people, sessions};
use crate::attendance::model::HistoryItem;
use crate::error::Result;

pub(super) fn of_person(db: &dyn Sql, person_id: &str) -> Result<Vec<HistoryItem>> {
    let key = people::key(db, person_id)?;
    let sql = format!(
        "SELECT s.key, {}, {} FROM entries e JOIN people p ON p.key = e.person_key
         JOIN sessions s ON s.key = e.session_key WHERE e.person_key = ?1
         ORDER BY s.start_at DESC, s.key DESC",
        people::COLUMNS,
        entries::COLUMNS
    );
    let rows =
        db.rows(&sql, values![key], |row| Ok((row.get(0)?, people::person(row, 1)?, entries::row(row, 5)?)))?;
    let item = |(session, person, row)| -> Result<HistoryItem> {
        Ok(HistoryItem {
            session: sessions::by_key(db, session)?.session,
            entry: entries::entry(person, row),
        })
    };
    rows.into_iter().map(item).collect()
}
