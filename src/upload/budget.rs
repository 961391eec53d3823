//! The memory of uploads: bytes are reserved as they arrive and released with the upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::clients::network::ClientNetwork;
use crate::clients::shares::{Shares, Taken};

/// The budget has no room for more bytes.
#[derive(Debug, thiserror::Error)]
pub enum NoRoom {
    /// All uploads together have all of it.
    #[error("too many uploads are in progress: no memory is left for this one")]
    ForAnyone,
    /// The client's uploads have as much as one client's may.
    #[error("this client's uploads hold {} MiB, the most for one; wait for one to end", .bytes >> 20)]
    ForTheClient {
        /// That much.
        bytes: usize,
    },
}

/// Unit in which bytes are counted: a semaphore holds at most 2^61 permits, and takes u32 at a time.
const UNIT: usize = 1024;
/// Photos of the largest size that one client's uploads may hold in any case: a photo in base64 and what it is decoded to
/// take 2 1/3.
const MIN_PHOTOS_OF_CLIENT: usize = 3;

/// Limits the bytes of uploads in memory, over all requests and over those of one client.
pub struct UploadBudget {
    units: Arc<Semaphore>,
    total: usize,
    of_clients: Shares,
    refused: AtomicU64,
}

/// A share of the budget, given back when dropped.
pub struct Reservation {
    client: ClientNetwork,
    permit: Option<(OwnedSemaphorePermit, Taken)>,
    bytes: usize,
}

impl UploadBudget {
    /// Room for `photos` photos of `photo_bytes` each, their share of a form included; for three at least. Half of it is for one client,
    /// three photos at least.
    #[must_use]
    pub fn new(photos: usize, photo_bytes: u64) -> Self {
        let photo_units = usize::try_from(photo_bytes).unwrap_or(usize::MAX).div_ceil(UNIT);
        let of = |photos: usize| photo_units.saturating_mul(photos).clamp(1, Semaphore::MAX_PERMITS);
        let total = of(photos.max(MIN_PHOTOS_OF_CLIENT));
        let of_client = (total / 2).max(of(MIN_PHOTOS_OF_CLIENT));
        Self {
            units: Arc::new(Semaphore::new(total)),
            total,
            of_clients: Shares::new(of_client),
            refused: AtomicU64::new(0),
        }
    }

    /// Bytes of uploads in memory, rounded up to 1024.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.total.saturating_sub(self.units.available_permits()) * UNIT
    }

    /// How often an upload was refused since all uploads had all of the budget.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How often an upload was refused since its client had all that is for one.
    #[must_use]
    pub fn refused_to_clients(&self) -> u64 {
        self.of_clients.refused()
    }

    /// Reserves `more` bytes on top of those in `held`.
    ///
    /// # Errors
    /// [`NoRoom`] when there is none.
    pub fn grow(&self, held: &mut Reservation, more: usize) -> Result<(), NoRoom> {
        let bytes = held.bytes.saturating_add(more);
        let missing = bytes.div_ceil(UNIT) - held.bytes.div_ceil(UNIT);
        if missing > 0 {
            let (permit, of_client) = self.take(held.client, missing)?;
            match &mut held.permit {
                Some((all, all_of_client)) => {
                    all.merge(permit);
                    all_of_client.merge(of_client);
                }
                none => *none = Some((permit, of_client)),
            }
        }
        held.bytes = bytes;
        Ok(())
    }

    fn take(&self, client: ClientNetwork, units: usize) -> Result<(OwnedSemaphorePermit, Taken), NoRoom> {
        let too_much = || NoRoom::ForTheClient { bytes: self.of_clients.size() * UNIT };
        let units = u32::try_from(units).map_err(|_| too_much())?;
        let of_client = self.of_clients.try_take(client, units).ok_or_else(too_much)?;
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units).map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            NoRoom::ForAnyone
        })?;
        Ok((permit, of_client))
    }
}

impl Reservation {
    /// Of nothing yet, for an upload of this client.
    #[must_use]
    pub fn of(client: ClientNetwork) -> Self {
        Self { client, permit: None, bytes: 0 }
    }

    /// Whose upload it is.
    #[must_use]
    pub fn client(&self) -> ClientNetwork {
        self.client
    }

    /// Gives back room for `bytes` of it.
    pub fn shrink(&mut self, bytes: usize) {
        let before = self.bytes.div_ceil(UNIT);
        self.bytes = self.bytes.saturating_sub(bytes);
        let surplus = before - self.bytes.div_ceil(UNIT);
        if let Some((permit, of_client)) = &mut self.permit {
            drop(permit.split(surplus));
            of_client.give_back(surplus);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(last: u8) -> Reservation {
        Reservation::of(std::net::IpAddr::from([192, 0, 2, last]).into())
    }

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let budget = UploadBudget::new(4, 10 * 1024);
        let (mut first, mut second) = (reservation(1), reservation(2));
        for _ in 0..25 {
            budget.grow(&mut first, 1000).unwrap();
        }
        budget.grow(&mut second, 15 * 1024).unwrap();
        assert!(matches!(budget.grow(&mut second, 1), Err(NoRoom::ForAnyone)));
        assert_eq!((budget.held_bytes(), budget.refused()), (40 * 1024, 1));
        drop(first);
        assert_eq!(budget.held_bytes(), 15 * 1024);
        budget.grow(&mut second, 14 * 1024).unwrap();
        for _ in 0..20 {
            second.shrink(1000);
        }
        assert_eq!(budget.held_bytes(), 10 * 1024, "9696 bytes are left");
        second.shrink(usize::MAX);
        assert_eq!(budget.held_bytes(), 0);
    }

    #[test]
    fn one_client_gets_half_of_it_and_room_for_three_photos_at_least() {
        for (photos, of_client) in [(10, 5), (4, 3), (1, 3)] {
            let budget = UploadBudget::new(photos, 1024);
            let (mut first, mut second) = (reservation(1), reservation(1));
            budget.grow(&mut first, (of_client - 1) * 1024).unwrap();
            budget.grow(&mut second, 1024).unwrap();
            let refused = budget.grow(&mut second, 1).unwrap_err();
            assert!(matches!(refused, NoRoom::ForTheClient { bytes } if bytes == of_client * 1024));
            assert_eq!((budget.refused(), budget.refused_to_clients()), (0, 1));
            first.shrink(1024);
            budget.grow(&mut second, 1).unwrap();
        }
    }
}
