//! Limits concurrent reads of bodies: the first uploads finish first, and a full queue refuses the others early.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

/// Longest wait for a permit and longest life of one: slow uploads are not waited for.
const MAX_HOLD: Duration = Duration::from_millis(500);

/// Limits how many bodies are read at a time. If all were read concurrently, the first would be complete, and the
/// queue busy, only when nearly all have been sent.
pub struct ReadPermits(Arc<Semaphore>);

/// The permit of an upload. It ends when this is dropped, or after `MAX_HOLD`.
pub struct ReadPermit {
    _ends: Option<oneshot::Sender<()>>,
}

impl ReadPermits {
    /// Permits for `uploads` at a time.
    #[must_use]
    pub fn new(uploads: usize) -> Self {
        Self(Arc::new(Semaphore::new(uploads.min(Semaphore::MAX_PERMITS))))
    }

    /// Waits for a permit, `MAX_HOLD` at most: then the upload is read without one.
    pub async fn take(&self) -> ReadPermit {
        let permit = tokio::time::timeout(MAX_HOLD, Arc::clone(&self.0).acquire_owned()).await;
        let ends = permit.ok().and_then(Result::ok).map(|permit| {
            let (ends, ended) = oneshot::channel();
            tokio::spawn(async move {
                // Released by the upload's end or by the timeout.
                drop(tokio::time::timeout(MAX_HOLD, ended).await);
                drop(permit);
            });
            ends
        });
        ReadPermit { _ends: ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_permit_ends_with_its_upload_and_a_slow_one_is_not_waited_for() {
        let read_permits = ReadPermits::new(1);
        let first = read_permits.take().await;
        let start = std::time::Instant::now();
        let second = read_permits.take().await;
        assert!(start.elapsed() >= MAX_HOLD / 2, "one at a time");
        drop((first, second));
        tokio::time::timeout(MAX_HOLD * 20, read_permits.0.acquire())
            .await
            .expect("released")
            .unwrap()
            .forget();
        drop(
            tokio::time::timeout(MAX_HOLD * 20, read_permits.take()).await.expect("it does not wait forever"),
        );
    }
}
