//! Tables as workbooks, with real dates and numbers.

use jiff::civil::{Date, DateTime};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{Cell, Table};
use crate::error::{Error, InputError, Result};

/// Rows and columns of a sheet, as Excel has them; the header is one of the rows.
const MAX_ROWS: usize = 1_048_576;
const MAX_COLUMNS: usize = 16_384;
/// Longest name of a sheet, characters.
const MAX_TITLE_CHARS: usize = 31;
/// Characters that a sheet's name can't have.
const NOT_IN_TITLES: [char; 7] = ['[', ']', ':', '*', '?', '/', '\\'];
/// Longest text of a cell, characters.
const MAX_TEXT_CHARS: usize = 32_767;
/// From this number of cells on, rows go through a temporary file instead of staying in memory.
const CELLS_IN_MEMORY: usize = 200_000;

struct Formats {
    header: Format,
    share: Format,
    date: Format,
    time: Format,
}

/// A workbook of one sheet: header in sight and with filters, dates and numbers as such, text always
/// as text, never as a formula.
///
/// # Errors
/// [`InputError::Invalid`] for more rows or columns than a sheet has, [`Error::Internal`] when the
/// temporary file of a large table can't be written.
pub fn xlsx(table: Table<'_>) -> Result<Vec<u8>> {
    let (rows, columns) = (table.rows.len() + 1, table.header.len());
    if rows > MAX_ROWS || columns > MAX_COLUMNS {
        return Err(InputError::Invalid(format!(
            "a sheet has {MAX_ROWS} rows and {MAX_COLUMNS} columns at most, found {rows} and {columns}: ask for CSV, or for fewer sessions"
        ))
        .into());
    }
    workbook(table, rows, columns)
        .map_err(|error| Error::Internal(format!("the workbook can't be written: {error}")))
}

fn workbook(table: Table<'_>, rows: usize, columns: usize) -> Result<Vec<u8>, XlsxError> {
    let formats = Formats {
        header: Format::new().set_bold(),
        share: Format::new().set_num_format("0.0%"),
        date: Format::new().set_num_format("yyyy-mm-dd"),
        time: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
    };
    let mut workbook = Workbook::new();
    let sheet = if rows * columns > CELLS_IN_MEMORY {
        workbook.add_worksheet_with_constant_memory()?
    } else {
        workbook.add_worksheet()
    };
    sheet.set_name(sheet_name(&table.title))?;
    sheet.set_freeze_panes(1, table.fixed_columns)?;
    let (last_row, last_column) = (rows as u32 - 1, columns as u16 - 1);
    sheet.autofilter(0, 0, last_row, last_column)?;
    sheet.set_column_width(0, 28)?;
    sheet.set_column_range_width(1, last_column.max(1), 14)?;
    for (column, heading) in (0_u16..).zip(&table.header) {
        sheet.write_string_with_format(0, column, shortened(heading), &formats.header)?;
    }
    for (row, cells) in (1_u32..).zip(table.rows) {
        for (column, cell) in (0_u16..).zip(&cells) {
            write(sheet, row, column, cell, &formats)?;
        }
    }
    workbook.save_to_buffer()
}

fn write(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell<'_>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => return Ok(()),
        Cell::Text(text) => sheet.write_string(row, column, shortened(text))?,
        // A workbook's numbers are floats: a longer ID would lose its last digits.
        Cell::Integer(number) if number.unsigned_abs() > 1 << 53 => {
            sheet.write_string(row, column, number.to_string())?
        }
        Cell::Integer(number) => sheet.write_number(row, column, *number as f64)?,
        Cell::Number(number) => sheet.write_number(row, column, *number)?,
        Cell::Share(share) => sheet.write_number_with_format(row, column, *share, &formats.share)?,
        Cell::Date(date) => match excel_date(*date) {
            Ok(value) => sheet.write_datetime_with_format(row, column, value, &formats.date)?,
            Err(_) => sheet.write_string(row, column, date.to_string())?,
        },
        Cell::Time(time) => match excel_time(*time) {
            Ok(value) => sheet.write_datetime_with_format(row, column, value, &formats.time)?,
            Err(_) => sheet.write_string(row, column, time.to_string())?,
        },
    };
    Ok(())
}

/// # Errors
/// For dates before 1900, which a workbook doesn't know.
fn excel_date(date: Date) -> Result<ExcelDateTime, XlsxError> {
    let year = u16::try_from(date.year()).unwrap_or(0);
    ExcelDateTime::from_ymd(year, date.month() as u8, date.day() as u8)
}

fn excel_time(time: DateTime) -> Result<ExcelDateTime, XlsxError> {
    excel_date(time.date())?.and_hms(time.hour() as u16, time.minute() as u8, time.second() as u8)
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

/// A name that a sheet can have, as near to `title` as possible.
fn sheet_name(title: &str) -> String {
    let allowed: String = title.chars().filter(|c| !NOT_IN_TITLES.contains(c) && !c.is_control()).collect();
    // Counted in UTF-16, as Excel does; an apostrophe at either end is not allowed.
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= MAX_TITLE_CHARS
    };
    let short: String = allowed.trim_matches([' ', '\'']).chars().take_while(fits).collect();
    let short = short.trim_end_matches([' ', '\'']);
    if short.is_empty() || short.eq_ignore_ascii_case("history") {
        "Attendance".to_owned()
    } else {
        short.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::sheet_name;

    #[test]
    fn any_title_gives_a_name_that_a_sheet_can_have() {
        assert_eq!(sheet_name("Maths 7A: fractions/decimals"), "Maths 7A fractionsdecimals");
        assert_eq!(sheet_name("'[]?'"), "Attendance");
        assert_eq!(sheet_name("History"), "Attendance");
        assert_eq!(sheet_name(&"👩".repeat(40)).chars().count(), 15);
    }
}
