//! The time in a ULID, for people: ids of people and photos say when they were made.

use std::str::FromStr;

use ulid::Ulid;

const SECONDS_A_DAY: u64 = 86_400;

/// When `id` was made, UTC, as RFC 3339 has it to the second; `None` for an id that is no ULID.
#[must_use]
pub fn created_at(id: &str) -> Option<String> {
    let seconds = Ulid::from_str(id).ok()?.timestamp_ms() / 1000;
    let (year, month, day) = date(seconds / SECONDS_A_DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// Year, month and day of the day that is `days` after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970, days);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_id_is_told_and_that_of_none_is_not() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let id = Ulid::from_parts(seconds * 1000 + 999, 7).to_string();
            assert_eq!(created_at(&id).as_deref(), Some(expected));
        }
        assert_eq!(created_at("not-a-ulid"), None);
        // The latest that a ULID can hold.
        assert!(created_at("7ZZZZZZZZZZZZZZZZZZZZZZZZZ").is_some());
    }
}
