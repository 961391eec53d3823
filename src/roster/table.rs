//! The rows of one sheet, as its cells come: finds the header, then keeps name, ID and groups of each row.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use jiff::civil::Date;

use super::cell::{Cell, MAX_CELL_BYTES};
use super::columns::{Column, Columns, Missing};
use super::groups;
use super::refusal::unusable;
use super::until;
use crate::error::Result;
use crate::person_name::{self, PersonName};
use crate::student_id::StudentId;

/// Rows and columns of the largest sheet that there is; others are not looked at.
pub(super) const MAX_ROWS: u32 = 1_048_576;
pub(super) const MAX_COLUMNS: u32 = 16_384;
/// Most rows with something in them above the header and with it: titles, dates, the name of a school.
const MAX_HEADER_ROWS: usize = 20;
const MAX_HEADER_CHARS: usize = 40;
/// Maximum number of warnings that are kept of a sheet, and of a roster.
pub(super) const MAX_WARNINGS: usize = 50;

/// One row that has a name.
#[derive(Debug, Clone, PartialEq)]
pub struct RosterRow {
    /// Where the row is.
    pub place: Place,
    /// The name.
    pub name: PersonName,
    /// What the ID cell holds; `None` where it is empty.
    pub id: Option<StudentId>,
    /// The groups of the row's cell; `None` where the sheet has no column of groups.
    pub groups: Option<Vec<String>>,
    /// The last day on which the person is recognised; `None` where the sheet says none.
    pub until: Option<Date>,
}

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which of the visible sheets, from 1.
    pub sheet: u32,
    /// The row's number as the sheet shows it, from 1; in a text file the number of its line.
    pub row: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sheet {
            1 => write!(f, "row {}", self.row),
            sheet => write!(f, "row {} of sheet {sheet}", self.row),
        }
    }
}

/// One sheet.
#[derive(Debug)]
pub(super) struct Table {
    sheet: u32,
    header: Header,
    rows: BTreeMap<u32, RawRow>,
    merges: Vec<Merge>,
    warnings: Warnings,
    /// Bytes that names, IDs and groups may still have.
    text_left: usize,
}

/// The search for the header.
#[derive(Debug)]
enum Header {
    /// The row at hand, how many rows there were before it, and what the best of them lacks.
    Wanted {
        row: u32,
        cells: BTreeMap<u32, String>,
        seen: usize,
        missing: Missing,
    },
    Found {
        row: u32,
        columns: Columns,
    },
    /// Not among the first rows.
    Absent(Missing),
}

#[derive(Debug, Default)]
struct RawRow {
    name: Option<PersonName>,
    id: Option<StudentId>,
    groups: Vec<String>,
    until: Option<Date>,
}

/// Cells of one column that are merged: the first has the value of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Merge {
    column: u32,
    first: u32,
    last: u32,
}

/// Warnings, of which only so many are kept.
#[derive(Debug, Default)]
struct Warnings {
    kept: Vec<String>,
    left_out: usize,
}

impl Warnings {
    fn push(&mut self, warning: String) {
        if self.kept.len() < MAX_WARNINGS {
            self.kept.push(warning);
        } else {
            self.left_out += 1;
        }
    }
}

/// What a sheet had.
#[derive(Debug)]
pub(super) enum Sheet {
    /// The two columns, and these rows.
    Rows {
        rows: Vec<RosterRow>,
        warnings: Vec<String>,
        /// How many more warnings there were.
        warnings_left_out: usize,
        /// Bytes that further sheets may have.
        text_left: usize,
    },
    /// Other columns.
    Unfit(Missing),
    /// Nothing.
    Empty,
}

impl Table {
    /// The visible sheet with this number. `text_left`: bytes that all its names, IDs and groups may have together.
    pub(super) fn new(sheet: u32, text_left: usize) -> Self {
        let header = Header::Wanted { row: 0, cells: BTreeMap::new(), seen: 0, missing: Missing::Both };
        let (rows, merges, warnings) = (BTreeMap::new(), Vec::new(), Warnings::default());
        Self { sheet, header, rows, merges, warnings, text_left }
    }

