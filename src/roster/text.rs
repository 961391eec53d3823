//! Reads text files with one person a line, as spreadsheet programs and school software write them: separated by commas,
//! semicolons or tabs, in UTF-8, UTF-16 or Windows-1252.

use std::borrow::Cow;
use std::cell::Cell as Shared;
use std::io::{self, Read};

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::cell::Cell;
use super::package::Check;
use super::refusal::unusable;
use super::sheets::Sheets;
use super::table::Table;
use crate::error::Result;

/// What may stand between two cells. The first with which the columns are found is taken.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// What programs of old put behind the end of a text.
const END_MARKS: [char; 2] = ['\0', '\u{1a}'];
/// Bytes that are read for one record at most: each of its fields takes twice eight bytes beside its text.
const MAX_RECORD_BYTES: usize = 1 << 20;

/// Reads the text; `None` for a file that is none.
///
/// # Errors
/// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) where no separator gives the columns, and as
/// [`Table::take`].
pub(super) fn read(bytes: &[u8], check: Check<'_>) -> Result<Option<Sheets>> {
    let Some(text) = decode(bytes) else { return Ok(None) };
    let text = text.trim_end_matches(END_MARKS);
    let mut tried = Vec::new();
    for separator in SEPARATORS {
        let mut sheets = Sheets::default();
        let mut table = sheets.next_table();
        read_table(text, separator, &mut table, check)?;
        sheets.add(table)?;
        if sheets.is_fitting() {
            return Ok(Some(sheets));
        }
        tried.push(sheets);
    }
    // Of those that lack a column, the one that came nearest.
    let best = tried.into_iter().max_by_key(Sheets::likeness);
    best.map(Sheets::finish).transpose()
}

/// The text of a file; `None` where it holds what no text does.
fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, mark)) => encoding.decode_without_bom_handling(&bytes[mark..]).0,
        None => match bytes {
            // The first letter of a header in UTF-16.
            [0, _, ..] => UTF_16BE.decode_without_bom_handling(bytes).0,
            [_, 0, ..] => UTF_16LE.decode_without_bom_handling(bytes).0,
            _ => match std::str::from_utf8(bytes) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
            },
        },
    };
    let is_foreign = |c: char| c.is_control() && !c.is_whitespace();
    (!text.is_empty() && !text.trim_end_matches(END_MARKS).contains(is_foreign)).then_some(text)
}

fn read_table(text: &str, separator: u8, table: &mut Table, check: Check<'_>) -> Result<()> {
    let left = Shared::new(0);
    let mut reader = reader(separator).from_reader(Limited { rest: text.as_bytes(), left: &left });
    let (mut record, mut lines) = (StringRecord::new(), Lines { text, at: 0, line: 1 });
    while !table.is_hopeless() {
        check()?;
        left.set(MAX_RECORD_BYTES);
        let before = reader.position().byte();
        let more = reader.read_record(&mut record).map_err(|_| {
            let row = lines.line_of(before);
            unusable(&format!(
                "a text file whose line {row} has more than 1 MiB, or begins a quotation (\") that never ends"
            ))
        })?;
        if !more {
            break;
        }
        let start = record.position().map_or(0, csv::Position::byte);
        let row = lines.line_of(start);
        if has_open_quotation(text, separator, start, reader.position().byte()) {
            let found = format!("a text file whose line {row} begins a quotation (\") that never ends");
            return Err(unusable(&found));
        }
        let columns = u32::try_from(record.len()).unwrap_or(u32::MAX);
        for column in table.wanted(row, 0..columns) {
            if let Some(field) = record.get(column as usize) {
                table.take(row, column, &cell(field))?;
            }
        }
    }
    Ok(())
}

/// Whether the record of these bytes takes the rest of the file for one cell.
fn has_open_quotation(text: &str, separator: u8, start: u64, end: u64) -> bool {
    let at = |byte: u64| usize::try_from(byte).unwrap_or(usize::MAX).min(text.len());
    if at(end) < text.len() {
        return false;
    }
    let record = text.as_bytes()[at(start)..].trim_ascii();
    let has_lines = record.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
    // What follows it is a record of its own, but where a quotation goes on.
    let followed = record.chain(&b"\nx"[..]);
    has_lines && reader(separator).from_reader(followed).byte_records().count() == 1
}

