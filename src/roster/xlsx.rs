//! Reads the rows of an .xlsx workbook; the only user of calamine.
//!
//! [`super::archive`] checks the archive before calamine sees it. The cells are streamed: a sheet that
//! claims a million rows costs only what it holds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxError};
use jiff::civil::Date;

use super::archive::{self, not_a_workbook};
use super::groups;
use super::until;
use crate::error::{Error, InputError, Result};
use crate::person_name::{self, PersonName};
use crate::student_id::{self, StudentId};

/// Most sheets that are looked at to find one that is not empty.
const MAX_SHEETS: usize = 32;
const MAX_HEADER_CHARS: usize = 40;
/// Rows and columns of the largest sheet that there is; others are not looked at.
const MAX_ROWS: u32 = 1_048_576;
const MAX_COLUMNS: u32 = 16_384;
/// Longest text of a cell that is looked at, bytes: a name may have [`person_name::MAX_CHARS`]
/// characters, and decomposed, each of them takes up to 16.
const MAX_CELL_BYTES: usize = 16 * person_name::MAX_CHARS;
/// Most that all names and IDs may have, bytes. Any number of cells may refer to one shared string,
/// so that the size of the file does not limit this.
const MAX_TEXT_BYTES: usize = 64 << 20;
/// Most warnings that are kept.
const MAX_WARNINGS: usize = 1_000;

/// Headers of the two columns, the preferred first, in the spelling of [`folded`]: what registers and exports of
/// school software call them.
const NAME_HEADERS: [&str; 3] = ["name", "student name", "full name"];
const ID_HEADERS: [&str; 4] = ["id", "student id", "student number", "number"];

/// One row of the sheet that has a name.
#[derive(Debug, Clone, PartialEq)]
pub struct RosterRow {
    /// The row's number in the sheet, from 1; the header's row counts.
    pub row: u32,
    /// The name.
    pub name: PersonName,
    /// What the ID cell holds; `None` where it is empty.
    pub id: Option<StudentId>,
    /// The groups of the row's cell; `None` where the sheet has no column of groups.
    pub groups: Option<Vec<String>>,
    /// The last day on which the person is recognised; `None` where the sheet says none.
    pub until: Option<Date>,
}

/// The rows that have a name, and what was odd about others.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) rows: Vec<RosterRow>,
    pub(super) warnings: Vec<String>,
}

/// Reads the first sheet that is not empty.
pub(super) fn read(bytes: &[u8]) -> Result<Sheet> {
    archive::check(bytes)?;
    // calamine is not written for hostile files (a number cell "+1" is one that it panics on): a
    // panic in it must not take a thread of the service along.
    catch_unwind(AssertUnwindSafe(|| read_workbook(bytes)))
        .unwrap_or_else(|_| Err(not_a_workbook("its XML is broken in a way that the reader can't name")))
}

fn read_workbook(bytes: &[u8]) -> Result<Sheet> {
    let broken = |error: XlsxError| not_a_workbook(&error.to_string());
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(broken)?;
    let names = workbook.sheet_names();
    for name in names.iter().take(MAX_SHEETS) {
        let mut cells = match workbook.worksheet_cells_reader(name) {
            Ok(cells) => cells,
            // A sheet that is a chart has no cells.
            Err(XlsxError::NotAWorksheet(_)) => continue,
            Err(error) => return Err(broken(error)),
        };
        let mut table = Table::default();
        while let Some(cell) = cells.next_cell().map_err(broken)? {
            let (row, column) = cell.get_position();
            table.take(row.saturating_add(1), column, cell.get_value())?;
        }
        if let Some(sheet) = table.finish()? {
            return Ok(sheet);
        }
    }
    Err(no_columns(&format!("{} sheet(s), all empty", names.len())))
}

fn no_columns(found: &str) -> Error {
    InputError::InvalidWorkbook(format!(
        "expected a sheet whose first row has the headers \"Name\" and \"ID\", found {found}"
    ))
    .into()
}

