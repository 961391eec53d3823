//! The tables' columns.

use std::borrow::Cow;

use jiff::Timestamp;

use super::{Cell, Table};
use crate::attendance::model::{Entry, HistoryItem, Person, Session};
use crate::attendance::report::{Report, ReportRow};
use crate::attendance::status::Status;
use crate::attendance::time;
use crate::student_id::StudentId;

/// The columns of [`details`].
const DETAILS: [&str; 9] = [
    "Status",
    "First seen",
    "Last seen",
    "Similarity",
    "Visitor",
    "Set by",
    "Corrected by",
    "Corrected at",
    "Note",
];

/// The list of one session.
#[must_use]
pub fn session_table<'a>(session: &'a Session, entries: &'a [Entry]) -> Table<'a> {
    let row = |entry: &'a Entry| {
        let mut row = vec![name(&entry.person), id(&entry.person)];
        row.extend(details(entry, &session.what.zone));
        row
    };
    Table {
        title: session.what.title.clone(),
        header: header(&["Name", "ID"]),
        fixed_columns: 1,
        rows: Box::new(entries.iter().map(row)),
    }
}

/// The sessions of one person.
#[must_use]
pub fn history_table<'a>(person: &Person, history: &'a [HistoryItem]) -> Table<'a> {
    let row = |item: &'a HistoryItem| {
        let what = &item.session.what;
        let mut row = vec![
            Cell::Date(item.session.date),
            Cell::text(&what.title),
            Cell::or_empty(what.group.as_deref(), Cell::text),
        ];
        row.extend(details(&item.entry, &what.zone));
        row
    };
    Table {
        title: person.name.clone(),
        header: header(&["Date", "Session", "Group"]),
        fixed_columns: 1,
        rows: Box::new(history.iter().map(row)),
    }
}

/// People by sessions, with counts and shares.
#[must_use]
pub fn report_table(report: &Report) -> Table<'_> {
    let heading = |session: &Session| {
        let start = time::civil(session.what.start, &session.what.zone);
        Cow::from(format!("{} {}", start.strftime("%Y-%m-%d %H:%M"), session.what.title))
    };
    let mut header: Vec<Cow<'_, str>> = vec!["Name".into(), "ID".into()];
    header.extend(report.sessions.iter().map(heading));
    header.extend(Status::ALL.map(|status| Cow::from(label(status))));
    header.push("Attended".into());
    let shares = Status::ALL.iter().filter(|status| **status != Status::NotEnrolled);
    header.extend(shares.map(|status| Cow::from(format!("{} %", label(*status)))));
    header.push("Attended %".into());
    Table {
        title: "Attendance".to_owned(),
        header,
        fixed_columns: 1,
        rows: Box::new(report.people.iter().map(report_row)),
    }
}

fn report_row(row: &ReportRow) -> Vec<Cell<'_>> {
    let counts = &row.counts;
    let mut cells = vec![name(&row.person), id(&row.person)];
    cells.extend(
        row.statuses.iter().map(|status| Cell::or_empty(*status, |status| Cell::text(status.as_str()))),
    );
    cells.extend(Status::ALL.map(|status| Cell::Integer(counts.of(status).into())));
    let attended = counts.of(Status::Present) + counts.of(Status::Late);
    cells.push(Cell::Integer(attended.into()));
    let shares = Status::ALL.iter().filter(|status| **status != Status::NotEnrolled);
    cells.extend(shares.map(|status| Cell::or_empty(counts.share(*status), Cell::Share)));
    cells.push(Cell::or_empty(counts.attended_share(), Cell::Share));
    cells
}

fn label(status: Status) -> &'static str {
    match status {
        Status::Present => "Present",
        Status::Late => "Late",
        Status::Absent => "Absent",
        Status::Excused => "Excused",
        Status::Unsure => "Unsure",
        Status::NotEnrolled => "Not enrolled",
    }
}

fn name(person: &Person) -> Cell<'_> {
    Cell::text(&person.name)
}

fn id(person: &Person) -> Cell<'_> {
    match &person.student_id {
        None => Cell::Empty,
        Some(StudentId::Integer(number)) => Cell::Integer(*number),
        Some(StudentId::Number(number)) => Cell::Number(*number),
        Some(StudentId::Text(text)) => Cell::text(text),
    }
}

/// The columns of a table of entries, which begins with `first`.
fn header(first: &[&'static str]) -> Vec<Cow<'static, str>> {
    first.iter().chain(&DETAILS).map(|column| Cow::from(*column)).collect()
}

/// From the status on, times in the zone `zone`.
fn details<'a>(entry: &'a Entry, zone: &str) -> [Cell<'a>; 9] {
    let at = |instant: Option<Timestamp>| {
        Cell::or_empty(instant, |instant| Cell::Time(time::civil(instant, zone)))
    };
    let hand = entry.hand.as_ref();
    let set_by = if hand.is_some() { "hand" } else { "camera" };
    [
        Cell::text(entry.status.as_str()),
        at(entry.first_seen),
        at(entry.last_seen),
        Cell::or_empty(entry.score, |score| Cell::Number((f64::from(score) * 1e4).round() / 1e4)),
        if entry.member { Cell::Empty } else { Cell::text("yes") },
        if hand.is_some() || entry.photo.is_some() { Cell::text(set_by) } else { Cell::Empty },
        Cell::or_empty(hand.map(|hand| hand.by.as_str()), Cell::text),
        at(hand.map(|hand| hand.at)),
        Cell::or_empty(hand.and_then(|hand| hand.note.as_deref()), Cell::text),
    ]
}
