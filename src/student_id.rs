//! Student IDs: the values of a roster's ID cells.

/// The longest ID that is text, Unicode scalar values.
pub const MAX_CHARS: usize = 200;

/// 2^63, the first whole number above an i64; exact, as a power of two.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// An ID as the sheet has it: leading zeros of text are kept, whole numbers stay whole.
#[derive(Debug, Clone, PartialEq)]
pub enum StudentId {
    /// A whole number; JSON integer.
    Integer(i64),
    /// A number with a fraction; JSON number. Finite.
    Number(f64),
    /// Text, trimmed, not empty; JSON string.
    Text(String),
}

impl StudentId {
    /// An ID of text, kept as it is but for the white space around it. `None` when nothing is
    /// left, or more than [`MAX_CHARS`] characters.
    #[must_use]
    pub fn from_text(raw: &str) -> Option<Self> {
        let text = raw.trim();
        (!text.is_empty() && text.chars().count() <= MAX_CHARS).then(|| Self::Text(text.to_owned()))
    }

    /// An ID of a number. A workbook stores all its numbers as floats, so one without a fraction
    /// is a whole number. `None` for NaN and infinity.
    #[must_use]
    pub fn from_number(value: f64) -> Option<Self> {
        // Every whole float in there is an i64.
        let whole = value.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&value);
        match value {
            _ if whole => Some(Self::Integer(value as i64)),
            _ if value.is_finite() => Some(Self::Number(value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_a_fraction_are_whole() {
        assert_eq!(StudentId::from_number(20_090_044.0), Some(StudentId::Integer(20_090_044)));
        assert_eq!(StudentId::from_number(-0.0), Some(StudentId::Integer(0)));
        assert_eq!(StudentId::from_number(12.5), Some(StudentId::Number(12.5)));
        assert_eq!(StudentId::from_number(1e20), Some(StudentId::Number(1e20)));
        assert_eq!(StudentId::from_number(-TWO_TO_63), Some(StudentId::Integer(i64::MIN)));
        assert_eq!(StudentId::from_number(TWO_TO_63), Some(StudentId::Number(TWO_TO_63)));
        assert_eq!(StudentId::from_number(f64::NAN), None);
        assert_eq!(StudentId::from_number(f64::INFINITY), None);
    }

    #[test]
    fn text_keeps_its_zeros() {
        assert_eq!(StudentId::from_text(" 0007 "), Some(StudentId::Text("0007".to_owned())));
        assert_eq!(StudentId::from_text("  "), None);
        assert_eq!(StudentId::from_text(&"7".repeat(201)), None);
    }
}
