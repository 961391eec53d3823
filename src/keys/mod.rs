//! API keys and their scopes.
//!
//! A key is `facerec_` and 256 random bits. Only its SHA-256 is stored: the file of keys gives no access.
//! A password hash and a rate limit are not needed: unlike a password, 256 random bits can't be guessed.

pub mod backend;
pub mod file;
pub mod last_use;
pub mod rotation;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use crate::error::{DataError, Error, Result};
use crate::hex::to_hex;

/// Prefix of every key, by which people and secret scanners recognise one.
pub const PREFIX: &str = "facerec_";
/// Random bytes of a key.
const RANDOM_BYTES: usize = 32;
/// Longest name of a key, characters.
const MAX_NAME_LEN: usize = 64;

/// What a key permits. Each scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Recognition and verification.
    Recognize,
    /// Reading and changing people and the roster as well.
    Manage,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 2] = [Self::Recognize, Self::Manage];

    /// The name, as it stands in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recognize => "recognize",
            Self::Manage => "manage",
        }
    }

    /// The scope of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }

    /// Whether this scope permits what needs `needed`.
    #[must_use]
    pub fn includes(self, needed: Self) -> bool {
        self >= needed
    }
}

/// The stored entry of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// Name of the holder; unique, may appear in the log.
    pub name: String,
    /// What it permits.
    pub scope: Scope,
    /// SHA-256 of the key as it is sent, prefix included.
    pub sha256: [u8; 32],
    /// When it stops to be accepted; `None` for never.
    pub expires: Option<Timestamp>,
}

impl KeyEntry {
    /// An entry for the key `key`, which never expires.
    #[must_use]
    pub fn of(name: &str, scope: Scope, key: &str) -> Self {
        Self { name: name.to_owned(), scope, sha256: Sha256::digest(key.as_bytes()).into(), expires: None }
    }

    /// Whether the key is no longer accepted at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// All keys of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeys {
    entries: Vec<KeyEntry>,
}

impl ApiKeys {
    /// The keys, in order.
    ///
    /// # Errors
    /// [`Error::Data`] when a name can't be one, or two entries share a name or a key.
    pub fn new(entries: Vec<KeyEntry>) -> Result<Self> {
        for (at, entry) in entries.iter().enumerate() {
            check_name(&entry.name)?;
            let before = &entries[..at];
            if before.iter().any(|other| other.name == entry.name) {
                let message = format!("two keys are named {:?}: names must differ", entry.name);
                return Err(DataError::Invalid(message).into());
            }
            if let Some(other) = before.iter().find(|other| other.sha256 == entry.sha256) {
                let names = format!("{:?} and {:?}", other.name, entry.name);
                let message = format!("{names} are one and the same key: keys must differ");
                return Err(DataError::Invalid(message).into());
            }
        }
        Ok(Self { entries })
    }

    /// The entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[KeyEntry] {
        &self.entries
    }

    /// The entry of a presented key, expired or not. All hashes are compared, in constant time: the time depends on the
    /// number of entries alone.
    #[must_use]
    pub fn find(&self, presented: &[u8]) -> Option<&KeyEntry> {
        let sha256: [u8; 32] = Sha256::digest(presented).into();
        let mut place = 0_u64; // from 1 on; 0 is none
        for (this, entry) in (1_u64..).zip(&self.entries) {
            place.conditional_assign(&this, entry.sha256.ct_eq(&sha256));
        }
        self.entries.get(usize::try_from(place).ok()?.checked_sub(1)?)
    }
}

/// # Errors
/// [`Error::Data`] saying what a name must be.
fn check_name(name: &str) -> Result<()> {
    let fits = (1..=MAX_NAME_LEN).contains(&name.chars().count());
    if fits && name.trim() == name && !name.contains(char::is_control) {
        return Ok(());
    }
    Err(DataError::Invalid(format!(
        "expected a name of 1 to {MAX_NAME_LEN} characters without line breaks or spaces at its ends, found {name:?}"
    ))
    .into())
}

/// A new key's text.
///
/// # Errors
/// [`Error::Internal`] when the system gives no random numbers.
pub fn generate() -> Result<String> {
    let mut random = [0; RANDOM_BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| Error::Internal(format!("the system gives no random numbers: {error}")))?;
    Ok(format!("{PREFIX}{}", to_hex(&random)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_text_and_by_nothing_else() {
        let texts = ["facerec_1", "facerec_2", "facerec_3"];
        let entry = |(at, text): (usize, &&str)| KeyEntry::of(&format!("key {at}"), Scope::Manage, text);
        let keys = ApiKeys::new(texts.iter().enumerate().map(entry).collect()).unwrap();
        for (at, text) in texts.iter().enumerate() {
            assert_eq!(keys.find(text.as_bytes()).unwrap().name, format!("key {at}"));
        }
        for other in
            ["", "facerec_", "facerec_4", "facerec_1 ", "FACEREC_1", &to_hex(&keys.entries[0].sha256)]
        {
            assert_eq!(keys.find(other.as_bytes()), None, "{other:?}");
        }
        assert_eq!(ApiKeys::default().find(b"facerec_1"), None);
    }

    #[test]
    fn managing_includes_recognising_and_not_the_other_way_round() {
        let allowed = |has: Scope, needed| has.includes(needed);
        assert!(allowed(Scope::Manage, Scope::Recognize) && allowed(Scope::Manage, Scope::Manage));
        assert!(allowed(Scope::Recognize, Scope::Recognize) && !allowed(Scope::Recognize, Scope::Manage));
        assert_eq!(Scope::ALL.map(|scope| Scope::from_name(scope.as_str())), Scope::ALL.map(Some));
        assert_eq!(Scope::from_name("Manage"), None);
    }

    #[test]
    fn keys_are_long_and_never_the_same() {
        let keys: std::collections::BTreeSet<String> = (0..100).map(|_| generate().unwrap()).collect();
        assert_eq!(keys.len(), 100);
        for key in &keys {
            let random = key.strip_prefix(PREFIX).unwrap();
            assert_eq!(random.len(), 64);
            assert!(random.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)), "{key}");
        }
    }

    #[test]
    fn names_and_keys_must_differ_and_names_fit_into_a_line() {
        let of = |name: &str, key: &str| KeyEntry::of(name, Scope::Recognize, key);
        let message = |entries| ApiKeys::new(entries).unwrap_err().to_string();
        assert_eq!(message(vec![of("a", "1"), of("a", "2")]), "two keys are named \"a\": names must differ");
        assert_eq!(
            message(vec![of("a", "1"), of("b", "1")]),
            "\"a\" and \"b\" are one and the same key: keys must differ"
        );
        for name in ["", " a", "a\nb", &"a".repeat(65)] {
            assert!(
                message(vec![of(name, "1")]).contains("expected a name of 1 to 64 characters"),
                "{name:?}"
            );
        }
    }
}
