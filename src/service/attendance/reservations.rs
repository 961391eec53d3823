//! One request at a time for each `Idempotency-Key`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::error::{InputError, Result};

/// Keys of requests in progress.
#[derive(Default)]
pub(super) struct Reservations(Mutex<HashSet<String>>);

/// A key is reserved until this is dropped.
pub(super) struct Reservation<'a> {
    all: &'a Reservations,
    key: String,
}

impl Reservations {
    /// Reserves a key.
    ///
    /// # Errors
    /// [`InputError::Conflict`] while it is reserved.
    pub(super) fn reserve(&self, key: &str) -> Result<Reservation<'_>> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
        if is_new {
            return Ok(Reservation { all: self, key: key.to_owned() });
        }
        let message = "a request with this Idempotency-Key is in progress: expected one at a time";
        Err(InputError::Conflict(message.to_owned()).into())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_reserved_until_its_request_ends() {
        let all = Reservations::default();
        let first = all.reserve("a").unwrap();
        assert!(all.reserve("a").is_err_and(|error| error.to_string().contains("in progress")));
        assert!(all.reserve("b").is_ok());
        drop(first);
        assert!(all.reserve("a").is_ok());
    }
}
