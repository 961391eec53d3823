//! Lists and reports as tables, for CSV and for workbooks.

mod csv;
mod tables;
mod xlsx;

use std::borrow::Cow;

use jiff::civil::{Date, DateTime};

pub use csv::write_csv;
pub use tables::{history_table, report_table, session_table};
pub use xlsx::xlsx;

/// A table whose rows are made as they are written: a report may have millions of cells.
pub struct Table<'a> {
    /// Name of the sheet.
    pub title: String,
    /// Headings, one for each column.
    pub header: Vec<Cow<'a, str>>,
    /// Columns on the left that stay in sight.
    pub fixed_columns: u16,
    /// Rows, each as long as the header.
    pub rows: Box<dyn ExactSizeIterator<Item = Vec<Cell<'a>>> + 'a>,
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text, which never becomes a formula.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A share, from 0 to 1; a workbook shows percent.
    Share(f64),
    /// A date.
    Date(Date),
    /// A civil time, in the time zone of its session.
    Time(DateTime),
}

impl<'a> Cell<'a> {
    /// Text.
    fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// What `value` becomes, or nothing.
    fn or_empty<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }
}