fn reader(separator: u8) -> ReaderBuilder {
    let mut reader = ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(separator);
    reader
}

/// A text of which so many bytes are read; more are an error.
struct Limited<'a> {
    rest: &'a [u8],
    left: &'a Shared<usize>,
}

impl Read for Limited<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = to.len().min(self.left.get());
        if most == 0 && !self.rest.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let read = self.rest.read(&mut to[..most])?;
        self.left.set(self.left.get() - read);
        Ok(read)
    }
}

/// The cell of a field; `="0046"` is the text that a spreadsheet program shows of it.
fn cell(field: &str) -> Cell<'_> {
    let inner = field.trim().strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    match inner.filter(|inner| !inner.contains('"')) {
        Some(inner) => Cell::Text(Cow::Borrowed(inner)),
        None => Cell::untyped(field),
    }
}

/// Counts lines up to where a record begins; the reader's own count is of where the one before ended.
struct Lines<'a> {
    text: &'a str,
    /// Byte up to which they are counted, and the number of the line there.
    at: usize,
    line: u32,
}

impl Lines<'_> {
    /// The number of the line of the record whose bytes begin at `start` or behind the line breaks there.
    fn line_of(&mut self, start: u64) -> u32 {
        let bytes = self.text.as_bytes();
        let mut start = usize::try_from(start).map_or(bytes.len(), |start| start.min(bytes.len()));
        start += bytes[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        for at in self.at..start {
            let is_end = match bytes[at] {
                b'\n' => true,
                b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line = self.line.saturating_add(u32::from(is_end));
        }
        self.at = self.at.max(start);
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_numbers_of_their_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["", "Name,ID", "\"Ada", "Lovelace\",1", "", "", "Grace,2", ""].join(end);
            let mut sheets = Sheets::default();
            let mut table = sheets.next_table();
            read_table(&text, b',', &mut table, &|| Ok(())).unwrap();
            sheets.add(table).unwrap();
            let rows: Vec<u32> = sheets.rows.iter().map(|row| row.place.row).collect();
            assert_eq!(rows, [3, 7], "{end:?}");
        }
    }

    #[test]
    fn a_record_that_is_too_long_is_refused_and_a_quotation_that_ends_is_not() {
        let read = |text: &str| {
            let mut sheets = Sheets::default();
            let mut table = sheets.next_table();
            read_table(text, b',', &mut table, &|| Ok(()))?;
            sheets.add(table)?;
            Ok::<_, crate::error::Error>(sheets.rows.len())
        };
        let wide = format!("Name,ID\n{}", ",".repeat(2 * MAX_RECORD_BYTES));
        assert!(read(&wide).unwrap_err().to_string().contains("line 2 has more than 1 MiB"));
        let long = "Ada Lovelace,1\n".repeat(2 * MAX_RECORD_BYTES / 15);
        assert!(read(&format!("Name,ID\n{long}")).unwrap() > 100_000, "the limit is of one record");
        assert_eq!(read("Name,ID\n\"Ada\nLovelace\",1,5\" pipe").unwrap(), 1);
        assert!(read("Name,ID\n\"Ada\nLovelace,1").unwrap_err().to_string().contains("never ends"));
    }

    #[test]
    fn each_encoding_is_told_from_the_others() {
        let text = "Name;ID\nJos\u{e9};1\n";
        let utf_16 = |to: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(to).collect() };
        let latin: Vec<u8> = text.chars().map(|c| c as u8).collect();
        for bytes in [text.as_bytes().to_vec(), utf_16(u16::to_le_bytes), utf_16(u16::to_be_bytes), latin] {
            assert_eq!(decode(&bytes).as_deref(), Some(text), "{bytes:?}");
        }
        for mark in [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"] {
            let body = match mark {
                b"\xff\xfe" => utf_16(u16::to_le_bytes),
                b"\xfe\xff" => utf_16(u16::to_be_bytes),
                _ => text.as_bytes().to_vec(),
            };
            assert_eq!(decode(&[mark, &body].concat()).as_deref(), Some(text));
        }
        assert_eq!(decode(b"\x89PNG\r\n\x1a\n\0\0"), None);
        assert_eq!(decode(b""), None);
    }
}
