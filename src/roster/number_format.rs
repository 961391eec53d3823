//! Number formats of a workbook: what a stored number looks like in its cell. `0000` shows 44 as `0044`, and a date is
//! a number, too. A code has any number of sections; the first is the one for numbers above zero, and the only one that
//! is read.

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// The day after the last that a sheet can show, 1 January 10000, in days since 30 December 1899.
const END_OF_DAYS: f64 = 2_958_466.0;
/// Longest code, characters: the limit of Excel.
const MAX_CODE_CHARS: usize = 255;
/// Most places for digits: twice as many as a number has that a sheet keeps.
const MAX_PLACES: usize = 30;

/// How a number is shown.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A place for a digit.
    Digit,
    /// A place that stays empty without a digit; none is left in a finished format.
    Optional,
    /// A character that is shown as it is.
    Literal(char),
}

impl Piece {
    fn is_place(self) -> bool {
        !matches!(self, Self::Literal(_))
    }
}

/// What a cell shows of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// The number itself.
    Number,
    /// Text that has more than the number.
    Text(String),
    /// Something else, which is not known here.
    Unknown,
}

/// What was found in a format's first section.
#[derive(Default)]
struct Section {
    pieces: Vec<Piece>,
    kind: Kind,
    /// Separators, decimals, exponents, percent: the number's own look.
    has_own_look: bool,
    /// Behind the decimal point, or in the exponent.
    is_behind_point: bool,
}

/// What a section is for; what tells more comes later.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    #[default]
    Number,
    /// It has a condition, or digits of another script.
    Odd,
    Date,
    Duration,
}

impl NumberFormat {
    /// The format with a number of its own in the standard, for the number that it has.
    pub(super) fn built_in(id: u32) -> &'static Self {
        match id {
            14..=22 | 27..=36 | 45 | 47 | 50..=58 => &Self::Date,
            46 => &Self::Duration,
            _ => &Self::Plain,
        }
    }

    /// The format that this code describes.
    pub(super) fn of_code(code: &str) -> Self {
        if code.chars().nth(MAX_CODE_CHARS).is_some() {
            return Self::Odd;
        }
        let first = code.split(';').next().unwrap_or_default().trim();
        if first.eq_ignore_ascii_case("standard") {
            return Self::Plain;
        }
        // It shows nothing.
        if first.is_empty() && !code.is_empty() {
            return Self::Odd;
        }
        let section = Section::of(code);
        match section.kind {
            Kind::Number => section.digits(),
            Kind::Odd => Self::Odd,
            Kind::Date => Self::Date,
            Kind::Duration => Self::Duration,
        }
    }

    /// What the cell shows of the number. `is_1904`: days count from 1904.
    pub(super) fn show(&self, number: f64, is_1904: bool) -> Shown {
        let text = match self {
            Self::Plain => return Shown::Number,
            Self::Odd => None,
            Self::Date => date_text(number, is_1904),
            Self::Duration => Some(duration_text(number)),
            Self::Digits(pieces) => digits_text(number, pieces),
        };
        text.map_or(Shown::Unknown, Shown::Text)
    }
}

impl Section {
    fn of(code: &str) -> Self {
        let mut section = Self::default();
        let mut chars = code.chars();
        loop {
            if let Some(rest) = behind_general(chars.as_str()) {
                section.pieces.push(Piece::Digit);
                chars = rest.chars();
            }
            let Some(c) = chars.next() else { return section };
            match c {
                ';' => return section,
                '"' => section.pieces.extend(chars.by_ref().take_while(|c| *c != '"').map(Piece::Literal)),
                '\\' | '!' => section.pieces.extend(chars.next().map(Piece::Literal)),
                // As much space as a character takes, and a character that fills the cell.
                '_' | '*' => drop(chars.next()),
                '[' => section.take_bracket(&chars.by_ref().take_while(|c| *c != ']').collect::<String>()),
                '0' if !section.is_behind_point => section.pieces.push(Piece::Digit),
                '#' if !section.is_behind_point => section.pieces.push(Piece::Optional),
                '0' | '#' | '?' | ',' | '%' | '@' => section.has_own_look = true,
                '.' | 'E' => (section.has_own_look, section.is_behind_point) = (true, true),
                'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => section.is(Kind::Date),
                other => section.pieces.push(Piece::Literal(other)),
            }
        }
    }

