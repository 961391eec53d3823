//! What the cells of a workbook refer to: shared strings, and number formats by style.

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::events::BytesStart;

use crate::error::Result;
use crate::roster::cell::MAX_CELL_BYTES;
use crate::roster::number_format::NumberFormat;
use crate::roster::package::{Node, Package, Xml, attribute};
use crate::roster::refusal::unusable;

/// Maximum number of shared strings: four for each row of the largest sheet.
const MAX_STRINGS: usize = 4 << 20;
/// Most that the starts of all shared strings may take, bytes.
const MAX_STRING_BYTES: usize = 64 << 20;
/// Most formats and styles; a spreadsheet program has at most 65,490.
const MAX_STYLES: usize = 100_000;

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
        let number = escape.and_then(|escape| u32::from_str_radix(&escape[2..6], 16).ok());
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

/// Appends as much of `piece` as shows that the text is longer than `most`.
pub(super) fn push_start(text: &mut String, piece: &str, most: usize) {
    let room = (most + 1).saturating_sub(text.len());
    if piece.len() <= room {
        text.push_str(piece);
    } else {
        text.extend(piece.chars().scan(0, |len, c| {
            *len += c.len_utf8();
            (*len < room + c.len_utf8()).then_some(c)
        }));
    }
}

/// The number format of each style.
#[derive(Debug, Default)]
pub(super) struct Styles(Vec<NumberFormat>);

impl Styles {
    /// Reads the part; without it all numbers are plain.
    pub(super) fn read(package: &mut Package<'_>, part: &str) -> Result<Self> {
        let Some(mut xml) = package.part(part)? else { return Ok(Self::default()) };
        let (mut formats, mut styles, mut is_cell_style) = (HashMap::new(), Vec::new(), false);
        loop {
            match xml.next()? {
                Node::Start(tag) => match tag.local_name().as_ref() {
                    "numFmt" if formats.len() < MAX_STYLES => formats.extend(format(&tag)),
                    "cellXfs" => is_cell_style = true,
                    "xf" if is_cell_style && styles.len() < MAX_STYLES => {
                        styles.push(number(&tag, "numFmtId").unwrap_or(0));
                    }
                    _ => {}
                },
                Node::End(tag) if tag.local_name().as_ref() == "cellXfs" => is_cell_style = false,
                Node::Eof => break,
                _ => {}
            }
        }
        let of = |id: u32| formats.get(&id).cloned().unwrap_or_else(|| NumberFormat::built_in(id));
        Ok(Self(styles.into_iter().map(of).collect()))
    }

    /// The format of the style with this number.
    pub(super) fn get(&self, at: usize) -> &NumberFormat {
        self.0.get(at).unwrap_or(&NumberFormat::Plain)
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
        ] {
            assert_eq!(unescaped(text), plain, "{text}");
        }
    }

    #[test]
    fn of_a_long_text_one_character_more_than_the_most_is_kept() {
        for (pieces, expected) in
            [(vec!["abc", "def"], "abcde"), (vec!["abcd"], "abcd"), (vec!["ab", "éééé"], "abéé")]
        {
            let mut text = String::new();
            for piece in pieces {
                push_start(&mut text, piece, 4);
            }
            assert_eq!(text, expected);
        }
    }
}
