//! Reads .ods workbooks, those of `LibreOffice`. Cells hold their value and what they show; what they show counts where it
//! has more, as zeros in front of a number.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use quick_xml::events::BytesStart;

use super::cell::{Cell, MAX_CELL_BYTES, push_start};
use super::package::{Node, Package, Xml, attribute, name_attribute};
use super::refusal::unusable;
use super::sheets::Sheets;
use super::table::{MAX_ROWS, Table};
use crate::error::Result;

/// The part that holds all sheets.
pub(super) const CONTENT: &str = "content.xml";
/// Most styles of sheets that are remembered.
const MAX_STYLES: usize = 10_000;

/// A cell of the row at hand, and those beside it that are alike.
struct Run {
    columns: Range<u32>,
    cell: Cell<'static>,
    /// How many rows are merged into it.
    rows: u32,
}

/// What the tag of a cell says.
struct CellTag {
    /// The attribute `value-type`.
    kind: Option<String>,
    /// The attribute with the value, which has a name of its own for some types.
    value: Option<String>,
    is_error: bool,
    is_formula: bool,
    /// How many columns have this cell.
    columns: u32,
    /// How many rows are merged into it.
    rows: u32,
}

/// Reads all visible sheets.
///
/// # Errors
/// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) for a file that is no such workbook.
pub(super) fn read(package: &mut Package<'_>, sheets: &mut Sheets) -> Result<()> {
    if is_encrypted(package)? {
        return Err(unusable("a workbook with a password"));
    }
    let Some(mut xml) = package.part(CONTENT)? else {
        return Err(unusable("a zip archive that is no workbook"));
    };
    let (mut hidden, mut style) = (HashSet::new(), String::new());
    loop {
        match xml.next()? {
            Node::Start(tag) => match tag.local_name().as_ref() {
                "style" => style = name_attribute(&tag, "name").unwrap_or_default(),
                "table-properties" => {
                    let is_hidden = attribute(&tag, "display").is_some_and(|shown| shown == "false");
                    if is_hidden && hidden.len() < MAX_STYLES {
                        hidden.insert(std::mem::take(&mut style));
                    }
                }
                "table" => {
                    let is_hidden =
                        attribute(&tag, "style-name").is_some_and(|style| hidden.contains(&*style));
                    drop(tag);
                    if is_hidden {
                        sheets.pass_over();
                        skip(&mut xml, "table")?;
                    } else if sheets.is_full() {
                        sheets.leave_out();
                        skip(&mut xml, "table")?;
                    } else {
                        let mut table = sheets.next_table();
                        read_table(&mut xml, &mut table)?;
                        sheets.add(table)?;
                    }
                }
                _ => {}
            },
            Node::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// Whether the manifest names a part that is encrypted.
fn is_encrypted(package: &mut Package<'_>) -> Result<bool> {
    let Some(mut xml) = package.part("META-INF/manifest.xml")? else { return Ok(false) };
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.local_name().as_ref() == "encryption-data" => return Ok(true),
            Node::Eof => return Ok(false),
            _ => {}
        }
    }
}

/// Reads one sheet up to its end.
fn read_table(xml: &mut Xml<'_>, table: &mut Table) -> Result<()> {
    let mut row = 1_u32;
    loop {
        match xml.next()? {
            Node::Start(tag) if tag.local_name().as_ref() == "table-row" => {
                let times = count(&tag, "number-rows-repeated");
                drop(tag);
                let runs = read_row(xml, row, table)?;
                repeat_row(xml, row..row.saturating_add(times), runs, table)?;
                // So many rows may be empty that the number of the next one is none.
                row = row.saturating_add(times).min(MAX_ROWS + 1);
            }
            Node::End(tag) if tag.local_name().as_ref() == "table" => return Ok(()),
            Node::Eof => return Err(unusable("XML that is cut off")),
            _ => {}
        }
    }
}

/// The cells of a row that matter.
fn read_row(xml: &mut Xml<'_>, row: u32, table: &mut Table) -> Result<Vec<Run>> {
    let (mut runs, mut column) = (Vec::new(), 0_u32);
    loop {
        match xml.next()? {
            Node::Start(tag) if matches!(tag.local_name().as_ref(), "table-cell" | "covered-table-cell") => {
                let about = CellTag::of(&tag);
                let end = tag.local_name().as_ref().to_owned();
                drop(tag);
                let text = cell_text(xml, &end)?;
                let columns = column..column.saturating_add(about.columns);
                column = columns.end;
                if table.wanted(row, columns.clone()).is_empty() {
                    continue;
                }
                let cell = about.cell(&text).filter(|cell| table.matters(cell));
                runs.extend(cell.map(|cell| Run { columns, cell, rows: about.rows }));
            }
            Node::End(tag) if tag.local_name().as_ref() == "table-row" => return Ok(runs),
            Node::Eof => return Err(unusable("XML that is cut off")),
            _ => {}
        }
    }
}

/// A row stands for several that are alike; an empty one costs nothing, however often it is repeated, and of another one
/// only the columns that are read are looked at again.
fn repeat_row(xml: &Xml<'_>, rows: Range<u32>, mut runs: Vec<Run>, table: &mut Table) -> Result<()> {
    for row in rows {
        xml.check()?;
        runs.retain(|run| !table.wanted(row, run.columns.clone()).is_empty());
        if runs.is_empty() {
            return Ok(());
        }
        for Run { columns, cell, rows } in &runs {
            for column in table.wanted(row, columns.clone()) {
                table.take(row, column, cell)?;
                table.take_merged(column, row, row.saturating_add(rows - 1));
            }
        }
    }
    Ok(())
}

/// The text of a cell up to its end: its paragraphs, without the comment on it. Of a long one only the start is kept.
fn cell_text(xml: &mut Xml<'_>, end: &str) -> Result<String> {
    let mut text = String::new();
    let (mut paragraphs, mut is_comment) = (0_usize, false);
    loop {
        match xml.next()? {
            Node::Start(tag) => match tag.local_name().as_ref() {
                "annotation" => is_comment = true,
                "p" if !is_comment => {
                    let is_next = !text.is_empty();
                    push_spaces(&mut text, usize::from(is_next));
                    paragraphs += 1;
                }
                "s" if !is_comment => push_spaces(&mut text, count(&tag, "c") as usize),
                "tab" | "line-break" if !is_comment => push_spaces(&mut text, 1),
                _ => {}
            },
            Node::End(tag) => match tag.local_name().as_ref() {
                "annotation" => is_comment = false,
                "p" if !is_comment => paragraphs = paragraphs.saturating_sub(1),
                name if name == end => return Ok(text),
                _ => {}
            },
            Node::Text(piece) if paragraphs > 0 && !is_comment => {
                push_start(&mut text, &piece, MAX_CELL_BYTES);
            }
            Node::Eof => return Err(unusable("XML that is cut off")),
            _ => {}
        }
    }
}

/// Appends spaces, no more than show that the text is too long.
fn push_spaces(text: &mut String, spaces: usize) {
    let room = (MAX_CELL_BYTES + 1).saturating_sub(text.len());
    text.extend(std::iter::repeat_n(' ', spaces.min(room)));
}

/// Reads on up to the end of an element.
fn skip(xml: &mut Xml<'_>, end: &str) -> Result<()> {
    loop {
        match xml.next()? {
            Node::End(tag) if tag.local_name().as_ref() == end => return Ok(()),
            Node::Eof => return Err(unusable("XML that is cut off")),
            _ => {}
        }
    }
}

impl CellTag {
    fn of(tag: &BytesStart<'_>) -> Self {
        let kind = text_of(tag, "value-type");
        let value = match kind.as_deref() {
            Some("date") => text_of(tag, "date-value"),
            Some("time") => text_of(tag, "time-value"),
            Some("boolean") => text_of(tag, "boolean-value"),
            Some("string") => text_of(tag, "string-value"),
            _ => text_of(tag, "value"),
        };
        let mut attributes = tag.attributes();
        let mut types = attributes.with_checks(false).flatten();
        let is_error = types.any(|it| it.key.as_ref() == "calcext:value-type" && &*it.value == "error");
        let is_formula = attribute(tag, "formula").is_some();
        let (columns, rows) = (count(tag, "number-columns-repeated"), count(tag, "number-rows-spanned"));
        Self { kind, value, is_error, is_formula, columns, rows }
    }

    /// The cell, whose shown text this is; `None` for an empty one.
    fn cell(&self, shown: &str) -> Option<Cell<'static>> {
        if self.is_error {
            return Some(Cell::Error);
        }
        let text = |text: &str| {
            let mut start = String::new();
            push_start(&mut start, text, MAX_CELL_BYTES);
            (!start.is_empty()).then_some(Cell::Text(Cow::Owned(start)))
        };
        match (self.kind.as_deref(), self.value.as_deref()) {
            (None, _) if shown.is_empty() => self.is_formula.then_some(Cell::Formula),
            (Some("float" | "currency" | "percentage"), Some(value)) => number(value, shown),
            (Some("date"), Some(value)) => text(value.trim_end_matches("T00:00:00")),
            (Some("time"), Some(value)) => text(&time(value).unwrap_or_else(|| shown.to_owned())),
            (Some("boolean"), Some(value)) => text(if value == "true" { "TRUE" } else { "FALSE" }),
            (_, value) => text(if shown.is_empty() { value.unwrap_or_default() } else { shown }),
        }
    }
}

