//! The time of creation that ids of people and photos hold: they are ULIDs.

use std::str::FromStr;

use jiff::Timestamp;
use ulid::Ulid;

/// When `id` was created, UTC, in RFC 3339 to the second; `None` for an id that is no ULID, or of a year
/// that RFC 3339 can't express.
#[must_use]
pub fn created_at(id: &str) -> Option<String> {
    let seconds = Ulid::from_str(id).ok()?.timestamp_ms() / 1000;
    Timestamp::from_second(seconds.try_into().ok()?).ok().map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_a_ulid_has_a_time_of_creation() {
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
        // The latest that a ULID can hold: the year 10889, when RFC 3339 ends with 9999.
        assert_eq!(created_at("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), None);
    }
}
