//! Tables as CSV (RFC 4180): CRLF, UTF-8.

use std::borrow::Cow;
use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::{Cell, Table};

/// What Excel needs to take a file for UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";
/// Text that begins with one of these is a formula to a spreadsheet.
const BEGIN_FORMULAS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes a table. Text that a spreadsheet would take for a formula gets a `'` before it: `-Ada` is
/// written `'-Ada`. Shares are fractions of 1.
///
/// # Errors
/// What `to` says.
pub fn write_csv(table: Table<'_>, with_byte_order_mark: bool, mut to: impl Write) -> io::Result<()> {
    if with_byte_order_mark {
        to.write_all(BYTE_ORDER_MARK.as_bytes())?;
    }
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(to);
    writer.write_record(table.header.iter().map(|heading| inert(heading).into_owned()))?;
    for row in table.rows {
        for cell in &row {
            writer.write_field(text(cell).as_bytes())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

fn text<'c>(cell: &'c Cell<'_>) -> Cow<'c, str> {
    match cell {
        Cell::Empty => "".into(),
        Cell::Text(text) => inert(text),
        Cell::Integer(number) => number.to_string().into(),
        Cell::Number(number) => number.to_string().into(),
        Cell::Share(share) => format!("{share:.4}").into(),
        Cell::Date(date) => date.to_string().into(),
        Cell::Time(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string().into(),
    }
}

fn inert(text: &str) -> Cow<'_, str> {
    if text.starts_with(BEGIN_FORMULAS) { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: Vec<Cell<'_>>, mark: bool) -> String {
        let header = (0..cells.len()).map(|at| Cow::from(format!("c{at}"))).collect();
        let rows = Box::new(vec![cells].into_iter());
        let mut bytes = Vec::new();
        write_csv(Table { title: "t".into(), header, fixed_columns: 0, rows }, mark, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_text_becomes_a_formula_and_names_stay_readable() {
        for text in ["=1+1", "+1", "-Ada", "@SUM(A1)", "\t=1", "\r=1"] {
            let line = written(vec![Cell::text(text)], false);
            let field = line.strip_prefix("c0\r\n").unwrap().trim_end_matches("\r\n").trim_matches('"');
            assert_eq!(field, format!("'{text}"));
        }
        assert_eq!(written(vec![Cell::text("Ada-=+@")], false), "c0\r\nAda-=+@\r\n");
    }

    #[test]
    fn quotes_commas_and_line_breaks_are_quoted_and_types_have_one_form() {
        let cells = vec![
            Cell::text("a \"b\", c\nd"),
            Cell::Empty,
            Cell::Integer(-5),
            Cell::Number(0.5),
            Cell::Share(2.0 / 3.0),
            Cell::Date(jiff::civil::date(2026, 3, 29)),
            Cell::Time(jiff::civil::date(2026, 3, 29).at(8, 5, 0, 0)),
        ];
        let expected = "\u{feff}c0,c1,c2,c3,c4,c5,c6\r\n\"a \"\"b\"\", c\nd\",,-5,0.5,0.6667,2026-03-29,2026-03-29 08:05:00\r\n";
        assert_eq!(written(cells, true), expected);
    }
}