/// A number, or what is shown of it where that is more than the number.
fn number(value: &str, shown: &str) -> Option<Cell<'static>> {
    let number: f64 = value.trim().parse().ok().filter(|number: &f64| number.is_finite())?;
    let shown = shown.trim();
    if has_digits(shown) && !is_plain(shown) {
        return Some(Cell::Text(Cow::Owned(shown.to_owned())));
    }
    Some(Cell::Number(number))
}

fn has_digits(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

/// Whether text is a number's own look: with a sign or a currency before or behind it, separators, decimals, an exponent,
/// percent. No zeros in front, and nothing else.
fn is_plain(shown: &str) -> bool {
    if shown.parse::<f64>().is_ok() {
        return !has_zeros_in_front(shown);
    }
    let is_around = |c: char| "-+()%$\u{20ac}\u{a3}\u{a5}\u{2212}".contains(c) || c.is_whitespace();
    let inner = shown.trim_matches(is_around);
    let is_separator = |c: char| matches!(c, '.' | ',' | '\'' | '\u{2019}') || c.is_whitespace();
    inner.chars().all(|c| c.is_ascii_digit() || is_separator(c)) && !has_zeros_in_front(inner)
}

fn has_zeros_in_front(digits: &str) -> bool {
    let digits = digits.trim_start_matches(['-', '+']);
    digits.starts_with('0') && has_digits(digits[1..].split(['.', ',']).next().unwrap_or_default())
}

/// `PT09H05M00S` as `09:05:00`.
fn time(value: &str) -> Option<String> {
    let (hours, rest) = value.strip_prefix("PT")?.split_once('H')?;
    let (minutes, seconds) = rest.split_once('M')?;
    let seconds = seconds.strip_suffix('S')?.split(['.', ',']).next()?;
    let parts = [hours, minutes, seconds];
    let is_number =
        |part: &&str| (1..=6).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.iter().all(is_number).then(|| parts.join(":"))
}

/// A number of repetitions, at least 1.
fn count(tag: &BytesStart<'_>, name: &str) -> u32 {
    let count = attribute(tag, name).and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or(1);
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}

fn text_of(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    attribute(tag, name).map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_shows_counts_where_it_has_more() {
        let text = |text: &str| Some(Cell::Text(Cow::Owned(text.to_owned())));
        assert_eq!(number("44", "0044"), text("0044"));
        assert_eq!(number("93", "STS-93"), text("STS-93"));
        for shown in ["012-345", "12-345", "012 345", "12/345", "00.50", "-007", "#12345", "007 kg"] {
            assert_eq!(number("12345", shown), text(shown), "{shown}");
        }
        for shown in [
            "20090044",
            "20,090,044",
            "20.090.044",
            "20'090'044",
            "20 090 044",
            "20090044.00",
            "2.01E+07",
            "0",
            "0.5",
            "0,007",
            "-5",
            "(5)",
            "5 %",
            "\u{20ac} 5,00",
            "",
            "###",
        ] {
            assert_eq!(number("20090044", shown), Some(Cell::Number(20_090_044.0)), "{shown}");
        }
        assert_eq!(time("PT09H05M00S").as_deref(), Some("09:05:00"));
        assert_eq!(time("PT36H00M00.5S").as_deref(), Some("36:00:00"));
        assert_eq!(time("P1D"), None);
    }
}
