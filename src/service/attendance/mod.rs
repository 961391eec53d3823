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

use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::snapshot::{Snapshot, State};
use crate::attendance::delivery::{Deliverer, DeliveryTotals};
use crate::attendance::{AttendanceStore, Channels, Forget, SqliteStore};
use crate::config::AttendanceParams;
use crate::error::Result;
use reservations::Reservations;

/// How often what is too old is deleted.
const PRUNE_INTERVAL: SignedDuration = SignedDuration::from_hours(24);
/// For how long it is known who was forgotten: longer than any photo waits to be recorded.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);
/// How soon it is tried again after a failure.
const PRUNE_RETRY: SignedDuration = SignedDuration::from_mins(10);

/// The store and what is known of its state.
pub struct Attendance {
    store: Arc<dyn AttendanceStore>,
    retention: SignedDuration,
    /// What the store was told of last; locked for no longer than it is compared or set.
    synced: Mutex<Option<State>>,
    /// Held while the store is told: an older state must not be written over a newer one.
    syncing: Mutex<()>,
    /// Who was forgotten lately, and when: what was seen of them before is not recorded any more.
    forgotten: Mutex<HashMap<String, Timestamp>>,
    /// Why it could not be told in the background; said once.
    sync_fault: Mutex<Option<String>>,
    /// When what is too old is deleted next.
    next_prune: Mutex<Option<Timestamp>>,
    reservations: Reservations,
    /// `None` where nobody is told.
    deliverer: Option<Deliverer>,
}

impl Attendance {
    /// The attendance of the data directory `directory`; creates no file. Messages are delivered from now on.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database) for a file that is no database of this program, or of a
    /// newer version; [`Error::Data`](crate::error::Error::Data) for a receiver that can't be one.
    pub fn open(directory: &Path, params: &AttendanceParams) -> Result<Self> {
        Self::open_with(params, |channels| Ok(Arc::new(SqliteStore::open(directory, channels)?)))
    }

    /// The attendance of the store that `open` opens, which writes messages for the given channels. They are delivered from now
    /// on, by one of the processes that share the store.
    ///
    /// # Errors
    /// What `open` says; [`Error::Data`](crate::error::Error::Data) for a receiver that can't be one.
    pub fn open_with(
        params: &AttendanceParams,
        open: impl FnOnce(Channels) -> Result<Arc<dyn AttendanceStore>>,
    ) -> Result<Self> {
        let receivers = receivers::receivers(params)?;
        let store = open(receivers::channels(params))?;
        let mut attendance = Self::new(store, params.retention_days);
        if !receivers.is_empty() {
            attendance.deliverer = Some(Deliverer::start(&attendance.store, receivers)?);
        }
        Ok(attendance)
    }

    /// The attendance of a store for a command: nobody is told, and nothing is deleted.
    #[must_use]
    pub fn open_alone(store: Arc<dyn AttendanceStore>) -> Self {
        Self::new(store, AttendanceParams::default().retention_days)
    }

    fn new(store: Arc<dyn AttendanceStore>, retention_days: u32) -> Self {
        Self {
            store,
            retention: SignedDuration::from_hours(24 * i64::from(retention_days)),
            synced: Mutex::default(),
            syncing: Mutex::default(),
            forgotten: Mutex::default(),
            sync_fault: Mutex::default(),
            next_prune: Mutex::default(),
            reservations: Reservations::default(),
            deliverer: None,
        }
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

    /// Tells the store of the `people` of now if they, the roster or the day have changed; where there is no store yet, only to
    /// `create` it.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub fn sync(&self, people: impl Fn() -> Snapshot, create: bool) -> Result<()> {
        if (!self.store.exists() && !create) || self.knows(&State::of(&people())) {
            return Ok(());
        }
        let _turn = lock(&self.syncing);
        // Looked up once more: whoever had the turn before may have told of newer ones.
        let snapshot = people();
        let state = State::of(&snapshot);
        if self.knows(&state) {
            return Ok(());
        }
        self.store.sync_people(&people::records(&snapshot), true)?;
        *lock(&self.synced) = Some(state);
        Ok(())
    }

    fn knows(&self, state: &State) -> bool {
        lock(&self.synced).as_ref() == Some(state) && self.store.exists()
    }

