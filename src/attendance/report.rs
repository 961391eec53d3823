//! People by sessions.

use jiff::civil::Date;

use super::model::{Person, Session};
use super::status::{Counts, Status};

/// What a report covers. Dates are those of the sessions' own time zones, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportQuery {
    /// Sessions of this group; `None` is every session.
    pub group: Option<String>,
    /// Not before this date.
    pub from: Option<Date>,
    /// Not after this date.
    pub to: Option<Date>,
}

/// The closed sessions of a query and who was in them. Open sessions are left out, for nobody is
/// absent from them yet, and so are visitors.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Columns, earliest start first.
    pub sessions: Vec<Session>,
    /// Rows, in order of names.
    pub people: Vec<ReportRow>,
    /// Over all people.
    pub total: Counts,
}

/// One person of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportRow {
    /// Who.
    pub person: Person,
    /// One status per session; `None` where the person was not on the list.
    pub statuses: Vec<Option<Status>>,
    /// Over all sessions of the report.
    pub counts: Counts,
}
