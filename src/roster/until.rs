//! The cell that says until when a person belongs here.

use jiff::civil::Date;

use super::cell::Cell;

/// Longest text that may be a day: `2027-07-31T00:00:00.000`, with space around it.
const MAX_TEXT_BYTES: usize = 64;

/// The day in a cell; `None` for an empty one.
///
/// # Errors
/// What was expected, without the cell's content.
pub(super) fn day_of(cell: &Cell<'_>) -> Result<Option<Date>, String> {
    let day = match cell {
        Cell::Text(text) if text.trim().is_empty() => return Ok(None),
        Cell::Text(text) => day_of_text(text),
        Cell::Number(_) | Cell::OddNumber(_) | Cell::Error | Cell::Formula => None,
    };
    day.map(Some)
        .ok_or_else(|| "expected a date like 2027-07-31 as the last day, found something else".to_owned())
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
        if [day, month, year].iter().any(|number| !number.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        return Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok();
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn days_are_read_as_sheets_write_them_and_nothing_is_guessed() {
        let day: Date = "2027-07-31".parse().unwrap();
        let text = |text: &'static str| Cell::Text(Cow::Borrowed(text));
        for cell in ["2027-07-31", " 31.7.2027 ", "31.07.2027", "2027-07-31T18:00:00"] {
            assert_eq!(day_of(&text(cell)), Ok(Some(day)), "{cell:?}");
        }
        assert_eq!(day_of(&text(" ")), Ok(None));
        let wrong = [
            "07/08/2027",
            "31.7.27",
            "31.13.2027",
            "+1.+7.2027",
            "1.7.+202",
            "summer",
            "12:00:00",
            "36:00:00",
        ]
        .map(text);
        for cell in wrong.into_iter().chain([Cell::Number(46_599.0), Cell::Error, Cell::Formula]) {
            let message = day_of(&cell).unwrap_err();
            assert!(message.starts_with("expected a date") && !message.contains("summer"), "{message}");
        }
    }
}
