//! A new key in place of an old one, which stays valid for a while: no client is locked out while it is told.

use jiff::Timestamp;

use super::{KeyEntry, MAX_NAME_LEN};
use crate::error::{InputError, Result};

/// Gives the entry `name` the key `key`. The old key stays until `until`, or until its own earlier end, in an entry
/// named `NAME (old)`; entries of that kind that have expired at `now` are removed.
///
/// # Errors
/// [`InputError::NotFound`] when there is no such entry.
pub fn rotate(
    mut entries: Vec<KeyEntry>,
    name: &str,
    key: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Vec<KeyEntry>> {
    entries.retain(|entry| !(is_old(&entry.name, name) && entry.is_expired(now)));
    let missing = || InputError::NotFound(format!("expected a key named {name:?}, found none"));
    let at = entries.iter().position(|entry| entry.name == name).ok_or_else(missing)?;
    let free = |candidate: &String| entries.iter().all(|entry| entry.name != *candidate);
    let old_name = (1..=entries.len() + 1).map(|n| old_name(name, n)).find(free).unwrap_or_default();
    let new = KeyEntry::of(name, entries[at].scope, key);
    let mut old = std::mem::replace(&mut entries[at], new);
    old.name = old_name;
    old.expires = Some(old.expires.map_or(until, |own| own.min(until)));
    if !old.is_expired(now) {
        entries.insert(at + 1, old);
    }
    Ok(entries)
}

/// The name of the `n`th old key, from 1 on. Of a long name only the start is left.
fn old_name(name: &str, n: usize) -> String {
    let mark = if n == 1 { " (old)".to_owned() } else { format!(" (old {n})") };
    let start: String = name.chars().take(MAX_NAME_LEN - mark.len()).collect();
    start + &mark
}

fn is_old(candidate: &str, name: &str) -> bool {
    let Some((start, mark)) = candidate.rsplit_once(" (old") else { return false };
    let number = mark.strip_suffix(')').unwrap_or("none").trim_start();
    let n = if number.is_empty() { Ok(1) } else { number.parse() };
    name.starts_with(start) && n.is_ok_and(|n| candidate == old_name(name, n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{ApiKeys, Scope};

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_old_key_stays_for_the_overlap_and_is_removed_by_a_later_rotation() {
        let (monday, tuesday) = (time("2026-01-05T00:00:00Z"), time("2026-01-06T00:00:00Z"));
        let wednesday = time("2026-01-07T00:00:00Z");
        let other = KeyEntry::of("other", Scope::Manage, "other");
        let entries = vec![KeyEntry::of("gate", Scope::Recognize, "first"), other.clone()];
        let entries = rotate(entries, "gate", "second", monday, wednesday).unwrap();
        let names = |entries: &[KeyEntry]| entries.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&entries), ["gate", "gate (old)", "other"]);
        let keys = ApiKeys::new(entries.clone()).unwrap();
        let old = keys.find(b"first").unwrap();
        assert_eq!((old.scope, old.expires), (Scope::Recognize, Some(wednesday)));
        assert!(!old.is_expired(tuesday) && old.is_expired(wednesday));
        assert_eq!(keys.find(b"second").unwrap().expires, None);
        // Within the overlap both old keys stay; after it neither.
        let again = rotate(entries.clone(), "gate", "third", tuesday, wednesday).unwrap();
        assert_eq!(names(&again), ["gate", "gate (old 2)", "gate (old)", "other"]);
        let later = rotate(again, "gate", "fourth", wednesday, wednesday).unwrap();
        assert_eq!(names(&later), ["gate", "other"]);
        assert_eq!(later[1], other);
    }

    #[test]
    fn a_name_of_the_greatest_length_can_be_rotated_again_and_again() {
        let (now, later) = (time("2026-01-05T00:00:00Z"), time("2026-01-06T00:00:00Z"));
        for name in ["x".repeat(MAX_NAME_LEN), "é".repeat(MAX_NAME_LEN)] {
            let mut entries = vec![KeyEntry::of(&name, Scope::Manage, "0")];
            for key in 1..=11 {
                entries = rotate(entries, &name, &key.to_string(), now, later).unwrap();
                ApiKeys::new(entries.clone()).unwrap();
            }
            assert_eq!(entries.len(), 12);
            assert_eq!(
                rotate(entries, &name, "12", later, later).unwrap().len(),
                1,
                "the old ones have expired"
            );
        }
    }

    #[test]
    fn an_overlap_does_not_prolong_a_key_and_a_name_must_be_there() {
        let (now, soon, late) =
            (time("2026-01-05T00:00:00Z"), time("2026-01-06T00:00:00Z"), time("2026-01-07T00:00:00Z"));
        let entry = KeyEntry { expires: Some(soon), ..KeyEntry::of("gate", Scope::Recognize, "first") };
        let entries = rotate(vec![entry], "gate", "second", now, late).unwrap();
        assert_eq!(entries[1].expires, Some(soon));
        let message = rotate(entries, "door", "x", now, late).unwrap_err().to_string();
        assert!(message.contains("expected a key named \"door\", found none"), "{message}");
    }
}
