//! The sheets of a workbook, or the one of a text file: those that have the columns make up the roster.

use super::columns::Missing;
use super::refusal::unusable;
use super::table::{MAX_WARNINGS, Room, RosterRow, Sheet, Table};
use crate::error::{InputError, Result};

/// Maximum number of visible sheets that are looked at.
const MAX_SHEETS: u32 = 64;

/// What the sheets had so far.
#[derive(Debug)]
pub(super) struct Sheets {
    /// The rows that have a name, in the order of the sheets.
    pub(super) rows: Vec<RosterRow>,
    /// What is odd about others.
    pub(super) warnings: Vec<String>,
    /// How many more warnings there were.
    pub(super) warnings_left_out: usize,
    seen: u32,
    hidden: u32,
    /// Beyond the most that are looked at.
    left_out: u32,
    empty: u32,
    fitting: u32,
    missing: Missing,
    room: Room,
}

impl Default for Sheets {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            warnings: Vec::new(),
            warnings_left_out: 0,
            seen: 0,
            hidden: 0,
            left_out: 0,
            empty: 0,
            fitting: 0,
            missing: Missing::Both,
            room: Room::default(),
        }
    }
}

impl Sheets {
    /// For the next visible sheet.
    pub(super) fn next_table(&mut self) -> Table {
        self.seen += 1;
        Table::new(self.seen, self.room)
    }

    /// A sheet is hidden.
    pub(super) fn pass_over(&mut self) {
        self.hidden += 1;
    }

    /// Whether no further visible sheet is looked at.
    pub(super) fn is_full(&self) -> bool {
        self.seen >= MAX_SHEETS
    }

    /// A visible sheet is one too many.
    pub(super) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Adds a sheet that was read.
    ///
    /// # Errors
    /// As [`Table::finish`].
    pub(super) fn add(&mut self, table: Table) -> Result<()> {
        match table.finish()? {
            Sheet::Empty => self.empty += 1,
            Sheet::Unfit(missing) => self.missing = self.missing.max(missing),
            Sheet::Rows { rows, warnings, warnings_left_out, room } => {
                self.fitting += 1;
                self.rows.extend(rows);
                self.room = room;
                let kept = warnings.len().min(MAX_WARNINGS.saturating_sub(self.warnings.len()));
                self.warnings_left_out += warnings_left_out + warnings.len() - kept;
                self.warnings.extend(warnings.into_iter().take(kept));
            }
        }
        Ok(())
    }

    /// Whether a sheet had the columns.
    pub(super) fn is_fitting(&self) -> bool {
        self.fitting > 0
    }

    /// How near the sheets came to having the columns.
    pub(super) fn likeness(&self) -> Missing {
        self.missing
    }

    /// All sheets, of which one must have had the columns.
    ///
    /// # Errors
    /// [`InputError::InvalidWorkbook`] saying what the sheets had instead. Not the cells: without a header row they are a
    /// person's.
    pub(super) fn finish(mut self) -> Result<Self> {
        if self.is_fitting() {
            if self.left_out > 0 {
                let (left_out, most) = (self.left_out, MAX_SHEETS);
                // First, since there may be too many warnings: people of whole classes have no ID.
                self.warnings.insert(
                    0,
                    format!(
                        "{left_out} sheets after the first {most} are not read: put them into one, or hide others"
                    ),
                );
            }
            return Ok(self);
        }
        let found = match self.missing {
            _ if self.seen == 0 && self.hidden == 0 => return Err(unusable("a workbook without sheets")),
            _ if self.seen == 0 => format!("{} sheet(s), all hidden", self.hidden),
            _ if self.seen == self.empty => format!("{} sheet(s), all empty", self.seen),
            Missing::Both => "neither".to_owned(),
            Missing::Id => "no \"ID\"".to_owned(),
            Missing::Name => "no \"Name\"".to_owned(),
        };
        let expected =
            "expected a visible sheet with the headers \"Name\" and \"ID\" in one of its first 20 rows";
        Err(InputError::InvalidWorkbook(format!("{expected}, found {found}")).into())
    }
}
