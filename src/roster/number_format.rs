//! Number formats of a workbook: what a stored number looks like in its cell. `0000` shows 44 as `0044`, and a date is
//! a number, too.

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// The day after the last that a sheet can show, 1 January 10000, in days since 30 December 1899.
const END_OF_DAYS: f64 = 2_958_466.0;

/// What a format makes of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NumberFormat {
    /// The number as it is, perhaps rounded or with separators.
    Plain,
    /// A date, a time, or both.
    Date,
    /// Hours, which may be more than 24.
    Duration,
    /// A whole number with at least so many digits, and text between them.
    Digits(Vec<Piece>),
    /// Something else that shows digits or text that the number does not have.
    Odd,
}

/// A piece of [`NumberFormat::Digits`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A place for a digit.
    Digit,
    /// A character that is shown as it is.
    Literal(char),
}

/// What was found in a format's first section, which is the one for numbers above zero.
#[derive(Default)]
struct Section {
    pieces: Vec<Piece>,
    is_date: bool,
    is_duration: bool,
    /// Places that may stay empty, separators, exponents, percent: the number's own look.
    has_plain: bool,
}

impl NumberFormat {
    /// The format with a number of its own in the standard, for the number that it has.
    pub(super) fn built_in(id: u32) -> Self {
        match id {
            14..=22 | 27..=36 | 45 | 47 | 50..=58 => Self::Date,
            46 => Self::Duration,
            _ => Self::Plain,
        }
    }

    /// The format that this code describes.
    pub(super) fn of_code(code: &str) -> Self {
        let first = code.split(';').next().unwrap_or_default().trim();
        if first.eq_ignore_ascii_case("general") || first.eq_ignore_ascii_case("standard") {
            return Self::Plain;
        }
        let section = Section::of(code);
        let zeros = section.pieces.iter().filter(|piece| **piece == Piece::Digit).count();
        let has_text = section.pieces.len() > zeros;
        if section.is_duration {
            Self::Duration
        } else if section.is_date {
            Self::Date
        } else if section.has_plain {
            let leading = section.pieces.iter().take_while(|piece| **piece == Piece::Digit).count();
            if leading > 1 { Self::Odd } else { Self::Plain }
        } else if zeros > 1 || (zeros == 1 && has_text) {
            Self::Digits(section.pieces)
        } else {
            Self::Plain
        }
    }

    /// The number as the cell shows it; `None` where that is the number itself. `is_1904`: days count from 1904.
    pub(super) fn show(&self, number: f64, is_1904: bool) -> Option<String> {
        match self {
            Self::Plain | Self::Odd => None,
            Self::Date => date_text(number, is_1904),
            Self::Duration => Some(duration_text(number)),
            Self::Digits(pieces) => digits_text(number, pieces),
        }
    }
}

impl Section {
    fn of(code: &str) -> Self {
        let mut section = Self::default();
        let mut chars = code.chars();
        while let Some(c) = chars.next() {
            match c {
                ';' => break,
                '"' => section.pieces.extend(chars.by_ref().take_while(|c| *c != '"').map(Piece::Literal)),
                '\\' | '!' => section.pieces.extend(chars.next().map(Piece::Literal)),
                // As much space as a character takes, and a character that fills the cell.
                '_' | '*' => drop(chars.next()),
                '[' => {
                    let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                    let is_time = inside.chars().all(|c| matches!(c.to_ascii_lowercase(), 'h' | 'm' | 's'));
                    section.is_duration |= is_time && !inside.is_empty();
                }
                '0' if !section.has_plain => section.pieces.push(Piece::Digit),
                '0' | '#' | '?' | '.' | ',' | '%' | '@' | 'E' => section.has_plain = true,
                'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => section.is_date = true,
                other => section.pieces.push(Piece::Literal(other)),
            }
        }
        section
    }
}