/// The cells of one sheet as they come, row by row.
#[derive(Debug, Default)]
struct Table {
    /// Number of the first row that is not empty, and its cells.
    header: Option<(u32, BTreeMap<u32, String>)>,
    columns: Option<Columns>,
    rows: BTreeMap<u32, RawRow>,
    warnings: Vec<String>,
    /// How many warnings there were beyond those that are kept.
    warnings_left_out: usize,
    /// Bytes of the shared strings that were looked at as names and IDs.
    text_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Columns {
    name: u32,
    id: u32,
    groups: Option<u32>,
    until: Option<u32>,
}

#[derive(Debug, Default)]
struct RawRow {
    name: Option<PersonName>,
    id: Option<StudentId>,
    groups: Vec<String>,
    until: Option<Date>,
}

impl Table {
    fn take(&mut self, row: u32, column: u32, value: &DataRef<'_>) -> Result<()> {
        if row > MAX_ROWS {
            return Err(not_a_workbook(&format!("a sheet with a row {row}, when {MAX_ROWS} are the most")));
        }
        match &mut self.header {
            None => {
                if let Some(text) = header_of(value) {
                    self.header = Some((row, BTreeMap::from([(column, text)])));
                }
                return Ok(());
            }
            Some((header_row, cells)) if *header_row == row => {
                if column < MAX_COLUMNS {
                    cells.extend(header_of(value).map(|text| (column, text)));
                }
                return Ok(());
            }
            Some(_) => {}
        }
        let columns = self.find_columns()?;
        if column == columns.name {
            self.take_name(row, value)
        } else if column == columns.id {
            self.take_id(row, value)
        } else if Some(column) == columns.groups {
            self.take_groups(row, value)
        } else if Some(column) == columns.until {
            self.take_until(row, value);
            Ok(())
        } else {
            Ok(())
        }
    }

    fn take_name(&mut self, row: u32, value: &DataRef<'_>) -> Result<()> {
        let Some(text) = text_of(value) else { return Ok(()) };
        if text.len() > MAX_CELL_BYTES {
            let (most, bytes) = (person_name::MAX_CHARS, text.len());
            self.warn(format!(
                "row {row} is left out: the name has {bytes} bytes: at most {most} characters are allowed"
            ));
            return Ok(());
        }
        self.count_text(value)?;
        match PersonName::parse(&text) {
            Ok(name) => self.rows.entry(row).or_default().name = Some(name),
            Err(_) if text.trim().is_empty() => {}
            Err(error) => self.warn(format!("row {row} is left out: {error}")),
        }
        Ok(())
    }

    fn take_id(&mut self, row: u32, value: &DataRef<'_>) -> Result<()> {
        self.count_text(value)?;
        match id_of(value) {
            Ok(Some(id)) => {
                self.rows.entry(row).or_default().id = Some(id);
            }
            Ok(None) => {}
            Err(found) => self.warn(format!("row {row}: {found}; taken as empty")),
        }
        Ok(())
    }

    fn take_groups(&mut self, row: u32, value: &DataRef<'_>) -> Result<()> {
        let Some(text) = text_of(value) else { return Ok(()) };
        let is_short = text.len() <= MAX_CELL_BYTES;
        self.count_text(value)?;
        let (groups, left_out) = if is_short { groups::parse(&text) } else { (Vec::new(), true) };
        if left_out {
            self.warn(format!("row {row}: a group is left out: it is too long, has control characters, or is one of too many"));
        }
        self.rows.entry(row).or_default().groups = groups;
        Ok(())
    }

    fn take_until(&mut self, row: u32, value: &DataRef<'_>) {
        match until::day_of(value) {
            Ok(Some(day)) => self.rows.entry(row).or_default().until = Some(day),
            Ok(None) => {}
            Err(expected) => self.warn(format!("row {row}: {expected}; taken as no end")),
        }
    }

    /// Text of the cell itself is in the file and limited so; text that it refers to may be anybody's.
    fn count_text(&mut self, value: &DataRef<'_>) -> Result<()> {
        match value {
            DataRef::SharedString(text) if text.len() <= MAX_CELL_BYTES => self.text_bytes += text.len(),
            _ => {}
        }
        if self.text_bytes <= MAX_TEXT_BYTES {
            return Ok(());
        }
        Err(not_a_workbook(&format!("names and IDs of more than {} MiB", MAX_TEXT_BYTES >> 20)))
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(warning);
        } else {
            self.warnings_left_out += 1;
        }
    }

    /// The columns of the two headers: `Name` and `ID` spelled exactly so, else the first of the known headers.
    fn find_columns(&mut self) -> Result<Columns> {
        if let Some(columns) = self.columns {
            return Ok(columns);
        }
        let empty = BTreeMap::new();
        let headers = self.header.as_ref().map_or(&empty, |(_, cells)| cells);
        match (column(headers, "Name", &NAME_HEADERS), column(headers, "ID", &ID_HEADERS)) {
            (Some(name), Some(id)) => {
                let groups =
                    headers.iter().find(|(_, text)| groups::is_header(&folded(text))).map(|(at, _)| *at);
                let until = column(headers, "Until", &until::HEADERS);
                Ok(*self.columns.insert(Columns { name, id, groups, until }))
            }
            // Not the cells: without a header row they are a person's.
            (Some(_), None) => Err(no_columns("no \"ID\"")),
            (None, Some(_)) => Err(no_columns("no \"Name\"")),
            (None, None) => Err(no_columns("neither")),
        }
    }

