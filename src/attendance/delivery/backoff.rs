//! When a failed delivery is tried again.

use std::time::Duration;

use sha2::{Digest, Sha256};

/// After the first attempt.
const FIRST: Duration = Duration::from_secs(5);
/// Each pause is so many times the one before.
const FACTOR: u32 = 4;
/// No pause is longer.
pub(super) const LONGEST: Duration = Duration::from_hours(24);
/// Attempts after which a message is dead: about two days and a quarter after the first.
const MAX_ATTEMPTS: u32 = 10;
/// Pauses differ by this share up and down, so that what failed together is not tried together.
const JITTER: f64 = 0.2;

/// The pause after the `attempts`th attempt; `None` when it was the last. The jitter follows from the
/// message's id.
pub(super) fn pause(id: &str, attempts: u32) -> Option<Duration> {
    if attempts >= MAX_ATTEMPTS {
        return None;
    }
    let plain = FIRST * FACTOR.saturating_pow(attempts.saturating_sub(1)).min(1 << 16);
    let hash = Sha256::new().chain_update(id).chain_update(attempts.to_le_bytes()).finalize();
    let share = f64::from(u16::from_le_bytes([hash[0], hash[1]])) / f64::from(u16::MAX);
    Some(plain.min(LONGEST).mul_f64(1.0 - JITTER + 2.0 * JITTER * share).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_seconds_to_a_day_and_end() {
        let pauses: Vec<u64> =
            (1..20).map_while(|attempts| pause("a", attempts)).map(|p| p.as_secs()).collect();
        assert_eq!(pauses.len(), 9);
        assert!((4..=6).contains(&pauses[0]), "{pauses:?}");
        assert!((69_120..=86_400).contains(&pauses[8]), "{pauses:?}");
        assert!(pauses.is_sorted(), "{pauses:?}");
    }

    #[test]
    fn what_failed_together_is_not_tried_together() {
        let pauses: std::collections::BTreeSet<Duration> =
            (0..100).filter_map(|at| pause(&format!("message {at}"), 5)).collect();
        assert!(pauses.len() > 90);
    }
}
