//! Attendance as the service keeps it: the store, and who is enrolled and on the roster, as it knows them.
//!
//! Nothing is on the disk until somebody begins a session or makes a group. From then on the store learns of people and
//! roster before each use, and within a second of each change.

mod automatic;
pub mod groups;
pub mod idempotency;
mod people;
pub mod photos;
mod receivers;
pub(super) mod recording;
pub mod reports;
mod reservations;
pub mod sessions;
pub mod webhooks;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::snapshot::Snapshot;
use crate::attendance::delivery::{Deliverer, DeliveryTotals};
use crate::attendance::{AttendanceStore, Channels, Forget, SqliteStore};
use crate::config::AttendanceParams;
use crate::error::Result;
use crate::gallery::Gallery;
use crate::roster::Roster;
use reservations::Reservations;

/// How often what is too old is deleted.
const PRUNE_INTERVAL: Duration = Duration::from_hours(24);

/// The store and what is known of its state.
pub struct Attendance {
    store: Arc<dyn AttendanceStore>,
    retention: SignedDuration,
    /// What the store was told of last.
    synced: Mutex<Option<Synced>>,
    /// Why it could not be told in the background; said once.
    sync_fault: Mutex<Option<String>>,
    pruned: Mutex<Option<Instant>>,
    reservations: Reservations,
    /// `None` where nobody is told.
    deliverer: Option<Deliverer>,
}

/// People and roster by identity: both are immutable.
struct Synced {
    gallery: Weak<Gallery>,
    roster: Weak<Roster>,
}

impl Synced {
    fn new(snapshot: &Snapshot) -> Self {
        Self { gallery: Arc::downgrade(&snapshot.gallery), roster: Arc::downgrade(&snapshot.roster) }
    }

    fn is(&self, other: &Self) -> bool {
        self.gallery.ptr_eq(&other.gallery) && self.roster.ptr_eq(&other.roster)
    }
}

impl Attendance {
    /// The attendance of the data directory `directory`; creates no file. Messages are delivered from now on.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database) for a file that is no database of this program, or of a
    /// newer version; [`Error::Data`](crate::error::Error::Data) for a receiver that can't be one.
    pub fn open(directory: &Path, params: &AttendanceParams) -> Result<Self> {
        let receivers = receivers::receivers(params)?;
        let mut attendance = Self::new(directory, receivers::channels(params), params.retention_days)?;
        if !receivers.is_empty() {
            attendance.deliverer = Some(Deliverer::start(&attendance.store, receivers)?);
        }
        Ok(attendance)
    }

    /// The same for a command: nobody is told, and nothing is deleted.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database), as [`Attendance::open`].
    pub fn open_alone(directory: &Path) -> Result<Self> {
        Self::new(directory, Channels::default(), AttendanceParams::default().retention_days)
    }

    fn new(directory: &Path, channels: Channels, retention_days: u32) -> Result<Self> {
        Ok(Self {
            store: Arc::new(SqliteStore::open(directory, channels)?),
            retention: SignedDuration::from_hours(24 * i64::from(retention_days)),
            synced: Mutex::default(),
            sync_fault: Mutex::default(),
            pruned: Mutex::default(),
            reservations: Reservations::default(),
            deliverer: None,
        })
    }

    /// Says that there may be something to deliver.
    fn wake(&self) {
        if let Some(deliverer) = &self.deliverer {
            deliverer.wake();
        }
    }

    /// Deliveries since the start.
    fn delivered(&self) -> DeliveryTotals {
        self.deliverer.as_ref().map(|deliverer| deliverer.metrics().totals()).unwrap_or_default()
    }

    /// The store, which knows people and roster as they were at the last [`Attendance::sync`].
    #[must_use]
    pub fn store(&self) -> &dyn AttendanceStore {
        &*self.store
    }

    /// Tells the store of people and roster if they have changed; where there is no store yet, only to `create` it.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub fn sync(&self, snapshot: &Snapshot, create: bool) -> Result<()> {
        let exists = self.store.exists();
        if !exists && !create {
            return Ok(());
        }
        let mut synced = lock(&self.synced);
        let now = Synced::new(snapshot);
        if exists && synced.as_ref().is_some_and(|before| before.is(&now)) {
            return Ok(());
        }
        self.store.sync_people(&people::records(snapshot), true)?;
        *synced = Some(now);
        Ok(())
    }

    /// Gives the entries of the person `from` to `into`.
    fn merge(&self, into: &str, from: &str) -> Result<()> {
        let mut synced = lock(&self.synced);
        self.store.merge_people(into, from)?;
        // Somebody on the roster may have had the name of `from`.
        *synced = None;
        Ok(())
    }

    /// Forgets a person's entries.
    fn forget(&self, person_id: &str, how: Forget) -> Result<u64> {
        let mut synced = lock(&self.synced);
        let entries = self.store.forget(person_id, how)?;
        *synced = None;
        Ok(entries)
    }

    /// [`Attendance::sync`] in the background, where nobody waits for an error.
    pub(super) fn follow(&self, snapshot: &Snapshot) {
        let fault = self.sync(snapshot, false).err().map(|error| error.to_string());
        let mut known = lock(&self.sync_fault);
        if let Some(error) = fault.as_ref().filter(|_| *known != fault) {
            tracing::error!(error, "attendance can't be told of changed people; trying again");
        }
        *known = fault;
    }

    /// Deletes what is older than the retention; once a day, however often it is called.
    pub(super) fn prune(&self, now: Timestamp) {
        let mut pruned = lock(&self.pruned);
        if pruned.is_some_and(|at| at.elapsed() < PRUNE_INTERVAL) {
            return;
        }
        *pruned = Some(Instant::now());
        drop(pruned);
        let Ok(before) = now.checked_sub(self.retention) else { return };
        match self.store.delete_before(before) {
            Ok(deleted) if deleted.sessions > 0 => {
                tracing::info!(sessions = deleted.sessions, "deleted sessions older than the retention");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "sessions older than the retention can't be deleted"),
        }
    }
}

/// What panicked while it held the lock changed nothing halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