    /// Changes people of the store, which is told of all of them again afterwards.
    fn change_people<T>(&self, change: impl FnOnce(&dyn AttendanceStore) -> Result<T>) -> Result<T> {
        let _turn = lock(&self.syncing);
        *lock(&self.synced) = None;
        change(&*self.store)
    }

    /// Gives the entries of the person `from` to `into`.
    fn merge(&self, into: &str, from: &str) -> Result<()> {
        // Somebody on the roster may have had the name of `from`.
        self.change_people(|store| store.merge_people(into, from))
    }

    /// Forgets a person's entries.
    fn forget(&self, person_id: &str, how: Forget) -> Result<u64> {
        self.change_people(|store| {
            let entries = store.forget(person_id, how)?;
            let now = Timestamp::now();
            let mut forgotten = lock(&self.forgotten);
            forgotten.retain(|_, at| now.duration_since(*at) < REMEMBERED);
            forgotten.insert(person_id.to_owned(), now);
            Ok(entries)
        })
    }

    /// Whether a person was forgotten after the instant `at`.
    fn was_forgotten_since(&self, person_id: &str, at: Timestamp) -> bool {
        lock(&self.forgotten).get(person_id).is_some_and(|forgotten| at <= *forgotten)
    }

    /// [`Attendance::sync`] in the background, where nobody waits for an error.
    pub(super) fn follow(&self, people: impl Fn() -> Snapshot) {
        let fault = self.sync(people, false).err().map(|error| error.to_string());
        let mut known = lock(&self.sync_fault);
        if let Some(error) = fault.as_ref().filter(|_| *known != fault) {
            tracing::error!(error, "attendance can't be told of changed people; trying again");
        }
        *known = fault;
    }

    /// Whether this process does what one of those that share the store does. Where the store can't say, another one may.
    pub(super) fn leads(&self) -> bool {
        self.store.leads().unwrap_or_else(|error| {
            tracing::debug!(%error, "it is not known which process leads");
            false
        })
    }

    /// Deletes what is older than the retention; once a day, however often it is called, and sooner after a failure. Closes
    /// automatic sessions that are over; `closed` is called for each of them. The process that leads does.
    pub(super) fn tidy(&self, now: Timestamp, closed: impl Fn()) {
        if !self.leads() {
            return;
        }
        if let Err(error) = self.close_automatic(now, closed) {
            tracing::error!(%error, "sessions that are over can't be closed");
        }
        // A clock that was set back must not put it off.
        let is_soon = |next: Timestamp| now < next && next.duration_since(now) <= PRUNE_INTERVAL;
        if lock(&self.next_prune).is_some_and(is_soon) {
            return;
        }
        let pause = match self.prune(now) {
            Ok(()) => PRUNE_INTERVAL,
            Err(error) => {
                tracing::error!(%error, "sessions older than the retention can't be deleted; trying again");
                PRUNE_RETRY
            }
        };
        *lock(&self.next_prune) = now.checked_add(pause).ok();
    }

    fn prune(&self, now: Timestamp) -> Result<()> {
        let Ok(before) = now.checked_sub(self.retention) else { return Ok(()) };
        let deleted = self.store.delete_before(before)?;
        if deleted.sessions > 0 {
            tracing::info!(sessions = deleted.sessions, "deleted sessions older than the retention");
        }
        Ok(())
    }
}

/// What panicked while it held the lock changed nothing halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::gallery::Gallery;

    #[test]
    fn people_are_looked_up_once_more_when_it_is_their_turn() {
        let directory = tempfile::tempdir().unwrap();
        let attendance = automatic::tests::alone(directory.path());
        let newer = automatic::tests::ada();
        let nobody =
            Gallery::new(newer.gallery.recipe().clone(), Vec::<crate::gallery::Person>::new()).unwrap();
        let older = Snapshot { gallery: Arc::new(nobody), ..newer.clone() };
        let asked = Cell::new(0);
        // Another thread tells of the newer people between the first look and the turn.
        let people = || {
            asked.set(asked.get() + 1);
            if asked.get() == 1 { older.clone() } else { newer.clone() }
        };
        attendance.sync(people, true).unwrap();
        assert_eq!(attendance.store().people(None).unwrap().len(), 1);
    }
}
