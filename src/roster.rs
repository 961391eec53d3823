//! The roster: a table that maps names to IDs, from an .xlsx or .ods workbook or from a text file. `xlsx.rs`, `ods.rs` and
//! `text.rs` read the cells of each kind, `table.rs` makes rows of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use crate::atomic_file;
use crate::error::{DataError, Operation, Result};
use crate::person_name::PersonName;
use crate::reloadable::{FileSource, Reloadable};
use crate::student_id::StudentId;

pub mod backend;
mod cell;
mod changes;
mod columns;
mod findings;
mod format;
mod groups;
mod number_format;
mod ods;
mod package;
mod refusal;
mod sheets;
mod table;
mod text;
mod until;
pub mod versions;
mod xlsx;

pub use changes::{Changed, Changes};
pub use format::Format;
use package::Package;
use refusal::unusable;
use sheets::Sheets;
use table::MAX_WARNINGS;
pub use table::{Place, RosterRow};
pub use versions::Version;

/// How a [`Reloadable`] roster is read; the file is optional.
pub const ROSTER: FileSource<Roster> =
    FileSource { what: "roster", read: Roster::read_file, without_file: Some(Roster::default) };

/// Largest file that is taken, bytes: half a million rows have 16 MiB, and a workbook may have pictures. One that is
/// uploaded is held to the limit of all uploads before, which is the lower one by default.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// Where a roster may lie in a data directory; of several files the first counts.
#[must_use]
pub fn paths(directory: &Path) -> [PathBuf; 3] {
    Format::ALL.map(|format| directory.join(format.file_name()))
}

/// Name to ID.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roster {
    rows: Vec<RosterRow>,
    /// Name to index into `rows`.
    by_name: HashMap<PersonName, usize>,
    /// Key of a name to the index of the last row that has it.
    by_key: HashMap<Arc<str>, usize>,
    format: Format,
    warnings: Vec<String>,
}

impl Roster {
    /// Reads the bytes of a file, whose kind they tell. Of all visible sheets that have the columns `Name` and `ID`, in
    /// any place and under any of their known headers, the rows are one roster.
    ///
    /// # Errors
    /// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) for a file of another kind, one that is too large, or one that lacks a column. No
    /// cell is quoted.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_while(bytes, &|| Ok(()))
    }

    /// As [`Roster::from_bytes`], as long as `check` does not fail.
    ///
    /// # Errors
    /// As [`Roster::from_bytes`], and those of `check`.
    pub fn from_bytes_while(bytes: &[u8], check: &dyn Fn() -> Result<()>) -> Result<Self> {
        let (format, sheets) = read_sheets(bytes, check)?;
        check()?;
        let mut roster = Self::from_rows(sheets.rows);
        roster.format = format;
        let more = std::mem::replace(&mut roster.warnings, sheets.warnings);
        roster.warnings.extend(more);
        roster.limit_warnings(sheets.warnings_left_out);
        Ok(roster)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be read or is no usable roster.
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
        file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(&failed)?;
        let read = Self::from_bytes(&bytes);
        let mut roster = read.map_err(|error| DataError::content(path.display(), Operation::Read, error))?;
        roster.warnings.splice(0..0, passed_over(path));
        Ok(roster)
    }

    fn limit_warnings(&mut self, left_out_before: usize) {
        let left_out = left_out_before + self.warnings.len().saturating_sub(MAX_WARNINGS);
        self.warnings.truncate(MAX_WARNINGS);
        if left_out > 0 {
            self.warnings.push(format!("and {left_out} more warnings"));
        }
    }

    /// Rows in the order of the sheet. Of several rows with one name the last counts.
    fn from_rows(mut rows: Vec<RosterRow>) -> Self {
        let last: HashMap<PersonName, Place> = rows.iter().map(|row| (row.name.clone(), row.place)).collect();
        let mut warnings = findings::repeated_names(&rows);
        rows.retain(|row| last.get(&row.name) == Some(&row.place));
        warnings.extend(findings::alike(&rows));
        let by_name = rows.iter().enumerate().map(|(at, row)| (row.name.clone(), at)).collect();
        let by_key = rows.iter().enumerate().map(|(at, row)| (row.name.shared_key(), at)).collect();
        Self { rows, by_name, by_key, warnings, ..Self::default() }
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

    /// What kind of file it came from.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
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

    /// Whether any sheet has a column of groups.
    #[must_use]
    pub fn has_groups(&self) -> bool {
        self.rows.iter().any(|row| row.groups.is_some())
    }

    /// Problems of single rows, by row number. They hold no names, so they may be logged.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Replaces the roster's file by `bytes`, atomically, and makes `roster`, which was read from them, the current one. The
/// file has the name for its kind; one of another name is removed. The old one is kept among the [`versions`]. The caller
/// holds the lock on the data directory. Returns the one that was current until now, and the current one.
///
/// # Errors
/// [`crate::error::Error::Data`] when the file can't be written; the old one is in place then, and in use.
pub fn replace(
    live: &Reloadable<Roster>,
    bytes: &[u8],
    roster: Roster,
) -> Result<(Arc<Roster>, Arc<Roster>)> {
    let path = live.path().with_file_name(roster.format.file_name());
    let mut old = live.current();
    let new = live.write(|current| {
        // Somebody may have put another file there.
        old = Arc::clone(current);
        keep(live.path(), current, bytes)?;
        // A writer that was killed may have left something behind; nobody else writes here.
        let written = atomic_file::remove_leftovers(&path)
            .and_then(|_| atomic_file::replace(&path, |to| to.write_all(bytes)))
            .map_err(DataError::io_at(&path, Operation::Write))?;
        for other in others(&path) {
            std::fs::remove_file(&other).map_err(DataError::io_at(&other, Operation::Write))?;
        }
        Ok(Some((roster, written)))
    })?;
    Ok((old, new))
}

/// Keeps the file at `path`, from which `roster` was read, where it is not the new one.
fn keep(path: &Path, roster: &Roster, new: &[u8]) -> Result<()> {
    let old = match std::fs::read(path) {
        Ok(old) if old != new => old,
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DataError::io_at(path, Operation::Read)(error)),
    };
    let directory = path.with_file_name(versions::DIRECTORY);
    let kept = versions::keep(&directory, &old, roster.len(), roster.format);
    kept.map_err(DataError::io_at(&directory, Operation::Write))
}

