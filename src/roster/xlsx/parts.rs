//! What the cells of a workbook refer to: shared strings, and number formats by style.

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::events::BytesStart;

use crate::error::Result;
use crate::roster::cell::{MAX_CELL_BYTES, push_start};
use crate::roster::number_format::NumberFormat;
use crate::roster::package::{Node, Package, Xml, attribute};
use crate::roster::refusal::unusable;

/// Maximum number of shared strings: four for each row of the largest sheet.
const MAX_STRINGS: usize = 4 << 20;
/// Most that the starts of all shared strings may take, bytes.
const MAX_STRING_BYTES: usize = 64 << 20;
/// Most styles; a spreadsheet program has at most 65,490.
const MAX_STYLES: usize = 100_000;
/// Most formats that the workbook describes; Excel has some 250, and each may take 1 KiB.
const MAX_FORMATS: usize = 10_000;

/// What the cells of all sheets refer to.
pub(super) struct Shared {
    /// Text.
    pub(super) strings: Strings,
    /// Looks.
    pub(super) styles: Styles,
    /// Days count from 1904.
    pub(super) is_1904: bool,
}

/// The shared strings, each cut where it is too long for a name or an ID: one byte after the longest.
#[derive(Debug, Default)]
pub(super) struct Strings {
    text: String,
    /// Where each ends in `text`.
    ends: Vec<u32>,
}

impl Strings {
    /// Reads the part; there are no strings without it.
    pub(super) fn read(package: &mut Package<'_>, part: &str) -> Result<Self> {
        let mut strings = Self::default();
        let Some(mut xml) = package.part(part)? else { return Ok(strings) };
        loop {
            match xml.next()? {
                Node::Start(tag) if tag.local_name().as_ref() == "si" => {
                    read_text(&mut xml, "si", &mut strings.text)?;
                    strings.end_string()?;
                }
                Node::Eof => return Ok(strings),
                _ => {}
            }
        }
    }

    fn end_string(&mut self) -> Result<()> {
        if self.ends.len() >= MAX_STRINGS || self.text.len() > MAX_STRING_BYTES {
            return Err(unusable("a table of more than 4194304 shared strings, or of more than 64 MiB"));
        }
        self.ends.push(self.text.len() as u32);
        Ok(())
    }

    /// The string with this number.
    pub(super) fn get(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start as usize..end as usize)
    }
}

/// Appends the text of an element up to its end: that of its parts `t`, without the readings of Japanese names. Of a long
/// one only the start is kept.
pub(super) fn read_text(xml: &mut Xml<'_>, end: &str, text: &mut String) -> Result<()> {
    let most = text.len() + MAX_CELL_BYTES;
    let (mut is_text, mut is_reading) = (false, false);
    loop {
        match xml.next()? {
            Node::Start(tag) => match tag.local_name().as_ref() {
                "t" => is_text = true,
                "rPh" => is_reading = true,
                _ => {}
            },
            Node::End(tag) => match tag.local_name().as_ref() {
                "t" => is_text = false,
                "rPh" => is_reading = false,
                name if name == end => return Ok(()),
                _ => {}
            },
            Node::Text(piece) if is_text && !is_reading => push_start(text, &piece, most),
            Node::Eof => return Err(unusable("XML that is cut off")),
            _ => {}
        }
    }
}

/// Text in which `_x000D_` stands for the character U+000D, as workbooks write what XML can't hold.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("_x") {
        let escape = rest.get(at..at + 7).filter(|escape| escape.ends_with('_'));
        let digits =
            escape.map(|escape| &escape[2..6]).filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        plain.push_str(&rest[..at]);
        if let Some(character) = number.and_then(char::from_u32) {
            plain.push(character);
            rest = &rest[at + 7..];
        } else {
            plain.push_str("_x");
            rest = &rest[at + 2..];
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The number format of each style.
#[derive(Debug, Default)]
pub(super) struct Styles {
    /// The number of each style's format.
    formats_of: Vec<u32>,
    /// The formats that the workbook describes, by their numbers.
    formats: HashMap<u32, NumberFormat>,
}

impl Styles {
    /// Reads the part; without it all numbers are plain.
    pub(super) fn read(package: &mut Package<'_>, part: &str) -> Result<Self> {
        let mut styles = Self::default();
        let Some(mut xml) = package.part(part)? else { return Ok(styles) };
        let mut is_cell_style = false;
        loop {
            match xml.next()? {
                Node::Start(tag) => match tag.local_name().as_ref() {
                    "numFmt" if styles.formats.len() < MAX_FORMATS => styles.formats.extend(format(&tag)),
                    "cellXfs" => is_cell_style = true,
                    "xf" if is_cell_style && styles.formats_of.len() < MAX_STYLES => {
                        styles.formats_of.push(number(&tag, "numFmtId").unwrap_or(0));
                    }
                    _ => {}
                },
                Node::End(tag) if tag.local_name().as_ref() == "cellXfs" => is_cell_style = false,
                Node::Eof => return Ok(styles),
                _ => {}
            }
        }
    }

    /// The format of the style with this number.
    pub(super) fn get(&self, at: usize) -> &NumberFormat {
        let format = self.formats_of.get(at).copied().unwrap_or(0);
        self.formats.get(&format).unwrap_or_else(|| NumberFormat::built_in(format))
    }
}

fn format(tag: &BytesStart<'_>) -> Option<(u32, NumberFormat)> {
    Some((number(tag, "numFmtId")?, NumberFormat::of_code(&attribute(tag, "formatCode")?)))
}

/// An attribute that is a whole number.
pub(super) fn number<T: std::str::FromStr>(tag: &BytesStart<'_>, name: &str) -> Option<T> {
    attribute(tag, name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_cant_hold_are_unescaped() {
        for (text, plain) in [
            ("Ada", "Ada"),
            ("Ada_x000D_Lovelace", "Ada\rLovelace"),
            ("_x005F_x000D_", "_x000D_"),
            ("a_x", "a_x"),
            ("_xZZZZ_", "_xZZZZ_"),
            ("_x00e9", "_x00e9"),
            ("_xé000_", "_xé000_"),
            ("_x+041_", "_x+041_"),
        ] {
            assert_eq!(unescaped(text), plain, "{text}");
        }
    }
}