    fn is(&mut self, kind: Kind) {
        self.kind = self.kind.max(kind);
    }

    /// What stands in brackets: hours, a currency, a condition, a colour.
    fn take_bracket(&mut self, inside: &str) {
        let is_time = inside.chars().all(|c| matches!(c.to_ascii_lowercase(), 'h' | 'm' | 's'));
        if is_time && !inside.is_empty() {
            self.is(Kind::Duration);
        }
        if inside.starts_with(['<', '>', '=']) || inside.to_ascii_lowercase().contains("num") {
            self.is(Kind::Odd);
        }
        if let Some(currency) = inside.strip_prefix('$') {
            // Behind the first hyphen is a language, which may have hyphens of its own.
            let symbol = currency.split_once('-').map_or(currency, |(symbol, _)| symbol);
            self.pieces.extend(symbol.chars().map(Piece::Literal));
        }
    }

    /// The format of a number that is no date.
    fn digits(mut self) -> NumberFormat {
        let is_space = |piece: &Piece| matches!(piece, Piece::Literal(c) if c.is_whitespace());
        while self.pieces.last().is_some_and(is_space) {
            self.pieces.pop();
        }
        let start = self.pieces.iter().take_while(|piece| is_space(piece)).count();
        let pieces = without_optional(&self.pieces[start..]);
        // From the first place on that is never empty, all are as good as it.
        let digits = pieces
            .iter()
            .skip_while(|piece| **piece != Piece::Digit)
            .filter(|piece| piece.is_place())
            .count();
        if self.has_own_look || pieces.contains(&Piece::Optional) {
            return if digits > 1 || has_text(&pieces) { NumberFormat::Odd } else { NumberFormat::Plain };
        }
        match digits {
            // Text that hides the number.
            0 if !pieces.is_empty() => NumberFormat::Odd,
            0 => NumberFormat::Plain,
            1 if pieces.len() == 1 => NumberFormat::Plain,
            1..=MAX_PLACES => NumberFormat::Digits(pieces),
            _ => NumberFormat::Odd,
        }
    }
}

/// What follows the word that stands for the number as it is.
fn behind_general(code: &str) -> Option<&str> {
    let (word, rest) = code.split_at_checked("general".len())?;
    word.eq_ignore_ascii_case("general").then_some(rest)
}

/// Without the optional places in front of others, which make no difference: `##00` is `00`, and `##` is `0`.
fn without_optional(pieces: &[Piece]) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::with_capacity(pieces.len());
    for (at, piece) in pieces.iter().enumerate() {
        let is_first = *piece == Piece::Optional && !kept.iter().any(|piece| piece.is_place());
        match &pieces[at + 1..] {
            [next, ..] if is_first && next.is_place() => {}
            rest if is_first && !rest.iter().any(|piece| piece.is_place()) => kept.push(Piece::Digit),
            _ => kept.push(*piece),
        }
    }
    kept
}

/// Whether a number with its own look has text as well that is no space, and no sign or currency around it.
fn has_text(pieces: &[Piece]) -> bool {
    let first = pieces.iter().position(|piece| piece.is_place()).unwrap_or(0);
    let last = pieces.iter().rposition(|piece| piece.is_place()).unwrap_or(0);
    pieces.iter().enumerate().any(|(at, piece)| match piece {
        Piece::Literal(c) if c.is_whitespace() => false,
        Piece::Literal(c) => (first..last).contains(&at) || !"-+()$\u{20ac}\u{a3}\u{a5}".contains(*c),
        Piece::Digit | Piece::Optional => false,
    })
}

