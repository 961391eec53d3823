//! Requests that a client may repeat: the second one gets the response of the first.

use std::future::Future;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::attendance::{IdempotencyKey, StoredResponse};
use crate::error::{Error, Result};
use crate::service::Service;
use crate::service::caller;

/// The key of a request of the current caller, whose content is `parts`: keys of two callers never meet.
#[must_use]
pub fn idempotency_key(key: &str, parts: &[&[u8]]) -> IdempotencyKey {
    let caller = caller::current().key.clone().unwrap_or_default();
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    IdempotencyKey { key: format!("{caller}/{key}"), request_sha256: hash.finalize().into() }
}

impl Service {
    /// Runs `work` once for a key: a repeated request gets the response of the first one, as long as that is kept. Without a
    /// key, runs it.
    ///
    /// # Errors
    /// [`InputError::Conflict`](crate::error::InputError::Conflict) while a request with this key is in progress, and when
    /// it was used for another one; else as `work`.
    pub async fn once<E: From<Error>>(
        &self,
        key: Option<IdempotencyKey>,
        work: impl Future<Output = Result<StoredResponse, E>>,
    ) -> Result<StoredResponse, E> {
        let Some(key) = key else { return work.await };
        let _reservation = self.attendance()?.reservations.reserve(&key.key)?;
        let known = key.clone();
        if let Some(response) = self.attend(move |_, attendance| attendance.store().recall(&known)).await? {
            return Ok(response);
        }
        let response = work.await?;
        let kept = response.clone();
        self.attend(move |_, attendance| attendance.store().remember(&key, &kept, Timestamp::now())).await?;
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_other_content_have_other_checksums() {
        let of = |parts: &[&[u8]]| idempotency_key("k", parts).request_sha256;
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
    }
}