    /// Which cells of a row (numbers from 1) matter, of these columns (numbers from 0).
    pub(super) fn wanted(&mut self, row: u32, columns: Range<u32>) -> Vec<u32> {
        self.enter(row);
        match &self.header {
            Header::Wanted { .. } => (columns.start..columns.end.min(MAX_COLUMNS)).collect(),
            Header::Found { row: header, columns: found } if row > *header => {
                found.numbers().filter(|number| columns.contains(number)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether no further cell can matter.
    pub(super) fn is_hopeless(&self) -> bool {
        matches!(self.header, Header::Absent(_))
    }

    /// Takes a cell that is [`Table::wanted`].
    ///
    /// # Errors
    /// For a row beyond the largest sheet, and for more text than a roster may have.
    pub(super) fn take(&mut self, row: u32, column: u32, cell: &Cell<'_>) -> Result<()> {
        if row > MAX_ROWS {
            return Err(unusable(&format!("a sheet with a row {row}, when {MAX_ROWS} are the most")));
        }
        self.enter(row);
        let role = match &mut self.header {
            Header::Wanted { cells, .. } => {
                if column < MAX_COLUMNS {
                    cells.extend(header_of(cell).map(|text| (column, text)));
                }
                return Ok(());
            }
            Header::Found { row: header, columns } if row > *header => columns.role(column),
            _ => None,
        };
        let Some(role) = role else { return Ok(()) };
        self.warn_of_cell(row, column, role, cell);
        if matches!(cell, Cell::Error | Cell::Formula) {
            return Ok(());
        }
        match role {
            Column::Name => self.take_name(row, cell),
            Column::Id => self.take_id(row, column, cell),
            Column::Groups => self.take_groups(row, column, cell),
            Column::Until => {
                self.take_until(row, column, cell);
                Ok(())
            }
        }
    }

    /// A warning where the cell shows something else than what is taken of it.
    fn warn_of_cell(&mut self, row: u32, column: u32, role: Column, cell: &Cell<'_>) {
        let so = match role {
            Column::Name => "the row is left out",
            Column::Id | Column::Groups => "taken as empty",
            Column::Until => "taken as no end",
        };
        let found = match cell {
            Cell::Formula => format!(
                "holds a formula without a stored value; {so}: save the workbook in a spreadsheet program"
            ),
            Cell::Error => format!("holds an error; {so}"),
            Cell::OddNumber(_) if role != Column::Until => {
                let what = match role {
                    Column::Name => "name",
                    Column::Groups => "group",
                    Column::Id | Column::Until => "ID",
                };
                format!(
                    "shows its number in a format that is not known here: the number itself is the {what}"
                )
            }
            _ => return,
        };
        let address = self.address(row, column);
        self.warnings.push(format!("cell {address} {found}"));
    }

    /// Takes cells of one column that are merged, rows `first` to `last`.
    pub(super) fn take_merged(&mut self, column: u32, first: u32, last: u32) {
        let Header::Found { row, columns } = &self.header else { return };
        let is_read = columns.role(column).is_some_and(|role| role != Column::Name);
        if is_read && first > *row && last > first && self.merges.len() < MAX_ROWS as usize {
            self.merges.push(Merge { column, first, last });
        }
    }

    /// When a new row begins, the one before may have been the header.
    fn enter(&mut self, new: u32) {
        let Header::Wanted { row, cells, seen, missing } = &mut self.header else { return };
        if *row == new {
            return;
        }
        let before = std::mem::replace(row, new);
        if cells.is_empty() {
            return;
        }
        *seen += 1;
        match Columns::find(&std::mem::take(cells)) {
            Ok(columns) => self.header = Header::Found { row: before, columns },
            Err(lacks) => {
                *missing = lacks.max(*missing);
                if *seen >= MAX_HEADER_ROWS {
                    self.header = Header::Absent(*missing);
                }
            }
        }
    }

    fn take_name(&mut self, row: u32, cell: &Cell<'_>) -> Result<()> {
        let place = self.place(row);
        let Some(text) = cell.text() else { return Ok(()) };
        if text.len() > MAX_CELL_BYTES {
            let (most, bytes) = (person_name::MAX_CHARS, text.len());
            self.warnings.push(format!(
                "{place} is left out: the name has {bytes} bytes: at most {most} characters are allowed"
            ));
            return Ok(());
        }
        self.count_text(text.len())?;
        match PersonName::parse(&one_line(&text)) {
            // Nobody could find it, and it may be the look of an empty cell.
            Ok(name) if !name.is_visible() => {
                self.warnings.push(format!("{place} is left out: nothing of the name is visible"));
            }
            Ok(name) => {
                // A character may have many in the form that is compared.
                self.count_text(name.key().len().saturating_sub(text.len()))?;
                self.rows.entry(row).or_default().name = Some(name);
            }
            Err(_) if person_name::fold(&text).is_empty() => {}
            Err(error) => self.warnings.push(format!("{place} is left out: {error}")),
        }
        Ok(())
    }

    fn take_id(&mut self, row: u32, column: u32, cell: &Cell<'_>) -> Result<()> {
        if let Cell::Text(text) = cell {
            self.count_text(text.len().min(MAX_CELL_BYTES))?;
        }
        match cell.id() {
            Ok(None) => {}
            Ok(Some(id)) => self.rows.entry(row).or_default().id = Some(id),
            Err(found) => {
                let address = self.address(row, column);
                self.warnings.push(format!("cell {address}: the ID {found}; taken as empty"));
            }
        }
        Ok(())
    }

    fn take_groups(&mut self, row: u32, column: u32, cell: &Cell<'_>) -> Result<()> {
        let Some(text) = cell.text() else { return Ok(()) };
        let (groups, left_out) =
            if text.len() > MAX_CELL_BYTES { (Vec::new(), true) } else { groups::parse(&text) };
        self.count_text(groups::weight(&groups))?;
        if left_out {
            let address = self.address(row, column);
            self.warnings.push(format!(
                "cell {address}: a group is left out: it is too long, has control characters, or is one of too many"
            ));
        }
        self.rows.entry(row).or_default().groups = groups;
        Ok(())
    }

    fn take_until(&mut self, row: u32, column: u32, cell: &Cell<'_>) {
        match until::day_of(cell) {
            Ok(Some(day)) => self.rows.entry(row).or_default().until = Some(day),
            Ok(None) => {}
            Err(expected) => {
                let address = self.address(row, column);
                self.warnings.push(format!("cell {address}: {expected}; taken as no end"));
            }
        }
    }

    /// Any number of cells may refer to one text, so that the size of the file does not limit what they have together.
    fn count_text(&mut self, bytes: usize) -> Result<()> {
        let left = self.text_left.checked_sub(bytes);
        self.text_left = left.ok_or_else(|| unusable("names and IDs of more than 64 MiB"))?;
        Ok(())
    }

    fn place(&self, row: u32) -> Place {
        Place { sheet: self.sheet, row }
    }

    /// `B5`, or `B5 of sheet 2`.
    fn address(&self, row: u32, column: u32) -> String {
        let mut letters = Vec::new();
        let mut left = column + 1;
        while left > 0 {
            letters.insert(0, char::from(b'A' + ((left - 1) % 26) as u8));
            left = (left - 1) / 26;
        }
        let letters: String = letters.into_iter().collect();
        match self.sheet {
            1 => format!("{letters}{row}"),
            sheet => format!("{letters}{row} of sheet {sheet}"),
        }
    }

    /// What the sheet had.
    ///
    /// # Errors
    /// For merged cells that give their text to so many rows that it is more than a roster may have.
    pub(super) fn finish(mut self) -> Result<Sheet> {
        self.enter(0);
        let columns = match &self.header {
            Header::Found { columns, .. } => columns.clone(),
            Header::Wanted { seen: 0, .. } => return Ok(Sheet::Empty),
            Header::Wanted { missing, .. } | Header::Absent(missing) => return Ok(Sheet::Unfit(*missing)),
        };
        self.spread_merged(&columns)?;
        let has_groups = columns.number(Column::Groups).is_some();
        let mut rows = Vec::with_capacity(self.rows.len());
        for (row, raw) in std::mem::take(&mut self.rows) {
            let place = self.place(row);
            match raw.name {
                Some(name) => {
                    let groups = has_groups.then_some(raw.groups);
                    rows.push(RosterRow { place, name, id: raw.id, groups, until: raw.until });
                }
                None if raw.id.is_some() => {
                    self.warnings.push(format!("{place} has an ID but no name that can be used"));
                }
                None => {}
            }
        }
        Ok(Sheet::Rows {
            rows,
            warnings: self.warnings.kept,
            warnings_left_out: self.warnings.left_out,
            text_left: self.text_left,
        })
    }

    /// Gives merged cells the value of their first. Merged ranges don't overlap; of such that do, the first counts, so
    /// that no row is looked at twice.
    fn spread_merged(&mut self, columns: &Columns) -> Result<()> {
        let mut merges = std::mem::take(&mut self.merges);
        merges.sort_unstable();
        let mut done = (u32::MAX, 0);
        for Merge { column, first, last } in merges {
            if done.0 == column && first <= done.1 {
                continue;
            }
            done = (column, last);
            let Some(RawRow { id, groups, until, .. }) = self.rows.get(&first) else { continue };
            let (id, groups, until) = (id.clone(), groups.clone(), *until);
            let role = columns.role(column);
            let weight = match role {
                Some(Column::Id) => id.as_ref().map_or(0, weight_of_id),
                Some(Column::Groups) => groups::weight(&groups),
                _ => 0,
            };
            let rows = self.rows.range(first + 1..=last).count();
            self.count_text(weight.saturating_mul(rows))?;
            for (_, row) in self.rows.range_mut(first + 1..=last) {
                match role {
                    Some(Column::Id) if row.id.is_none() => row.id.clone_from(&id),
                    Some(Column::Groups) if row.groups.is_empty() => row.groups.clone_from(&groups),
                    Some(Column::Until) if row.until.is_none() => row.until = until,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Bytes of an ID that is text.
fn weight_of_id(id: &StudentId) -> usize {
    match id {
        StudentId::Text(text) => text.len(),
        StudentId::Integer(_) | StudentId::Number(_) => 0,
    }
}

/// Text with each run of white space that holds a line break or a tab as one space, and none at the ends: a cell may
/// have several lines, a name has one.
fn one_line(text: &str) -> String {
    let is_break = |c: char| c.is_whitespace() && c.is_control();
    if text.contains(is_break) {
        return text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    text.trim().to_owned()
}

/// The start of a cell's text, for a header; `None` for an empty one.
fn header_of(cell: &Cell<'_>) -> Option<String> {
    let text = cell.text()?;
    let start: String = text.chars().take(4 * MAX_HEADER_CHARS).collect();
    let header: String = start.trim().chars().take(MAX_HEADER_CHARS).collect();
    (!header.is_empty()).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    const TEXT: usize = 64 << 20;

    fn text(text: &str) -> Cell<'_> {
        Cell::Text(Cow::Borrowed(text))
    }

    fn with_headers() -> Table {
        let mut table = Table::new(1, TEXT);
        table.take(1, 0, &text("Name")).unwrap();
        table.take(1, 1, &text("ID")).unwrap();
        table
    }

    fn rows(table: Table) -> (Vec<RosterRow>, Vec<String>, usize) {
        match table.finish().unwrap() {
            Sheet::Rows { rows, warnings, warnings_left_out, .. } => (rows, warnings, warnings_left_out),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn of_a_long_text_that_many_headers_refer_to_only_the_start_is_kept() {
        let long = format!(" {}", "é".repeat(1 << 20));
        let mut table = Table::new(1, TEXT);
        for column in 0..40_000 {
            table.take(1, column, &text(&long)).unwrap();
        }
        let Header::Wanted { cells, .. } = &table.header else { panic!() };
        assert_eq!(cells.len(), MAX_COLUMNS as usize);
        assert!(cells.values().all(|text| *text == "é".repeat(MAX_HEADER_CHARS)));
    }

    #[test]
    fn no_long_text_is_taken_however_many_cells_refer_to_it() {
        // Were each looked at whole, this would take hours.
        let (long, spaces) = ("x".repeat(8 << 20), " ".repeat(8 << 20));
        let mut table = with_headers();
        table.text_left = usize::MAX;
        for row in 2..100_002 {
            table.take(row, 0, &text(&long)).unwrap();
            table.take(row, 1, &text(&spaces)).unwrap();
        }
        let (rows, warnings, left_out) = rows(table);
        assert!(rows.is_empty());
        assert_eq!(
            warnings[..2],
            [
                "row 2 is left out: the name has 8388608 bytes: at most 200 characters are allowed",
                "cell B2: the ID has 8388608 bytes, when 200 characters are allowed; taken as empty"
            ]
        );
        assert_eq!((warnings.len(), left_out), (MAX_WARNINGS, 200_000 - MAX_WARNINGS));
    }

    #[test]
    fn what_all_names_and_ids_have_together_is_limited() {
        for column in [0, 1] {
            let (mut table, long) = (with_headers(), "x".repeat(200));
            let most = TEXT / long.len();
            for row in 0..most {
                table.take(2 + row as u32, column, &text(&long)).unwrap();
            }
            let next = table.take(2 + most as u32, column, &text(&long));
            let expected = "found: names and IDs of more than 64 MiB";
            assert!(next.unwrap_err().to_string().ends_with(expected));
        }
        let beyond = with_headers().take(MAX_ROWS + 1, 0, &text("Ada"));
        assert!(beyond.unwrap_err().to_string().ends_with("a row 1048577, when 1048576 are the most"));
    }

    #[test]
    fn a_decomposed_name_of_the_greatest_length_is_taken() {
        let mut table = with_headers();
        let name = "e\u{302}\u{301}".repeat(person_name::MAX_CHARS);
        table.take(2, 0, &text(&name)).unwrap();
        let (rows, ..) = rows(table);
        assert_eq!(rows[0].name.as_str(), "\u{1ebf}".repeat(person_name::MAX_CHARS));
    }

    #[test]
    fn the_header_is_searched_in_so_many_rows() {
        let found = |titles: u32| {
            let mut table = Table::new(1, TEXT);
            for row in 1..=titles {
                table.take(3 * row, 0, &text("Name")).unwrap();
            }
            assert!(!table.is_hopeless());
            table.take(100, 0, &text("Name")).unwrap();
            table.take(100, 1, &text("ID")).unwrap();
            table.take(101, 0, &text("Ada")).unwrap();
            table.finish().unwrap()
        };
        assert!(matches!(found(19), Sheet::Rows { rows, .. } if rows.len() == 1));
        assert!(matches!(found(20), Sheet::Unfit(Missing::Id)));
    }

    #[test]
    fn merged_cells_have_the_value_of_their_first() {
        let mut table = Table::new(1, TEXT);
        for (column, header) in (0..).zip(["Name", "ID", "Class"]) {
            table.take(1, column, &text(header)).unwrap();
        }
        for row in 2..=9 {
            table.take(row, 0, &text(&format!("Person {row}"))).unwrap();
        }
        table.take(2, 1, &text("0046")).unwrap();
        table.take(2, 2, &text("7A; 7B;")).unwrap();
        table.take(5, 1, &Cell::Number(7.0)).unwrap();
        table.take_merged(1, 2, 4);
        table.take_merged(1, 3, 9); // overlaps
        table.take_merged(2, 2, 3);
        table.take_merged(0, 2, 3); // names are not spread
        let (rows, ..) = rows(table);
        let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
        let (text, number) = (StudentId::from_text("0046"), Some(StudentId::Integer(7)));
        assert_eq!(ids, [text.clone(), text.clone(), text, number, None, None, None, None]);
        let groups: Vec<_> = rows.iter().map(|row| row.groups.as_ref().unwrap().join("|")).collect();
        assert_eq!(groups, ["7A|7B", "7A|7B", "", "", "", "", "", ""]);
    }

    #[test]
    fn what_merged_cells_have_together_is_counted() {
        let with_groups = |text_left: usize| {
            let mut table = Table::new(1, TEXT);
            for (column, header) in (0..).zip(["Name", "ID", "Class"]) {
                table.take(1, column, &text(header)).unwrap();
            }
            for row in 2..=101 {
                table.take(row, 0, &text(&format!("Person {row}"))).unwrap();
            }
            table.take(2, 1, &text("0046")).unwrap();
            table.take(2, 2, &text("7A; 7B;")).unwrap();
            table.take_merged(1, 2, 101);
            table.take_merged(2, 2, 101);
            table.text_left = text_left;
            table.finish()
        };
        // 99 rows, each with an ID of four bytes and two groups of two.
        let needed = 99 * (4 + 2 * (2 + 48));
        assert!(
            matches!(with_groups(needed), Ok(Sheet::Rows { rows, text_left: 0, .. }) if rows.len() == 100)
        );
        let error = with_groups(needed - 1).unwrap_err().to_string();
        assert!(error.ends_with("names and IDs of more than 64 MiB"), "{error}");
    }

    #[test]
    fn a_name_counts_with_all_characters_that_it_is_compared_by() {
        // One character that stands for eighteen.
        let (mut table, name) = (with_headers(), "\u{fdfa}".repeat(person_name::MAX_CHARS));
        table.text_left = 2 * name.len();
        assert!(table.take(2, 0, &text(&name)).is_err());
        table.text_left = 11 * name.len();
        table.take(2, 0, &text(&name)).unwrap();
        assert!(table.take(3, 2, &text("x")).is_ok());
    }

    #[test]
    fn addresses_are_those_of_the_sheet() {
        let address = |sheet, row, column| Table::new(sheet, TEXT).address(row, column);
        assert_eq!(address(1, 5, 1), "B5");
        assert_eq!(address(1, 1, 25), "Z1");
        assert_eq!(address(1, 1, 26), "AA1");
        assert_eq!(address(2, 9, 16_383), "XFD9 of sheet 2");
    }
}
