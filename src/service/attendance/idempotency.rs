//! Requests that a client may repeat: the second one gets the response of the first.

use std::future::Future;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::attendance::{IdempotencyKey, StoredResponse};
use crate::error::{Error, Result};
use crate::hex::to_hex;
use crate::service::Service;
use crate::service::caller;

/// The key of a request of the current caller, whose content is `parts`. It is kept as a hash of caller and key: no caller
/// reaches the response of another one, and who reads the database can't repeat a request.
#[must_use]
pub fn idempotency_key(key: &str, parts: &[&[u8]]) -> IdempotencyKey {
    let caller = caller::current();
    let client = caller.client.map(|client| client.to_canonical().to_string()).unwrap_or_default();
    let who = match &caller.key {
        Some(name) => ["key", name],
        None => ["client", &client],
    };
    let key = sha256_of(&[who[0].as_bytes(), who[1].as_bytes(), key.as_bytes()]);
    IdempotencyKey { key: to_hex(&key), request_sha256: sha256_of(parts) }
}

/// The checksum of parts, which tells where one ends.
fn sha256_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
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
    use crate::service::caller::{Caller, called_by};

    #[tokio::test]
    async fn callers_never_share_a_key() {
        let of = async |key: Option<&str>, client: &str, idempotency: &str| {
            let key = key.map(str::to_owned);
            let caller = Caller { key, client: client.parse().ok(), ..Caller::default() };
            let key = called_by(caller, async { idempotency_key(idempotency, &[]).key }).await;
            assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
            key
        };
        let camera = of(Some("camera"), "192.0.2.1", "k/1").await;
        assert_eq!(of(Some("camera"), "192.0.2.2", "k/1").await, camera, "a key moves with its holder");
        assert_ne!(of(Some("camera/k"), "192.0.2.1", "1").await, camera);
        assert_ne!(of(Some("office"), "192.0.2.1", "k/1").await, camera);
        let alone = of(None, "192.0.2.1", "k/1").await;
        assert_ne!(alone, camera);
        assert_ne!(of(None, "192.0.2.2", "k/1").await, alone);
    }

    #[test]
    fn requests_of_other_content_have_other_checksums() {
        let of = |parts: &[&[u8]]| idempotency_key("k", parts).request_sha256;
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
    }
}
