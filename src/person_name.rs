//! A person's name in one spelling. The same name comes from directories (decomposed, on a Mac), from
//! workbooks and from forms (composed): all are normalised to Unicode's NFC, so that they compare equal.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::error::InputError;

/// The longest name, Unicode scalar values after normalisation.
pub const MAX_CHARS: usize = 200;

/// `raw` without the white space around it, in NFC. Upper and lower case stay different.
#[must_use]
pub fn normalize(raw: &str) -> Cow<'_, str> {
    let trimmed = raw.trim();
    match is_nfc_quick(trimmed.chars()) {
        IsNormalized::Yes => Cow::Borrowed(trimmed),
        _ => Cow::Owned(trimmed.nfc().collect()),
    }
}

/// A valid name: [`normalize`]d, 1 to [`MAX_CHARS`] characters, no control characters. Parsed where a
/// name enters the program: a form, a directory, a workbook, a pickle, the gallery's file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonName(String);

impl PersonName {
    /// Normalises and checks `raw`.
    ///
    /// # Errors
    /// [`InputError::Invalid`] saying what is wrong with it.
    pub fn parse(raw: &str) -> Result<Self, InputError> {
        parse(raw).map(Self)
    }

    /// The name as it is shown and stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = InputError;

    fn from_str(raw: &str) -> Result<Self, InputError> {
        Self::parse(raw)
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for PersonName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for PersonName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.0
    }
}

impl PartialEq<str> for PersonName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for PersonName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

fn parse(raw: &str) -> Result<String, InputError> {
    let name = normalize(raw);
    if name.is_empty() {
        return Err(InputError::Invalid("the name is empty: expected at least one character".to_owned()));
    }
    let chars = name.chars().count();
    if chars > MAX_CHARS {
        let message = format!("the name has {chars} characters: at most {MAX_CHARS} are allowed");
        return Err(InputError::Invalid(message));
    }
    if let Some(at) = name.chars().position(char::is_control) {
        let message = format!("character {} of the name is a control character: none is allowed", at + 1);
        return Err(InputError::Invalid(message));
    }
    Ok(name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composed_and_decomposed_spellings_meet() {
        assert_eq!(parse("Jose\u{301} Nu\u{301}n\u{303}ez").unwrap(), "Jos\u{e9} N\u{fa}\u{f1}ez");
        assert_eq!(normalize(" 李雷\u{a0}"), "李雷");
        assert!(matches!(normalize("Joe Biden"), Cow::Borrowed("Joe Biden")));
    }

    #[test]
    fn any_script_is_a_name_and_markup_is_only_text() {
        for name in ["عمر خالد", "O'Neill-Smith, Jr.", "<img src=x onerror=alert(1)>", "👩‍🚀", "../etc"]
        {
            assert_eq!(parse(name).unwrap(), name);
        }
    }

    #[test]
    fn bad_names_say_what_is_wrong() {
        let message = |raw: &str| parse(raw).unwrap_err().to_string();
        assert_eq!(message(" \u{3000}\t"), "the name is empty: expected at least one character");
        assert_eq!(message(&"é".repeat(201)), "the name has 201 characters: at most 200 are allowed");
        assert_eq!(message("a\nb"), "character 2 of the name is a control character: none is allowed");
        assert!(parse(&"é".repeat(200)).is_ok());
    }
}
