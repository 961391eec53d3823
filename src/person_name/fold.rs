//! Names in forms to compare and to search by. Registers, forms and directories write one name in many ways: with a
//! no-break space, with two spaces, in capitals, with `_` for a space, with invisible characters of a web page.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// The form of `name` that two spellings of one name share: compatibility forms, case, white space, `_` and invisible
/// characters make no difference. Dotted and dotless `i` are one letter. Empty where nothing is visible.
#[must_use]
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return joined(&name.to_ascii_lowercase());
    }
    // Lower case first: `ẞ` has no upper case but itself. By character: at the end of a word `Σ` has another lower case.
    let visible = name.nfkc().filter(|c| !is_invisible(*c));
    let cased =
        visible.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    let cased: String = cased.nfkc().collect();
    joined(&cased.replace("i\u{307}", "i"))
}

/// [`fold`]ed, and without diacritics: what a search compares, so that `ibrahim` finds `İbrahim` and `lukasz` finds
/// `Łukasz`.
#[must_use]
pub fn search_key(name: &str) -> String {
    let folded = fold(name);
    if folded.is_ascii() {
        return folded;
    }
    let base = folded.nfkd().filter(|c| canonical_combining_class(*c) == 0).map(without_stroke);
    base.nfc().collect()
}

/// Whether a character changes the direction of the text around it: it makes a name look like another one.
#[must_use]
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters without a shape of their own: soft hyphen, joiners, direction, fillers, byte order mark, variation selectors.
/// Those are Unicode's `Default_Ignorable_Code_Point`.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Letters with a stroke are letters of their own to Unicode, and diacritics to who types them.
fn without_stroke(c: char) -> char {
    match c {
        'ø' => 'o',
        'ł' => 'l',
        'đ' => 'd',
        'ħ' => 'h',
        'ŧ' => 't',
        _ => c,
    }
}

/// One space for each run of white space and `_`, none at the ends.
fn joined(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c == '_').filter(|word| !word.is_empty());
    let mut joined = String::with_capacity(text.len());
    for word in words {
        if !joined.is_empty() {
            joined.push(' ');
        }
        joined.push_str(word);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_meet() {
        for (one, other) in [
            ("Ada\u{a0}Lovelace", "Ada Lovelace"),
            ("  Ada \t\u{2003} Lovelace\u{3000}", "Ada Lovelace"),
            ("ada_lovelace", "Ada Lovelace"),
            ("__Ada__Lovelace_", "ADA LOVELACE"),
            ("\u{feff}Ada\u{200b} Love\u{ad}lace\u{2060}", "Ada Lovelace"),
            ("\u{200e}Ada\u{200d} Love\u{200c}lace\u{200f}", "Ada Lovelace"),
            ("\u{202b}Ada\u{202c} \u{2067}Lovelace\u{2069}\u{61c}", "Ada Lovelace"),
            ("Jos\u{e9}", "JOSE\u{301}"),
            ("Strauß", "STRAUSS"),
            ("STRAUẞ", "strauss"),
            ("İbrahim Işık", "ibrahim ışık"),
            ("IBRAHIM", "İbrahim"),
            ("ΟΔΥΣΣΕΥΣ", "Οδυσσεύς".replace('ύ', "υ").as_str()),
            ("Ａｄａ", "Ada"),
        ] {
            assert_eq!(fold(one), fold(other), "{one:?} and {other:?}");
        }
        assert_eq!(fold(" \u{a0}Ada__Lovelace\u{200b} "), "ada lovelace");
        assert_eq!(fold("李雷"), "李雷");
        assert_eq!(fold(" _\u{200b}\u{ad}\u{202e}"), "");
        let invisible = [
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x200b..=0x200f,
            0x202a..=0x202e,
            0x2060..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xe0000..=0xe007f,
            0xe0100..=0xe01ef,
        ];
        for c in invisible.into_iter().flatten().filter_map(char::from_u32) {
            assert_eq!(fold(&format!("A{c}da{c}")), "ada", "U+{:04X}", u32::from(c));
            assert_eq!(fold(&c.to_string()), "", "U+{:04X}", u32::from(c));
        }
        assert_ne!(fold("Jose"), fold("Jos\u{e9}"), "a diacritic makes another name");
        assert_ne!(fold("Ada-Lovelace"), fold("Ada Lovelace"));
    }

    #[test]
    fn case_and_composition_of_no_character_make_another_name() {
        for character in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let name = format!("a{character}b");
            let folded = fold(&name);
            let composed: String = name.nfc().collect();
            let decomposed: String = name.nfd().collect();
            for other in [name.to_uppercase(), name.to_lowercase(), composed, decomposed, folded.clone()] {
                assert_eq!(fold(&other), folded, "U+{:04X} as {other:?}", u32::from(character));
            }
            assert_eq!(search_key(&folded), search_key(&name), "U+{:04X}", u32::from(character));
        }
    }

    #[test]
    fn a_search_passes_over_diacritics() {
        for (name, text) in [
            ("İbrahim", "ibrahim"),
            ("Işık", "isik"),
            ("José Núñez", "nunez"),
            ("Łukasz Đorđević", "lukasz dordevic"),
            ("Søren", "soren"),
            ("Nguyễn Thị", "nguyen thi"),
            ("عُمَر", "عمر"),
            ("Barack_Obama", "barack  obama"),
        ] {
            assert!(search_key(name).contains(&search_key(text)), "{text} in {name}");
        }
        assert!(!search_key("Ada").contains(&search_key("b")));
    }
}
