//! What one client may have at a time of something that all clients share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::network::ClientNetwork;

/// A share for each client, of the same size. Clones are the same shares.
#[derive(Clone)]
pub struct Shares(Arc<Inner>);

struct Inner {
    size: usize,
    /// Of the clients that have or await something.
    clients: Mutex<HashMap<ClientNetwork, Arc<Semaphore>>>,
    refused: AtomicU64,
}

/// What a client has taken of its share, given back when dropped.
#[must_use = "dropping it gives it back"]
pub struct Taken {
    // Dropped before the claim, which counts who still knows the semaphore.
    permit: OwnedSemaphorePermit,
    _claim: Claim,
}

impl Shares {
    /// Shares of `size`, at least 1.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let size = size.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner { size, clients: Mutex::default(), refused: AtomicU64::new(0) }))
    }

    /// How much one client may have.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// How often a client was refused more than its share.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }

    /// `count` of the client's share; `None` when it has less left.
    #[must_use]
    pub fn try_take(&self, client: ClientNetwork, count: u32) -> Option<Taken> {
        let (claim, semaphore) = Claim::new(self, client);
        match semaphore.try_acquire_many_owned(count) {
            Ok(permit) => Some(Taken { permit, _claim: claim }),
            Err(_) => self.refuse(),
        }
    }

    /// One of the client's share. Waits in order of arrival for what is given back, at most `patience`; `None` after
    /// that.
    pub async fn take(&self, client: ClientNetwork, patience: Duration) -> Option<Taken> {
        let (claim, semaphore) = Claim::new(self, client);
        match tokio::time::timeout(patience, semaphore.acquire_owned()).await {
            Ok(Ok(permit)) => Some(Taken { permit, _claim: claim }),
            _ => self.refuse(),
        }
    }

    fn refuse<T>(&self) -> Option<T> {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<ClientNetwork, Arc<Semaphore>>> {
        // Nothing panics while the lock is held.
        self.0.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Adds what the same client has taken of the same shares.
    ///
    /// # Panics
    /// When it is another client's.
    pub fn merge(&mut self, more: Self) {
        self.permit.merge(more.permit);
    }

    /// Gives back `count` of it, all of it where that is less.
    pub fn give_back(&mut self, count: usize) {
        drop(self.permit.split(count.min(self.permit.num_permits())));
    }
}

/// A client's entry among those that have or await something. The last claim removes it.
struct Claim {
    shares: Shares,
    client: ClientNetwork,
    /// `None` only while it is dropped.
    semaphore: Option<Arc<Semaphore>>,
}

impl Claim {
    /// The client's entry and its semaphore.
    fn new(shares: &Shares, client: ClientNetwork) -> (Self, Arc<Semaphore>) {
        let full = || Arc::new(Semaphore::new(shares.0.size));
        let semaphore = Arc::clone(shares.clients().entry(client).or_insert_with(full));
        (Self { shares: shares.clone(), client, semaphore: Some(Arc::clone(&semaphore)) }, semaphore)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut clients = self.shares.clients();
        // Under the lock, so that of several claims that end at once one finds itself the last.
        self.semaphore = None;
        if clients.get(&self.client).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: Duration = Duration::from_hours(1);

    fn client(last: u8) -> ClientNetwork {
        std::net::IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn a_client_with_all_of_its_share_is_refused_and_others_are_not() {
        let shares = Shares::new(2);
        let first = shares.try_take(client(1), 1).unwrap();
        let second = shares.try_take(client(1), 1).unwrap();
        assert!(shares.try_take(client(1), 1).is_none());
        let other = shares.try_take(client(2), 1).expect("another client has its own");
        assert_eq!((shares.refused(), shares.clients().len()), (1, 2));
        drop(first);
        let third = shares.try_take(client(1), 1).expect("one was given back");
        drop((second, third, other));
        assert!(shares.clients().is_empty(), "clients that have nothing are forgotten");
    }

    #[test]
    fn parts_of_a_share_are_merged_and_given_back() {
        let shares = Shares::new(5);
        let mut taken = shares.try_take(client(1), 2).unwrap();
        taken.merge(shares.try_take(client(1), 3).unwrap());
        assert!(shares.try_take(client(1), 1).is_none());
        taken.give_back(4);
        let rest = shares.try_take(client(1), 4).expect("four were given back");
        taken.give_back(9);
        drop((taken, rest));
        assert!(shares.clients().is_empty());
    }

    #[tokio::test]
    async fn who_waits_gets_what_is_given_back_or_gives_up() {
        let shares = Shares::new(2);
        let all = shares.try_take(client(1), 2).unwrap();
        assert!(shares.take(client(1), Duration::ZERO).await.is_none());
        let waiting = tokio::spawn({
            let shares = shares.clone();
            async move { shares.take(client(1), NEVER).await.is_some() }
        });
        while Arc::strong_count(&shares.clients()[&client(1)]) < 5 {
            tokio::task::yield_now().await;
        }
        drop(all);
        assert!(waiting.await.unwrap());
        assert_eq!((shares.refused(), shares.clients().len()), (1, 0));
    }
}
