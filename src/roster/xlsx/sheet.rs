//! The cells of one sheet.

use std::borrow::Cow;

use quick_xml::events::BytesStart;

use super::parts::{Shared, number, read_text, unescaped};
use crate::error::Result;
use crate::roster::cell::{Cell, MAX_CELL_BYTES, push_start};
use crate::roster::number_format::{NumberFormat, Shown};
use crate::roster::package::{Node, Xml, attribute};
use crate::roster::refusal::unusable;
use crate::roster::table::{MAX_COLUMNS, Table};

/// Where a cell is: its row, from 1, and its column, from 0.
type Address = (u32, u32);

/// Type and style of a cell.
struct Attributes {
    /// The attribute `t`; of a number it may be missing.
    kind: Option<String>,
    style: Option<usize>,
}

/// Reads the sheet into `table`.
///
/// # Errors
/// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) for broken XML, and as [`Table::take`].
pub(super) fn read(mut xml: Xml<'_>, shared: &Shared, table: &mut Table) -> Result<()> {
    // The next cell, where neither the row nor the cell says where it is.
    let mut next: Address = (1, 0);
    while !table.is_hopeless() {
        match xml.next()? {
            Node::Start(tag) => match tag.local_name().as_ref() {
                "row" => next = (number(&tag, "r").unwrap_or(next.0), 0),
                "c" => {
                    let at = attribute(&tag, "r").and_then(|text| address(&text)).unwrap_or(next);
                    next = (at.0, at.1.saturating_add(1));
                    if table.wanted(at.0, at.1..at.1.saturating_add(1)).is_empty() {
                        continue;
                    }
                    let kind = attribute(&tag, "t").map(Cow::into_owned);
                    let attributes = Attributes { kind, style: number(&tag, "s") };
                    read_cell(&mut xml, &attributes, shared, |cell| table.take(at.0, at.1, &cell))?;
                }
                "mergeCell" => merge(&tag, table),
                _ => {}
            },
            Node::End(tag) if tag.local_name().as_ref() == "row" => next = (next.0.saturating_add(1), 0),
            Node::Eof => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a cell up to its end, and gives it to `take` where it is not empty.
fn read_cell(
    xml: &mut Xml<'_>,
    attributes: &Attributes,
    shared: &Shared,
    take: impl FnOnce(Cell<'_>) -> Result<()>,
) -> Result<()> {
    let (mut value, mut inline, mut is_value, mut is_formula) = (String::new(), None, false, false);
    loop {
        match xml.next()? {
            Node::Start(tag) => match tag.local_name().as_ref() {
                "v" => is_value = true,
                "f" => is_formula = true,
                "is" => {
                    drop(tag);
                    let mut text = String::new();
                    read_text(xml, "is", &mut text)?;
                    inline.get_or_insert(text);
                }
                _ => {}
            },
            Node::End(tag) => match tag.local_name().as_ref() {
                "v" => is_value = false,
                "c" => break,
                _ => {}
            },
            Node::Text(piece) if is_value => push_start(&mut value, &piece, MAX_CELL_BYTES),
            Node::Eof => return Err(unusable("XML that is cut off")),
            _ => {}
        }
    }
    // Text of its own is no value: of a cell that has both, its type says which counts.
    let is_inline = value.is_empty() || attributes.kind.as_deref() == Some("inlineStr");
    let cell = match &inline {
        Some(text) if is_inline => shown_text(text),
        _ => value_of(&value, attributes, shared)?,
    };
    match cell {
        Some(cell) => take(cell),
        None if is_formula => take(Cell::Formula),
        None => Ok(()),
    }
}

fn shown_text(text: &str) -> Option<Cell<'_>> {
    (!text.is_empty()).then(|| Cell::Text(unescaped(text)))
}

/// The cell whose stored value is `text`; `None` for an empty one.
fn value_of<'a>(text: &'a str, attributes: &Attributes, shared: &'a Shared) -> Result<Option<Cell<'a>>> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(match attributes.kind.as_deref() {
        Some("s") => {
            let string = text.trim().parse().ok().and_then(|at| shared.strings.get(at));
            shown_text(string.ok_or_else(|| unusable("a cell with a shared string that is not there"))?)
        }
        Some("b") => shown_text(if matches!(text.trim(), "1" | "true") { "TRUE" } else { "FALSE" }),
        Some("e") => Some(Cell::Error),
        Some("str" | "inlineStr") => shown_text(text),
        Some("d") => shown_text(text.trim_end_matches("T00:00:00")),
        _ => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Some(shown_number(number, attributes, shared)),
            _ if attributes.kind.is_some() => Some(Cell::Error),
            _ => shown_text(text),
        },
    })
}

fn shown_number(number: f64, attributes: &Attributes, shared: &Shared) -> Cell<'static> {
    let format = attributes.style.map_or(&NumberFormat::Plain, |style| shared.styles.get(style));
    match format.show(number, shared.is_1904) {
        Shown::Number => Cell::Number(number),
        Shown::Text(text) => Cell::Text(Cow::Owned(text)),
        Shown::Unknown => Cell::OddNumber(number),
    }
}

fn merge(tag: &BytesStart<'_>, table: &mut Table) {
    let Some(range) = attribute(tag, "ref") else { return };
    let ends = range.split_once(':').and_then(|(first, last)| Some((address(first)?, address(last)?)));
    if let Some(((first, column), (last, _))) = ends {
        table.take_merged(column, first, last);
    }
}

/// `B5` as row 5 and column 1.
fn address(text: &str) -> Option<Address> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (letters, row) = text.split_at_checked(digits)?;
    let letter = |column: u32, byte: u8| {
        let value = u32::from(byte.to_ascii_uppercase().checked_sub(b'A')?) + 1;
        (value <= 26 && column <= MAX_COLUMNS).then(|| column * 26 + value)
    };
    let column = letters.bytes().try_fold(0, letter)?.checked_sub(1)?;
    Some((row.parse().ok().filter(|row| *row > 0)?, column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_row_and_column() {
        assert_eq!(address("A1"), Some((1, 0)));
        assert_eq!(address("XFD1048576"), Some((1_048_576, 16_383)));
        assert_eq!(address("aa10"), Some((10, 26)));
        for text in ["", "1", "A", "A0", "A-1", "$A$1", "AAAAAAAAAAAAAAA1", "É1", "A99999999999"] {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