    /// `None` for an empty sheet.
    fn finish(mut self) -> Result<Option<Sheet>> {
        if self.header.is_none() {
            return Ok(None);
        }
        let columns = self.find_columns()?;
        let mut rows = Vec::with_capacity(self.rows.len());
        for (row, raw) in std::mem::take(&mut self.rows) {
            match raw.name {
                Some(name) => {
                    let groups = columns.groups.map(|_| raw.groups);
                    rows.push(RosterRow { row, name, id: raw.id, groups, until: raw.until });
                }
                None if raw.id.is_none() => {}
                None => self.warn(format!("row {row} has an ID but no name that can be used")),
            }
        }
        if self.warnings_left_out > 0 {
            self.warnings.push(format!("{} more like these", self.warnings_left_out));
        }
        Ok(Some(Sheet { rows, warnings: self.warnings }))
    }
}

/// The column whose header is `exact`, else the first that has one of `known`, the preferred first.
fn column(headers: &BTreeMap<u32, String>, exact: &str, known: &[&str]) -> Option<u32> {
    let found = headers.iter().find(|(_, text)| *text == exact);
    let alike = |wanted: &&str| headers.iter().find(|(_, text)| folded(text) == *wanted);
    found.or_else(|| known.iter().find_map(alike)).map(|(at, _)| *at)
}

/// A header in lower case with one space for each run of white space or underscores.
fn folded(header: &str) -> String {
    let words = header.split(|c: char| c.is_whitespace() || c == '_').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The start of a cell's text, for a header; `None` for an empty one.
fn header_of(value: &DataRef<'_>) -> Option<String> {
    let text = text_of(value)?;
    let start: String = text.chars().take(4 * MAX_HEADER_CHARS).collect();
    let header: String = start.trim().chars().take(MAX_HEADER_CHARS).collect();
    (!header.is_empty()).then_some(header)
}

/// A cell as text; `None` for an empty one, and for one that holds an error. Not copied, and looked at
/// by nobody before its length: many cells may refer to one long text.
fn text_of<'a>(value: &'a DataRef<'_>) -> Option<Cow<'a, str>> {
    let text = match value {
        DataRef::Empty | DataRef::Error(_) => return None,
        DataRef::Int(number) => Cow::Owned(number.to_string()),
        DataRef::Float(number) => Cow::Owned(number.to_string()),
        DataRef::String(text) => Cow::Borrowed(text.as_str()),
        DataRef::SharedString(text) => Cow::Borrowed(*text),
        DataRef::Bool(value) => Cow::Borrowed(if *value { "TRUE" } else { "FALSE" }),
        DataRef::DateTime(moment) => Cow::Owned(iso_text(moment)),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Cow::Borrowed(text.trim_end_matches("T00:00:00"))
        }
    };
    (!text.is_empty()).then_some(text)
}

/// The ID in a cell; `None` for an empty one. Of a formula the stored result counts.
fn id_of(value: &DataRef<'_>) -> Result<Option<StudentId>, String> {
    match value {
        DataRef::Int(number) => Ok(Some(StudentId::Integer(*number))),
        DataRef::Float(number) => Ok(StudentId::from_number(*number)),
        DataRef::Error(error) => Err(format!("the ID cell holds the error {error}")),
        other => match text_of(other) {
            None => Ok(None),
            Some(text) if text.len() > MAX_CELL_BYTES => {
                let (most, bytes) = (student_id::MAX_CHARS, text.len());
                Err(format!("the ID has {bytes} bytes, when {most} characters are allowed"))
            }
            Some(text) if text.trim().is_empty() => Ok(None),
            Some(text) => match StudentId::from_text(&text) {
                Some(id) => Ok(Some(id)),
                None => Err(format!("the ID has {} characters", text.trim().chars().count())),
            },
        },
    }
}