/// The files beside `path` that could be the roster, too.
fn others(path: &Path) -> impl Iterator<Item = PathBuf> {
    let beside = Format::ALL.map(|format| path.with_file_name(format.file_name()));
    beside.into_iter().filter(move |other| other != path && other.symlink_metadata().is_ok())
}

/// A warning where there are such files.
fn passed_over(path: &Path) -> Option<String> {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let others: Vec<String> = others(path).filter_map(|other| name(&other)).collect();
    let used = name(path)?;
    (!others.is_empty()).then(|| format!("{} is passed over, since there is {used}", others.join(" and ")))
}

fn read_sheets(bytes: &[u8], check: &dyn Fn() -> Result<()>) -> Result<(Format, Sheets)> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(unusable(&format!("{} bytes, more than {MAX_FILE_BYTES}", bytes.len())));
    }
    match bytes {
        [] => Err(unusable("an empty file")),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(unusable("an old .xls workbook, or one with a password")),
        // An archive with something before it is none: who sends such a file hides something. Of text only `PK` is the same.
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => {
            let mut package = Package::open(bytes, check)?;
            let mut sheets = Sheets::default();
            let is_ods = package.has(ods::CONTENT);
            let (format, read) = if is_ods {
                (Format::Ods, ods::read(&mut package, &mut sheets))
            } else {
                (Format::Xlsx, xlsx::read(&mut package, &mut sheets))
            };
            read?;
            Ok((format, sheets.finish()?))
        }
        _ => match text::read(bytes, check)? {
            Some(sheets) => Ok((Format::Csv, sheets)),
            None => Err(unusable("a file of another kind")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> PersonName {
        PersonName::parse(name).unwrap()
    }

    fn row(row: u32, name: &str, id: i64) -> RosterRow {
        let place = Place { sheet: 1, row };
        RosterRow { place, name: named(name), id: Some(StudentId::Integer(id)), groups: None, until: None }
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
