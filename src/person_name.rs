//! A person's name as it is shown, and as it is compared. The same name comes from directories (decomposed, on a Mac),
//! from workbooks and from forms (composed): all are normalised to Unicode's NFC. Beyond that a name stays as it was
//! written; whether two names are one person's is a question of their keys, which [`fold()`] makes.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::error::InputError;

mod fold;

pub use fold::{fold, is_bidi_control, search_key};

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

/// The form of a name in which it is compared: [`fold()`]ed. Two names with one key are one person's.
#[must_use]
pub fn key_of(shown: &str) -> String {
    let key = fold(shown);
    // Where nothing is visible: such names are not all one.
    if key.is_empty() { shown.to_owned() } else { key }
}

/// A valid name: [`normalize`]d, 1 to [`MAX_CHARS`] characters, no control characters. Parsed where a
/// name enters the program: a form, a directory, a workbook, a pickle, the gallery's file. Equal and in order as it is
/// written; [`PersonName::key`] compares otherwise. Copies share their text.
#[derive(Debug, Clone)]
pub struct PersonName {
    shown: Arc<str>,
    key: Arc<str>,
}

impl PersonName {
    /// Normalises and checks `raw`.
    ///
    /// # Errors
    /// [`InputError::Invalid`] saying what is wrong with it.
    pub fn parse(raw: &str) -> Result<Self, InputError> {
        let shown: Arc<str> = parse(raw)?.into();
        let key = key_of(&shown);
        let key = if *key == *shown { Arc::clone(&shown) } else { key.into() };
        Ok(Self { shown, key })
    }

    /// The name of somebody who is to be enrolled, or renamed: more is expected of it than of one that a file holds.
    ///
    /// # Errors
    /// As [`PersonName::parse`]; also for a name of which nothing is visible, and for one with a character that
    /// changes the direction of text, which would make it look like another one.
    pub fn parse_new(raw: &str) -> Result<Self, InputError> {
        let name = Self::parse(raw)?;
        if let Some((at, c)) = name.shown.chars().enumerate().find(|(_, c)| is_bidi_control(*c)) {
            return Err(InputError::Invalid(format!(
                "character {} of the name is U+{:04X}, which changes the direction of text: none is allowed",
                at + 1,
                u32::from(c)
            )));
        }
        if !name.is_visible() {
            return Err(InputError::Invalid("nothing of the name is visible: expected a letter".to_owned()));
        }
        Ok(name)
    }

    /// Whether anything of it can be seen. A key that differs from the name as it is written is what is visible of it.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.key != self.shown || !fold(&self.shown).is_empty()
    }

    /// The name as it is shown and stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The name as it is compared, see [`key_of`].
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// [`PersonName::key`], for maps that keep it.
    #[must_use]
    pub fn shared_key(&self) -> Arc<str> {
        Arc::clone(&self.key)
    }
}

impl PartialEq for PersonName {
    fn eq(&self, other: &Self) -> bool {
        *self.shown == *other.shown
    }
}

impl Eq for PersonName {}

impl Hash for PersonName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.shown.hash(state);
    }
}

impl PartialOrd for PersonName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PersonName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.shown.cmp(&other.shown)
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
        f.write_str(&self.shown)
    }
}

impl AsRef<str> for PersonName {
    fn as_ref(&self) -> &str {
        &self.shown
    }
}

impl From<PersonName> for String {
    fn from(name: PersonName) -> Self {
        name.shown.to_string()
    }
}

impl PartialEq<str> for PersonName {
    fn eq(&self, other: &str) -> bool {
        &*self.shown == other
    }
}

impl PartialEq<&str> for PersonName {
    fn eq(&self, other: &&str) -> bool {
        &*self.shown == *other
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

    #[test]
    fn a_name_is_shown_as_written_and_compared_by_its_key() {
        let name = |raw: &str| PersonName::parse(raw).unwrap();
        let (one, other) = (name("Ada\u{a0}Lovelace"), name("ada_lovelace"));
        assert_eq!((one.as_str(), one.key()), ("Ada\u{a0}Lovelace", "ada lovelace"));
        assert_eq!(one.key(), other.key());
        assert_ne!(one, other);
        // What a file holds and nobody sees is read, and is not all one person.
        assert_ne!(name("_").key(), name("\u{200b}").key());
    }

    #[test]
    fn nobody_is_enrolled_under_a_name_that_looks_like_another() {
        let message = |raw: &str| PersonName::parse_new(raw).unwrap_err().to_string();
        for control in ["\u{61c}", "\u{200e}", "\u{200f}", "\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}"] {
            let point = u32::from(control.chars().next().unwrap());
            let expected = format!(
                "character 4 of the name is U+{point:04X}, which changes the direction of text: none is allowed"
            );
            assert_eq!(message(&format!("Ada{control}")), expected);
            assert!(PersonName::parse(&format!("Ada{control}")).is_ok());
        }
        for invisible in ["\u{200b}_", "\u{3164}", "\u{115f}\u{1160}", "\u{17b4}", "\u{ffa0} \u{e0041}"] {
            assert_eq!(
                message(invisible),
                "nothing of the name is visible: expected a letter",
                "{invisible:?}"
            );
        }
        for name in ["عمر خالد", "👩‍🚀", "Ada\u{a0}Lovelace"] {
            assert_eq!(PersonName::parse_new(name).unwrap(), name);
        }
    }
}
