//! The rows of one sheet, as its cells come: finds the header, then keeps name, ID and groups of each row.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use jiff::civil::Date;

use super::cell::{Cell, MAX_CELL_BYTES};
use super::columns::{self, Column, Columns, Missing};
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
/// Most that all names, IDs and groups may have, bytes. Any number of cells may refer to one shared string, so that the
/// size of the file does not limit this.
const MAX_TEXT_BYTES: usize = 64 << 20;
/// Most rows with a name or an ID, of all sheets together; each takes some hundred bytes, however short the name is.
const MAX_PEOPLE: usize = 500_000;
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
    room: Room,
}

/// What the sheets may still have together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Bytes of names, IDs and groups.
    text: usize,
    rows: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { text: MAX_TEXT_BYTES, rows: MAX_PEOPLE }
    }
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
    /// One more; whether its text is wanted.
    fn has_room(&mut self) -> bool {
        let has_room = self.kept.len() < MAX_WARNINGS;
        self.left_out += usize::from(!has_room);
        has_room
    }

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
        /// What further sheets may have.
        room: Room,
    },
    /// Other columns.
    Unfit(Missing),
    /// Nothing.
    Empty,
}

impl Table {
    /// The visible sheet with this number.
    pub(super) fn new(sheet: u32, room: Room) -> Self {
        let header = Header::Wanted { row: 0, cells: BTreeMap::new(), seen: 0, missing: Missing::Both };
        let (rows, merges, warnings) = (BTreeMap::new(), Vec::new(), Warnings::default());
        Self { sheet, header, rows, merges, warnings, room }
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
            Column::Until => self.take_until(row, column, cell),
        }
    }

    /// A warning where the cell shows something else than what is taken of it.
    fn warn_of_cell(&mut self, row: u32, column: u32, role: Column, cell: &Cell<'_>) {
        let is_odd = match cell {
            Cell::Formula | Cell::Error => true,
            Cell::OddNumber(_) => role != Column::Until,
            _ => false,
        };
        // A row may stand for a million: texts that nobody gets are not made.
        if !is_odd || !self.warnings.has_room() {
            return;
        }
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

    /// Whether the cell says anything: until there is a header, only what could be one does.
    pub(super) fn matters(&self, cell: &Cell<'_>) -> bool {
        !matches!(self.header, Header::Wanted { .. }) || header_of(cell).is_some()
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
            Ok(columns) => {
                for at in columns.repeated() {
                    let address = self.address(before, *at);
                    self.warnings.push(format!(
                        "the header in cell {address} stands in other columns, too: those are not read"
                    ));
                }
                self.header = Header::Found { row: before, columns };
            }
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
                self.raw_row(row)?.name = Some(name);
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
            Ok(Some(id)) => self.raw_row(row)?.id = Some(id),
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
        self.raw_row(row)?.groups = groups;
        Ok(())
    }

    fn take_until(&mut self, row: u32, column: u32, cell: &Cell<'_>) -> Result<()> {
        match until::day_of(cell) {
            Ok(Some(day)) => self.raw_row(row)?.until = Some(day),
            Ok(None) => {}
            Err(expected) => {
                let address = self.address(row, column);
                self.warnings.push(format!("cell {address}: {expected}; taken as no end"));
            }
        }
        Ok(())
    }

    fn raw_row(&mut self, row: u32) -> Result<&mut RawRow> {
        if self.rows.len() >= self.room.rows && !self.rows.contains_key(&row) {
            return Err(unusable(&format!("more than {MAX_PEOPLE} rows with a name or an ID")));
        }
        Ok(self.rows.entry(row).or_default())
    }

    /// Any number of cells may refer to one text, so that the size of the file does not limit what they have together.
    fn count_text(&mut self, bytes: usize) -> Result<()> {
        let left = self.room.text.checked_sub(bytes);
        self.room.text = left.ok_or_else(|| unusable("names and IDs of more than 64 MiB"))?;
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
                Some(name) if raw.id.as_ref().is_some_and(|id| is_header(&name, id)) => {}
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
        self.room.rows = self.room.rows.saturating_sub(rows.len());
        Ok(Sheet::Rows {
            rows,
            warnings: self.warnings.kept,
            warnings_left_out: self.warnings.left_out,
            room: self.room,
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

fn is_header(name: &PersonName, id: &StudentId) -> bool {
    matches!(id, StudentId::Text(id) if columns::is_header_again(name.as_str(), id))
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
mod tests;
