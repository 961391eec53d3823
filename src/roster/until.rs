//! The cell that says until when a person belongs here.

use calamine::{DataRef, ExcelDateTime};
use jiff::civil::Date;

/// Headers of the column, in the spelling of `folded`.
pub(super) const HEADERS: [&str; 7] =
    ["until", "valid until", "expires", "expiry date", "end date", "leaves", "leaving date"];

/// Longest text that may be a day: `2027-07-31T00:00:00.000`, with space around it.
const MAX_TEXT_BYTES: usize = 64;

/// The day in a cell; `None` for an empty one.
///
/// # Errors
/// What was expected, without the cell's content.
pub(super) fn day_of(value: &DataRef<'_>) -> Result<Option<Date>, String> {
    let day = match value {
        DataRef::Empty => return Ok(None),
        DataRef::String(text) if text.trim().is_empty() => return Ok(None),
        DataRef::SharedString(text) if text.trim().is_empty() => return Ok(None),
        DataRef::DateTime(moment) => day_of_moment(moment),
        DataRef::DateTimeIso(text) | DataRef::String(text) => day_of_text(text),
        DataRef::SharedString(text) => day_of_text(text),
        DataRef::Int(_)
        | DataRef::Float(_)
        | DataRef::Bool(_)
        | DataRef::Error(_)
        | DataRef::DurationIso(_) => None,
    };
    day.map(Some)
        .ok_or_else(|| "expected a date like 2027-07-31 as the last day, found something else".to_owned())
}

/// Times without a date count from day 0.
fn day_of_moment(moment: &ExcelDateTime) -> Option<Date> {
    if moment.is_duration() || moment.as_f64() < 1.0 {
        return None;
    }
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

/// `2027-07-31`, with or without a time, or `31.07.2027`. Which number of `03/04/2027` is the month nobody can say.
fn day_of_text(text: &str) -> Option<Date> {
    if text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let text = text.trim();
    let mut numbers = text.splitn(3, '.');
    if let (Some(day), Some(month), Some(year)) = (numbers.next(), numbers.next(), numbers.next()) {
        // Years of two digits could be of any century.
        let year = Some(year).filter(|year| year.len() == 4)?;
        return Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use calamine::ExcelDateTimeType;

    use super::*;

    #[test]
    fn days_are_read_as_sheets_write_them_and_nothing_is_guessed() {
        let day: Date = "2027-07-31".parse().unwrap();
        let moment = |days, kind| DataRef::DateTime(ExcelDateTime::new(days, kind, false));
        for cell in [
            moment(46_599.0, ExcelDateTimeType::DateTime),
            moment(46_599.75, ExcelDateTimeType::DateTime),
            DataRef::SharedString("2027-07-31"),
            DataRef::SharedString(" 31.7.2027 "),
            DataRef::String("31.07.2027".to_owned()),
            DataRef::DateTimeIso("2027-07-31T00:00:00".to_owned()),
        ] {
            assert_eq!(day_of(&cell), Ok(Some(day)), "{cell:?}");
        }
        for empty in [DataRef::Empty, DataRef::SharedString(" "), DataRef::String(String::new())] {
            assert_eq!(day_of(&empty), Ok(None), "{empty:?}");
        }
        for wrong in [
            DataRef::SharedString("07/08/2027"),
            DataRef::SharedString("31.7.27"),
            DataRef::SharedString("31.13.2027"),
            DataRef::SharedString("summer"),
            DataRef::Float(46_599.0),
            DataRef::Bool(true),
            moment(0.5, ExcelDateTimeType::DateTime),
            moment(46_599.0, ExcelDateTimeType::TimeDelta),
        ] {
            let message = day_of(&wrong).unwrap_err();
            assert!(message.starts_with("expected a date") && !message.contains("summer"), "{message}");
        }
    }
}