/// Digits from the right into their places, those left over before the first.
fn digits_text(number: f64, pieces: &[Piece]) -> Option<String> {
    if number.fract() != 0.0 || !(0.0..1e15).contains(&number) {
        return None;
    }
    let number = number.abs(); // -0 is in the range
    let places = pieces.iter().filter(|piece| piece.is_place()).count();
    let digits = format!("{number:0places$.0}");
    let (before, mut rest) = (digits.len() - places, digits.chars());
    let mut shown = String::new();
    let mut is_first = true;
    for piece in pieces {
        match piece {
            Piece::Literal(c) => shown.push(*c),
            Piece::Digit | Piece::Optional => {
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

    fn shown(code: &str, number: f64) -> Shown {
        NumberFormat::of_code(code).show(number, false)
    }

    fn text(text: &str) -> Shown {
        Shown::Text(text.to_owned())
    }

    #[test]
    fn zeros_and_text_of_a_format_are_shown() {
        for (code, number, expected) in [
            ("0000", 44.0, "0044"),
            ("0000", -0.0, "0000"),
            ("[$-en-US]0000", 44.0, "0044"),
            ("0000", 123_456.0, "123456"),
            ("00000;-00000;", 7.0, "00007"),
            ("000-000", 12_345.0, "012-345"),
            ("000-000", 1_234_567.0, "1234-567"),
            ("\"STS-\"00", 93.0, "STS-93"),
            ("\\A0", 7.0, "A7"),
            ("[Red]000_)", 7.0, "007"),
            ("00000", 0.0, "00000"),
            ("\"A-\"0000", 44.0, "A-0044"),
            ("\"A-\"General", 44.0, "A-44"),
            ("\"A-\"###", 44.0, "A-44"),
            ("#0000", 44.0, "0044"),
            ("[$USD-409] 000", 44.0, "USD 044"),
            (&"0".repeat(30), 44.0, "000000000000000000000000000044"),
        ] {
            assert_eq!(shown(code, number), text(expected), "{code}");
        }
        for code in [
            "General",
            "General;-General",
            "0",
            "0 ",
            "0.00",
            "#,##0",
            "# ##0",
            "@",
            "0%",
            "0.00E+00",
            "#",
            "$#,##0",
            "_-* #,##0.00_-",
            "",
        ] {
            assert_eq!(
                (NumberFormat::of_code(code), shown(code, 44.0)),
                (NumberFormat::Plain, Shown::Number),
                "{code}"
            );
        }
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_the_number() {
        for code in [
            "0000.0",
            "0000#",
            "0#",
            "000,000",
            "##-0000",
            "###-###",
            "\"A-\"#,##0",
            "\"A-\"0.00",
            "\"A-\"@",
            "[>100]0000;00",
            "[=1]\"one\"",
            "[DBNum1]0000",
            "\"hidden\"",
            ";;;",
            "# ?/?",
        ] {
            assert_eq!(NumberFormat::of_code(code), NumberFormat::Odd, "{code}");
            assert_eq!(shown(code, 44.0), Shown::Unknown, "{code}");
        }
        for number in [1.5, -1.0, 1e15] {
            assert_eq!(shown("0000", number), Shown::Unknown, "{number}");
        }
    }

    #[test]
    fn a_code_of_any_length_costs_no_more_than_the_longest() {
        for code in ["0".repeat(31), "0".repeat(70_000), "x".repeat(256), "\"".repeat(1 << 20)] {
            assert_eq!(shown(&code, 44.0), Shown::Unknown, "{}", code.len());
        }
        assert_eq!(
            shown(&format!("\"{}\"0", "x".repeat(252)), 44.0),
            text(&format!("{}44", "x".repeat(252)))
        );
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
            assert_eq!(shown(code, number), text(expected), "{code}");
        }
        assert_eq!(NumberFormat::Date.show(1.0, true), text("1904-01-02"));
        assert_eq!(shown("yyyy", 2_958_466.0), Shown::Unknown);
        assert_eq!(shown("yyyy", -1.0), Shown::Unknown);
        assert_eq!(NumberFormat::built_in(14), &NumberFormat::Date);
        assert_eq!(NumberFormat::built_in(49), &NumberFormat::Plain);
    }
}
