//! Limits of the texts that the database takes.

use crate::error::{Error, InputError, Result};

/// The longest title, group, name or note, Unicode scalar values.
const MAX_CHARS: usize = 500;
/// The longest id or idempotency key, bytes.
const MAX_ID_BYTES: usize = 255;

/// # Errors
/// [`InputError::Invalid`] unless `text` is a line of 1 to 500 characters without white space at its ends.
pub(super) fn text(what: &str, text: &str) -> Result<()> {
    let chars = text.chars().count();
    if (1..=MAX_CHARS).contains(&chars) && text.trim() == text && !text.contains(char::is_control) {
        return Ok(());
    }
    Err(InputError::Invalid(format!(
        "{what}: expected 1 to {MAX_CHARS} characters without line breaks or spaces at its ends, found {chars}"
    ))
    .into())
}

/// # Errors
/// [`InputError::Invalid`] unless a group may have this name.
pub(crate) fn group_name(name: &str) -> Result<()> {
    text("group", name)
}

/// Another group has the name already.
pub(crate) fn group_exists(name: &str) -> Error {
    InputError::Conflict(format!("there is a group {name:?} already")).into()
}

/// # Errors
/// [`InputError::Invalid`] unless `id` has 1 to 255 bytes and no control characters.
pub(super) fn id(what: &str, id: &str) -> Result<()> {
    if (1..=MAX_ID_BYTES).contains(&id.len()) && !id.contains(char::is_control) {
        return Ok(());
    }
    let found = id.len();
    Err(InputError::Invalid(format!(
        "{what}: expected 1 to {MAX_ID_BYTES} bytes without control characters, found {found}"
    ))
    .into())
}

/// # Errors
/// [`InputError::Invalid`] unless a score is a finite number.
pub(super) fn score(score: f32) -> Result<()> {
    if score.is_finite() {
        return Ok(());
    }
    Err(InputError::Invalid(format!("score: expected a finite number, found {score}")).into())
}