/// Digits from the right into their places, those left over before the first.
fn digits_text(number: f64, pieces: &[Piece]) -> Option<String> {
    if number.fract() != 0.0 || !(0.0..1e15).contains(&number) {
        return None;
    }
    let places = pieces.iter().filter(|piece| **piece == Piece::Digit).count();
    let digits = format!("{number:0places$.0}");
    let (before, mut rest) = (digits.len() - places, digits.chars());
    let mut shown = String::new();
    let mut is_first = true;
    for piece in pieces {
        match piece {
            Piece::Literal(c) => shown.push(*c),
            Piece::Digit => {
                let take = if is_first { before + 1 } else { 1 };
                shown.extend(rest.by_ref().take(take));
                is_first = false;
            }
        }
    }
    Some(shown)
}

/// A day of the sheet and a time of day as ISO 8601 has it: `2024-03-01`, `2024-03-01T10:30:00`, `10:30:00` for a time
/// without a date.
fn date_text(number: f64, is_1904: bool) -> Option<String> {
    if !(0.0..END_OF_DAYS).contains(&number) {
        return None;
    }
    let seconds = (number * 86_400.0).round() as i64;
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if number < 1.0 {
        return Some(time);
    }
    let day = day(days, is_1904)?;
    Some(if seconds == 0 { day.to_string() } else { format!("{day}T{time}") })
}

fn day(days: i64, is_1904: bool) -> Option<Date> {
    // 1900 has a 29 February in a sheet, so that the days before it count one less.
    let (start, days) = match (is_1904, days) {
        (true, days) => (date(1904, 1, 1), days),
        (false, days @ ..60) => (date(1899, 12, 31), days),
        (false, days) => (date(1899, 12, 30), days),
    };
    start.checked_add(days.days()).ok()
}

/// Hours, minutes, seconds: `36:00:00`.
fn duration_text(number: f64) -> String {
    let seconds = (number * 86_400.0).round() as i64;
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.unsigned_abs();
    format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(code: &str, number: f64) -> Option<String> {
        NumberFormat::of_code(code).show(number, false)
    }

    #[test]
    fn zeros_and_text_of_a_format_are_shown() {
        for (code, number, expected) in [
            ("0000", 44.0, "0044"),
            ("0000", 123_456.0, "123456"),
            ("00000;-00000;", 7.0, "00007"),
            ("000-000", 12_345.0, "012-345"),
            ("000-000", 1_234_567.0, "1234-567"),
            ("\"STS-\"00", 93.0, "STS-93"),
            ("\\A0", 7.0, "A7"),
            ("[Red]000_)", 7.0, "007"),
            ("00000", 0.0, "00000"),
        ] {
            assert_eq!(shown(code, number).as_deref(), Some(expected), "{code}");
        }
        for code in ["General", "General;-General", "0", "0.00", "#,##0", "@", "0%", "0.00E+00", "# ?/?", "#"]
        {
            assert_eq!(
                (NumberFormat::of_code(code), shown(code, 44.0)),
                (NumberFormat::Plain, None),
                "{code}"
            );
        }
        for code in ["0000.0", "0000#", "000,000"] {
            assert_eq!(NumberFormat::of_code(code), NumberFormat::Odd, "{code}");
        }
        assert_eq!(shown("0000", 1.5), None);
        assert_eq!(shown("0000", -1.0), None);
    }

    #[test]
    fn dates_and_times_are_iso_8601() {
        for (code, number, expected) in [
            ("yyyy-mm-dd", 45_352.0, "2024-03-01"),
            ("[$-409]d/m/yy h:mm AM/PM;@", 45_352.437_557_870_37, "2024-03-01T10:30:05"),
            ("hh:mm:ss", 0.378_472_222, "09:05:00"),
            ("dd.mm.yyyy", 59.0, "1900-02-28"),
            ("dd.mm.yyyy", 61.0, "1900-03-01"),
            ("[hh]:mm:ss", 1.5, "36:00:00"),
            ("yyyy", 2_958_465.0, "9999-12-31"),
        ] {
            assert_eq!(shown(code, number).as_deref(), Some(expected), "{code}");
        }
        assert_eq!(NumberFormat::Date.show(1.0, true).as_deref(), Some("1904-01-02"));
        assert_eq!(shown("yyyy", 2_958_466.0), None);
        assert_eq!(shown("yyyy", -1.0), None);
        assert_eq!(NumberFormat::built_in(14), NumberFormat::Date);
        assert_eq!(NumberFormat::built_in(49), NumberFormat::Plain);
    }
}
