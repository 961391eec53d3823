//! People by sessions: one pass over the index `entries_for_reports`.

use std::collections::HashMap;

use super::value::values;
use super::{Sql, people, sessions};
use crate::attendance::model::SessionFilter;
use crate::attendance::report::{Report, ReportQuery, ReportRow};
use crate::attendance::status::{Counts, Status};
use crate::error::Result;

pub(super) fn report(db: &dyn Sql, query: &ReportQuery) -> Result<Report> {
    let (group, from, to) = (query.group.clone(), query.from, query.to);
    let filter = SessionFilter { group, from, to, ..SessionFilter::default() };
    let mut sessions = sessions::select(db, &filter)?;
    sessions.retain(|found| !found.session.is_open());
    // Of one session, entries come in the order of people: the map is looked up once for each cell.
    let mut cells: HashMap<i64, Vec<Option<Status>>> = HashMap::new();
    let entries = "SELECT person_key, status FROM entries WHERE session_key = ?1 AND member";
    for (column, session) in sessions.iter().enumerate() {
        db.each(entries, values![session.key], &mut |row| {
            let statuses = cells.entry(row.get(0)?).or_insert_with(|| vec![None; sessions.len()]);
            statuses[column] = Some(row.get(1)?);
            Ok(())
        })?;
    }
    let mut total = Counts::default();
    let people = rows(db, cells, &mut total)?;
    Ok(Report { sessions: sessions.into_iter().map(|found| found.session).collect(), people, total })
}

fn rows(
    db: &dyn Sql,
    mut cells: HashMap<i64, Vec<Option<Status>>>,
    total: &mut Counts,
) -> Result<Vec<ReportRow>> {
    let mut people = Vec::with_capacity(cells.len());
    let all = format!("SELECT p.key, {} FROM people p ORDER BY p.name, p.key", people::COLUMNS);
    db.each(&all, values![], &mut |row| {
        let Some(statuses) = cells.remove(&row.get(0)?) else { return Ok(()) };
        let mut counts = Counts::default();
        for status in statuses.iter().copied().flatten() {
            counts.add(status);
            total.add(status);
        }
        people.push(ReportRow { person: people::person(row, 1)?, statuses, counts });
        Ok(())
    })?;
    Ok(people)
}
