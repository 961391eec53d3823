//! Instants and time zones. The database holds UTC instants and IANA names; civil time is for people.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::error::{Error, InputError, Result};

/// The time zone of this IANA name.
///
/// # Errors
/// [`InputError::Invalid`] for a name that no database of time zones has.
pub fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| {
        let message = format!("expected the IANA name of a time zone like Europe/Berlin, found {name:?}");
        InputError::Invalid(message).into()
    })
}

/// IANA name of the system's time zone; `UTC` where it has none.
#[must_use]
pub fn system_zone() -> String {
    TimeZone::system().iana_name().unwrap_or("UTC").to_owned()
}

/// An instant in RFC 3339 (`2026-11-26T08:00:00+01:00`), or without an offset in the time zone
/// `zone_name`. A time that the clock skips in spring is moved forward by the gap; of one that it
/// shows twice in autumn, the first is meant.
///
/// # Errors
/// [`InputError::Invalid`] for other text.
pub fn parse(text: &str, zone_name: &str) -> Result<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return to_millis(instant);
    }
    let invalid = || -> Error {
        let message = format!(
            "expected a time like 2026-11-26T08:00:00+01:00, or without an offset for {zone_name}, found {text:?}"
        );
        InputError::Invalid(message).into()
    };
    let civil: DateTime = text.parse().map_err(|_| invalid())?;
    to_millis(zone(zone_name)?.to_timestamp(civil).map_err(|_| invalid())?)
}

/// The civil time of an instant in a zone; of UTC where the zone is no longer known.
#[must_use]
pub fn civil(instant: Timestamp, zone_name: &str) -> DateTime {
    TimeZone::get(zone_name).unwrap_or(TimeZone::UTC).to_datetime(instant)
}

/// First instant of the day that `instant` is in, and of the next one: 23 to 25 hours where the clock changes.
///
/// # Errors
/// [`InputError::Invalid`] for an unknown zone, or a day beyond the calendar.
pub fn day(instant: Timestamp, zone_name: &str) -> Result<(Date, Timestamp, Timestamp)> {
    let zoned = instant.to_zoned_datetime(zone(zone_name)?);
    let start = zoned.start_of_day();
    let next = start.and_then(|start| start.checked_add(1.day())?.start_of_day());
    let out_of_range = |_| Error::from(InputError::Invalid(format!("{instant} is beyond the calendar")));
    let start = zoned.start_of_day().map_err(out_of_range)?;
    Ok((zoned.date(), start.timestamp(), next.map_err(out_of_range)?.timestamp()))
}

/// The instant in whole milliseconds, as the database holds it.
///
/// # Errors
/// [`InputError::Invalid`] beyond the calendar.
pub fn to_millis(instant: Timestamp) -> Result<Timestamp> {
    Timestamp::from_millisecond(instant.as_millisecond())
        .map_err(|_| InputError::Invalid(format!("{instant} is beyond the calendar")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: &str = "Europe/Berlin";

    fn utc(text: &str) -> String {
        parse(text, BERLIN).unwrap().to_string()
    }

    #[test]
    fn offsets_count_and_without_one_the_zone_does() {
        assert_eq!(utc("2026-11-26T08:00:00+05:30"), "2026-11-26T02:30:00Z");
        assert_eq!(utc("2026-11-26T08:00"), "2026-11-26T07:00:00Z");
        assert_eq!(utc("2026-07-01 08:00:00"), "2026-07-01T06:00:00Z");
        assert_eq!(utc("2026-11-26T08:00:00.123456Z"), "2026-11-26T08:00:00.123Z");
    }

    #[test]
    fn skipped_times_move_forward_and_of_repeated_ones_the_first_is_meant() {
        assert_eq!(utc("2026-03-29T02:30:00"), "2026-03-29T01:30:00Z");
        assert_eq!(utc("2026-10-25T02:30:00"), "2026-10-25T00:30:00Z");
        assert_eq!(civil("2026-10-25T01:30:00Z".parse().unwrap(), BERLIN).to_string(), "2026-10-25T02:30:00");
    }

    #[test]
    fn days_have_23_to_25_hours() {
        let hours = |text: &str| {
            let (date, start, next) = day(text.parse().unwrap(), BERLIN).unwrap();
            (date.to_string(), next.duration_since(start).as_hours())
        };
        assert_eq!(hours("2026-03-29T12:00:00Z"), ("2026-03-29".into(), 23));
        assert_eq!(hours("2026-10-24T22:00:00Z"), ("2026-10-25".into(), 25));
        assert_eq!(hours("2026-11-26T12:00:00Z"), ("2026-11-26".into(), 24));
    }

    #[test]
    fn what_is_no_zone_or_time_is_refused_with_an_example() {
        let message = zone("Mars/Olympus").unwrap_err().to_string();
        assert_eq!(
            message,
            "expected the IANA name of a time zone like Europe/Berlin, found \"Mars/Olympus\""
        );
        let message = parse("8 o'clock", BERLIN).unwrap_err().to_string();
        assert!(message.starts_with("expected a time like 2026-11-26T08:00:00+01:00"), "{message}");
    }
}
