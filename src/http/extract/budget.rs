//! The memory of uploads: bytes are reserved as they arrive and released with the upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget has no room for more bytes.
#[derive(Debug, thiserror::Error)]
#[error("too many uploads are in progress: no memory is left for this one")]
pub struct NoRoom;

/// Unit in which bytes are counted: a semaphore holds at most 2^61 permits, and takes u32 at a time.
const UNIT: usize = 1024;

/// Limits the bytes of uploads in memory, over all requests.
pub struct UploadBudget {
    units: Arc<Semaphore>,
    total: usize,
    refused: AtomicU64,
}

/// A share of the budget, given back when dropped.
#[derive(Debug, Default)]
pub struct Reservation {
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl UploadBudget {
    /// Room for `photos` photos of `photo_bytes` each, their share of a form included.
    #[must_use]
    pub fn new(photos: usize, photo_bytes: u64) -> Self {
        let bytes = usize::try_from(photo_bytes).unwrap_or(usize::MAX).saturating_mul(photos);
        let total = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(total)), total, refused: AtomicU64::new(0) }
    }

    /// Bytes of uploads in memory, rounded up to 1024.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.total.saturating_sub(self.units.available_permits()) * UNIT
    }

    /// How often an upload was refused.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Reserves `more` bytes on top of those in `held`.
    ///
    /// # Errors
    /// [`NoRoom`] when there is none.
    pub fn grow(&self, held: &mut Reservation, more: usize) -> Result<(), NoRoom> {
        let bytes = held.bytes + more;
        let missing = bytes.div_ceil(UNIT) - held.bytes.div_ceil(UNIT);
        if missing == 0 {
            held.bytes = bytes;
            return Ok(());
        }
        let permit = u32::try_from(missing)
            .ok()
            .and_then(|units| Arc::clone(&self.units).try_acquire_many_owned(units).ok())
            .ok_or_else(|| {
                self.refused.fetch_add(1, Ordering::Relaxed);
                NoRoom
            })?;
        match &mut held.permit {
            Some(all) => all.merge(permit),
            none => *none = Some(permit),
        }
        held.bytes = bytes;
        Ok(())
    }
}

impl Reservation {
    /// Gives back room for `bytes` of it.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let before = self.bytes.div_ceil(UNIT);
        self.bytes = self.bytes.saturating_sub(bytes);
        let surplus = before - self.bytes.div_ceil(UNIT);
        drop(self.permit.as_mut().and_then(|permit| permit.split(surplus)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let budget = UploadBudget::new(2, 10 * 1024);
        let (mut first, mut second) = (Reservation::default(), Reservation::default());
        for _ in 0..15 {
            budget.grow(&mut first, 1000).unwrap();
        }
        budget.grow(&mut second, 5 * 1024).unwrap();
        assert!(matches!(budget.grow(&mut second, 1), Err(NoRoom)));
        assert_eq!((budget.held_bytes(), budget.refused()), (20 * 1024, 1));
        drop(first);
        assert_eq!(budget.held_bytes(), 5 * 1024);
        budget.grow(&mut second, 14 * 1024).unwrap();
        for _ in 0..10 {
            second.shrink(1000);
        }
        assert_eq!(budget.held_bytes(), 10 * 1024, "9456 bytes are left");
        second.shrink(usize::MAX);
        assert_eq!(budget.held_bytes(), 0);
    }
}
