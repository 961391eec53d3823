//! Truncates client input that is quoted in error messages.

/// Maximum characters of client input that a message repeats.
const MAX_SHOWN: usize = 80;

/// The beginning of `text`, short enough for a message.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