/// A date or a time of the sheet as ISO 8601 has it: `2024-03-01`, `2024-03-01T10:30:00`,
/// `10:30:00` for a time without a date; a duration as hours, minutes, seconds: `36:00:00`.
fn iso_text(moment: &ExcelDateTime) -> String {
    if moment.is_duration() {
        let seconds = (moment.as_f64() * 86_400.0).round() as i64;
        let sign = if seconds < 0 { "-" } else { "" };
        let seconds = seconds.unsigned_abs();
        return format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    match moment.as_f64() {
        days if days < 1.0 => time,
        days if days.fract() == 0.0 => date,
        _ => format!("{date}T{time}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_text_that_many_headers_refer_to_only_the_start_is_kept() {
        let long = format!(" {}", "é".repeat(1 << 20));
        let mut table = Table::default();
        for column in 0..40_000 {
            table.take(1, column, &DataRef::SharedString(&long)).unwrap();
        }
        let headers = &table.header.as_ref().unwrap().1;
        assert_eq!(headers.len(), MAX_COLUMNS as usize);
        assert!(headers.values().all(|text| *text == "é".repeat(MAX_HEADER_CHARS)));
        let error = table.take(2, 0, &DataRef::SharedString(&long)).unwrap_err().to_string();
        assert!(error.ends_with("\"Name\" and \"ID\", found neither"), "{error}"); // and quotes no cell
    }

    fn with_headers() -> Table {
        let mut table = Table::default();
        table.take(1, 0, &DataRef::SharedString("Name")).unwrap();
        table.take(1, 1, &DataRef::SharedString("ID")).unwrap();
        table
    }

    #[test]
    fn headers_of_other_programs_are_known_and_the_preferred_one_counts() {
        for (headers, expected) in [
            (vec!["Student ID", "Full Name"], Some((1, 0))),
            (vec!["STUDENT\u{a0} NAME", "student_number"], Some((0, 1))),
            (vec!["Full Name", "Name", "Number", "id"], Some((1, 3))),
            (vec!["name", "Name", "Student ID", "ID"], Some((1, 3))),
            (vec!["Student", "Number"], None),
            (vec!["Name", "Phone Number"], None),
        ] {
            let mut table = Table::default();
            for (at, header) in (0..).zip(&headers) {
                table.take(1, at, &DataRef::SharedString(header)).unwrap();
            }
            let found = table.find_columns().ok().map(|columns| (columns.name, columns.id));
            assert_eq!(found, expected, "{headers:?}");
        }
    }

    #[test]
    fn no_long_text_is_taken_however_many_cells_refer_to_it() {
        // Were each looked at whole, this would take hours.
        let (long, spaces) = ("x".repeat(8 << 20), " ".repeat(8 << 20));
        let mut table = with_headers();
        for row in 2..100_002 {
            table.take(row, 0, &DataRef::SharedString(&long)).unwrap();
            table.take(row, 1, &DataRef::SharedString(&spaces)).unwrap();
        }
        let sheet = table.finish().unwrap().unwrap();
        assert!(sheet.rows.is_empty());
        assert_eq!(
            sheet.warnings[..2],
            [
                "row 2 is left out: the name has 8388608 bytes: at most 200 characters are allowed",
                "row 2: the ID has 8388608 bytes, when 200 characters are allowed; taken as empty"
            ]
        );
        assert_eq!(sheet.warnings.len(), MAX_WARNINGS + 1);
        assert_eq!(sheet.warnings.last().unwrap(), "199000 more like these");
    }

    #[test]
    fn what_all_names_and_ids_have_together_is_limited() {
        for column in [0, 1] {
            let (mut table, text) = (with_headers(), "x".repeat(200));
            let most = MAX_TEXT_BYTES / text.len();
            for row in 0..most {
                table.take(2 + row as u32, column, &DataRef::SharedString(&text)).unwrap();
            }
            let next = table.take(2 + most as u32, column, &DataRef::SharedString(&text));
            let expected = "found: names and IDs of more than 64 MiB";
            assert!(next.unwrap_err().to_string().ends_with(expected));
        }
        let beyond = with_headers().take(MAX_ROWS + 1, 0, &DataRef::SharedString("Ada"));
        assert!(beyond.unwrap_err().to_string().ends_with("a row 1048577, when 1048576 are the most"));
    }

    #[test]
    fn a_decomposed_name_of_the_greatest_length_is_taken() {
        let mut table = with_headers();
        let name = "e\u{302}\u{301}".repeat(person_name::MAX_CHARS);
        table.take(2, 0, &DataRef::SharedString(&name)).unwrap();
        let sheet = table.finish().unwrap().unwrap();
        assert_eq!(sheet.rows[0].name.as_str(), "\u{1ebf}".repeat(person_name::MAX_CHARS));
    }
}
