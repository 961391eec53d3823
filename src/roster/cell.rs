//! The value of a cell, whatever file it comes from, and what it is as a name or as an ID.

use std::borrow::Cow;

use crate::student_id::{self, StudentId};

/// Longest text of a cell that is looked at, bytes: a name may have [`crate::person_name::MAX_CHARS`] characters, and
/// decomposed, each of them takes up to 16.
pub(super) const MAX_CELL_BYTES: usize = 16 * crate::person_name::MAX_CHARS;

/// A cell that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    /// Text, or a value as the sheet shows it: a date, a number with leading zeros.
    Text(Cow<'a, str>),
    /// A number that is shown as it is.
    Number(f64),
    /// A number that the sheet shows in another way, which is not known here.
    OddNumber(f64),
    /// The error that a formula ended with.
    Error,
    /// A formula whose value the file does not hold.
    Formula,
}

impl Cell<'_> {
    /// A cell of a file that has nothing but text: a whole number as a spreadsheet program would take it, with no more
    /// digits than such a program keeps. Zeros in front make it text.
    pub(super) fn untyped(text: &str) -> Cell<'_> {
        let digits = text.trim();
        let is_number = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        match digits.parse() {
            Ok(number) if is_number && (digits == "0" || !digits.starts_with('0')) => Cell::Number(number),
            _ => Cell::Text(Cow::Borrowed(text)),
        }
    }

    /// As text; `None` where it shows none. Not copied: many cells may refer to one long text.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => (!text.is_empty()).then_some(Cow::Borrowed(text)),
            Self::Number(number) | Self::OddNumber(number) => Some(Cow::Owned(number.to_string())),
            Self::Error | Self::Formula => None,
        }
    }

    /// As an ID; `None` where the cell shows nothing.
    ///
    /// # Errors
    /// What was found, without the value.
    pub(super) fn id(&self) -> Result<Option<StudentId>, String> {
        match self {
            Self::Number(number) | Self::OddNumber(number) => Ok(StudentId::from_number(*number)),
            Self::Error => Err("holds an error".to_owned()),
            Self::Formula => Err("holds a formula without a stored value".to_owned()),
            Self::Text(text) if text.len() > MAX_CELL_BYTES => {
                let (most, bytes) = (student_id::MAX_CHARS, text.len());
                Err(format!("has {bytes} bytes, when {most} characters are allowed"))
            }
            Self::Text(text) if text.trim().is_empty() => Ok(None),
            Self::Text(text) => match StudentId::from_text(text) {
                Some(id) => Ok(Some(id)),
                None => Err(format!("has {} characters", text.trim().chars().count())),
            },
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_files_have_numbers_where_a_spreadsheet_would() {
        let id = |text: &str| Cell::untyped(text).id().unwrap();
        assert_eq!(id(" 20090044 "), Some(StudentId::Integer(20_090_044)));
        assert_eq!(id("0"), Some(StudentId::Integer(0)));
        for text in ["0046", "1e5", "+7", "-7", "12.5", "1234567890123456", "STS-93", "٣"] {
            assert_eq!(id(text), StudentId::from_text(text), "{text}");
        }
        assert_eq!(id(" \u{a0}"), None);
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
