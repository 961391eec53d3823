//! The roster: an .xlsx workbook that maps names to IDs. `archive.rs` checks the file, `xlsx.rs` reads its
//! rows.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;

use crate::atomic_file;
use crate::error::{DataError, Operation, Result};
use crate::person_name::PersonName;
use crate::reloadable::{FileSource, Reloadable};
use crate::student_id::StudentId;

mod archive;
mod groups;
mod until;
mod xlsx;

pub use xlsx::RosterRow;

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "roster.xlsx";

/// How a [`Reloadable`] roster is read; the file is optional.
pub const ROSTER: FileSource<Roster> =
    FileSource { what: "roster", read: Roster::read_file, without_file: Some(Roster::default) };

/// How many warnings a roster keeps; the rest is only counted.
const MAX_WARNINGS: usize = 50;

/// Name to ID, as read from an .xlsx workbook.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roster {
    rows: Vec<RosterRow>,
    /// Name to index into `rows`.
    by_name: HashMap<PersonName, usize>,
    /// Key of a name to the index of the last row that has it.
    by_key: HashMap<String, usize>,
    warnings: Vec<String>,
}

impl Roster {
    /// Reads a workbook from its bytes: the first sheet that is not empty, the columns `Name` and
    /// `ID` found by their headers in any column.
    ///
    /// # Errors
    /// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) when it is no workbook, too large, or lacks a column.
    pub fn from_xlsx(bytes: &[u8]) -> Result<Self> {
        let sheet = xlsx::read(bytes)?;
        let mut roster = Self::from_rows(sheet.rows);
        let more = std::mem::replace(&mut roster.warnings, sheet.warnings);
        roster.warnings.extend(more);
        if roster.warnings.len() > MAX_WARNINGS {
            let left_out = roster.warnings.len() - MAX_WARNINGS;
            roster.warnings.truncate(MAX_WARNINGS);
            roster.warnings.push(format!("and {left_out} more warnings"));
        }
        Ok(roster)
    }

    /// Reads a workbook from its file.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be read or is no usable workbook.
    pub fn read_file(path: &Path) -> Result<Self> {
        let failed = DataError::io_at(path, Operation::Read);
        let about = std::fs::metadata(path).map_err(&failed)?;
        if !about.is_file() {
            let found = "expected a file, found a directory or a device";
            return Err(DataError::content(path.display(), Operation::Read, found));
        }
        // One byte more than is taken, so that too long a file is not taken for its beginning.
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(&failed)?;
        file.take(archive::MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(&failed)?;
        Self::from_xlsx(&bytes).map_err(|error| DataError::content(path.display(), Operation::Read, error))
    }

    /// Rows in the order of the sheet. Of several rows with one name the last counts.
    fn from_rows(mut rows: Vec<RosterRow>) -> Self {
        let mut numbers_of: HashMap<PersonName, Vec<u32>> = HashMap::new();
        for row in &rows {
            numbers_of.entry(row.name.clone()).or_default().push(row.row);
        }
        let mut repeated: Vec<&Vec<u32>> = numbers_of.values().filter(|numbers| numbers.len() > 1).collect();
        repeated.sort();
        let warnings = repeated.into_iter().map(|numbers| repeated_name(numbers)).collect();
        rows.retain(|row| numbers_of.get(&row.name).and_then(|numbers| numbers.last()) == Some(&row.row));
        let by_name = rows.iter().enumerate().map(|(at, row)| (row.name.clone(), at)).collect();
        let by_key = rows.iter().enumerate().map(|(at, row)| (row.name.key().to_owned(), at)).collect();
        Self { rows, by_name, by_key, warnings }
    }

    /// The ID of `name`; `None` where the roster lacks it or the cell is empty.
    #[must_use]
    pub fn id(&self, name: &PersonName) -> Option<&StudentId> {
        self.row(name)?.id.as_ref()
    }

    /// The row of `name`; where none has it as it is written, the last one whose name has the same key.
    #[must_use]
    pub fn row(&self, name: &PersonName) -> Option<&RosterRow> {
        let at = self.by_name.get(name).or_else(|| self.by_key.get(name.key()))?;
        self.rows.get(*at)
    }

    /// The last day of `name`; `None` where the roster lacks it or says none.
    #[must_use]
    pub fn until(&self, name: &PersonName) -> Option<Date> {
        self.row(name)?.until
    }

    /// The rows that count, in the order of the sheet; each name once.
    #[must_use]
    pub fn rows(&self) -> &[RosterRow] {
        &self.rows
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Problems of single rows, by row number. They hold no names, so they may be logged.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Replaces the roster's file by a workbook, atomically, and makes `roster`, which was read from it,
/// the current one. The caller holds the lock on the data directory. Returns the current roster.
///
/// # Errors
/// [`crate::error::Error::Data`] when the file can't be written; the old one is in place then, and in use.
pub fn replace(live: &Reloadable<Roster>, workbook: &[u8], roster: Roster) -> Result<Arc<Roster>> {
    let path = live.path();
    live.write(|_| {
        // A writer that was killed may have left something behind; nobody else writes here.
        let written = atomic_file::remove_leftovers(path)
            .and_then(|_| atomic_file::replace(path, |to| to.write_all(workbook)))
            .map_err(DataError::io_at(path, Operation::Write))?;
        Ok(Some((roster, written)))
    })
}

/// `rows 2, 3 and 7 have the same name: row 7 counts`.
fn repeated_name(numbers: &[u32]) -> String {
    let [first @ .., last] = numbers else { return String::new() };
    let shown: Vec<String> = first.iter().take(5).map(u32::to_string).collect();
    let more = if first.len() > 5 { ", ..." } else { "" };
    format!("rows {}{more} and {last} have the same name: row {last} counts", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> PersonName {
        PersonName::parse(name).unwrap()
    }

    fn row(row: u32, name: &str, id: i64) -> RosterRow {
        RosterRow { row, name: named(name), id: Some(StudentId::Integer(id)), groups: None, until: None }
    }

    #[test]
    fn the_last_of_several_rows_counts_and_is_reported_without_the_name() {
        let roster = Roster::from_rows(vec![row(2, "A", 1), row(3, "B", 2), row(4, "A", 3), row(9, "A", 4)]);
        assert_eq!(roster.id(&named("A")), Some(&StudentId::Integer(4)));
        assert_eq!(roster.rows(), [row(3, "B", 2), row(9, "A", 4)]);
        assert_eq!(roster.warnings(), ["rows 2, 4 and 9 have the same name: row 9 counts"]);
    }

    #[test]
    fn names_are_found_in_any_spelling_and_as_written_first() {
        let roster = Roster::from_rows(vec![row(2, "Jos\u{e9}\u{a0}Pe\u{f1}a", 1)]);
        for spelling in [" Jose\u{301} Pen\u{303}a", "JOS\u{c9}_PE\u{d1}A", "Jos\u{e9}  Pe\u{f1}a\u{200b}"] {
            assert_eq!(roster.id(&named(spelling)), Some(&StudentId::Integer(1)), "{spelling:?}");
        }
        assert_eq!(roster.id(&named("Jose Pena")), None, "another name");
        let roster = Roster::from_rows(vec![row(2, "Ada", 1), row(3, "ADA", 2), row(4, "ada", 3)]);
        assert_eq!(roster.id(&named("ADA")), Some(&StudentId::Integer(2)));
        assert_eq!(roster.id(&named("a\u{ad}da")), Some(&StudentId::Integer(3)));
    }
}
