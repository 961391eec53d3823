//! A value of the database in memory, and whether it is what is stored.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use crate::reloadable::ReloadError;

/// What is read without waiting, while it is brought up to date elsewhere.
#[derive(Default)]
pub(super) struct InUse<T> {
    /// Locked only to clone or to swap the pointer.
    current: RwLock<Arc<T>>,
    error: RwLock<Option<ReloadError>>,
    followed: AtomicU64,
    failed: AtomicU64,
}

impl<T> InUse<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            current: RwLock::new(Arc::new(value)),
            error: RwLock::default(),
            followed: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    pub(super) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes another value into use.
    pub(super) fn swap(&self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&value);
        value
    }

    /// Takes the value of another process into use.
    pub(super) fn follow(&self, value: T) {
        self.swap(value);
        self.followed.fetch_add(1, Ordering::Relaxed);
    }

    /// Why the value may not be what is stored.
    pub(super) fn error(&self) -> Option<ReloadError> {
        self.error.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes why it may not be. Returns whether that is new; an error that is known gets this message.
    pub(super) fn fail(&self, message: String) -> bool {
        let mut error = self.error.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = error.as_mut() {
            known.message = message;
            return false;
        }
        *error = Some(ReloadError { message, file_exists: true, since: SystemTime::now() });
        self.failed.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Notes that it is what is stored. Returns whether it was not.
    pub(super) fn recover(&self) -> bool {
        self.error.write().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }

    /// How often values of other processes were taken into use, and how often that failed.
    pub(super) fn reloads(&self) -> (u64, u64) {
        (self.followed.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}
