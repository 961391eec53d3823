//! The name of a photo's file: what tells people which photo of a person is which.

use crate::person_name::{is_bidi_control, normalize};

/// The longest name, characters; longer ones are cut.
pub const MAX_CHARS: usize = 100;

/// A file's name without directories, made safe to be shown: one line, 1 to [`MAX_CHARS`] characters, none of control or of
/// direction. It is personal data, since people name photos after whom they show: never logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(Box<str>);

impl FileName {
    /// What is left of a name as somebody sent it; `None` where that is nothing.
    #[must_use]
    pub fn of(raw: &str) -> Option<Self> {
        let base = raw.rsplit(['/', '\\']).next().unwrap_or_default();
        let is_shown =
            |c: &char| !(c.is_control() || is_bidi_control(*c) || matches!(c, '\u{2028}' | '\u{2029}'));
        let shown: String = base.chars().filter(is_shown).collect();
        let cut: String = normalize(&shown).chars().take(MAX_CHARS).collect();
        let name = cut.trim_end();
        (!name.is_empty()).then(|| Self(name.into()))
    }

    /// As it is shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_name_is_one_line_that_can_be_shown() {
        let of = |raw: &str| FileName::of(raw).map(|name| name.as_str().to_owned());
        for (raw, expected) in [
            ("IMG_0044.jpg", "IMG_0044.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\fakepath\\Ada (2).png", "Ada (2).png"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("one\r\ntwo\u{0}\u{1b}[31m\u{2028}.jpg", "onetwo[31m.jpg"),
            ("  عمر.jpg ", "عمر.jpg"),
            ("Jose\u{301}.jpg", "Jos\u{e9}.jpg"),
        ] {
            assert_eq!(of(raw).as_deref(), Some(expected), "{raw:?}");
        }
        for nothing in ["", "people/", "\u{7}", " \t", "\u{200e}"] {
            assert_eq!(of(nothing), None, "{nothing:?}");
        }
        assert_eq!(of(&"ß".repeat(300)).unwrap().chars().count(), MAX_CHARS);
    }
}
