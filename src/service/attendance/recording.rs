//! Photos of the old endpoint, recorded after the response: by a thread with a queue, so that no response waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Attendance;
use crate::attendance::{FaceResult, Marked, Photo};
use crate::config::AutomaticSessions;
use crate::error::{Error, Result};
use crate::service::snapshot::Snapshot;

/// Photos that may wait for the thread; further ones are lost and counted.
const QUEUE: usize = 1024;

/// A photo whose response was sent.
pub(in crate::service) struct Seen {
    pub(in crate::service) photo: Photo,
    pub(in crate::service) faces: Vec<FaceResult>,
    /// The people as they are when it is recorded: somebody may have been deleted since.
    pub(in crate::service) people: Box<dyn Fn() -> Snapshot + Send>,
    /// Called with what it changed.
    pub(in crate::service) told: Box<dyn FnOnce(&Marked) + Send>,
}

/// The queue before the thread, which ends when this is dropped.
pub(in crate::service) struct Recording {
    sender: SyncSender<Box<Seen>>,
    waiting: Arc<Waiting>,
    lost: AtomicU64,
}

/// How many photos are not recorded yet.
#[derive(Default)]
struct Waiting {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Waiting {
    fn count(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one_less(&self) {
        *self.count() -= 1;
        self.changed.notify_all();
    }
}

impl Recording {
    /// # Errors
    /// [`Error::Internal`] when the thread can't be started.
    pub(in crate::service) fn start(
        attendance: Arc<Attendance>,
        automatic: AutomaticSessions,
    ) -> Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let waiting = Arc::new(Waiting::default());
        let known = Arc::clone(&waiting);
        std::thread::Builder::new()
            .name("facerec-attendance".to_owned())
            .spawn(move || run(&attendance, automatic, &receiver, &known))
            .map_err(|error| {
                Error::Internal(format!("the thread of attendance can't be started: {error}"))
            })?;
        Ok(Self { sender, waiting, lost: AtomicU64::new(0) })
    }

    /// Queues a photo. Never blocks: where the queue is full the photo is lost, and counted.
    pub(in crate::service) fn push(&self, seen: Seen) {
        *self.waiting.count() += 1;
        if self.sender.try_send(Box::new(seen)).is_err() {
            self.waiting.one_less();
            if self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
                tracing::error!("attendance can't keep up: photos are not recorded");
            }
        }
    }

    /// Waits until all photos so far were recorded, `limit` at most. Returns whether they were.
    pub(in crate::service) fn finish(&self, limit: Duration) -> bool {
        let count = self.waiting.count();
        let waited = self.waiting.changed.wait_timeout_while(count, limit, |count| *count > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }

    /// Photos that were lost since the start.
    pub(in crate::service) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

fn run(
    attendance: &Attendance,
    automatic: AutomaticSessions,
    receiver: &Receiver<Box<Seen>>,
    waiting: &Waiting,
) {
    for seen in receiver {
        // One photo that panics must not end the recording of all others.
        if catch_unwind(AssertUnwindSafe(|| record(attendance, automatic, *seen))).is_err() {
            tracing::error!("a photo was not recorded: attendance panicked");
        }
        waiting.one_less();
    }
}

fn record(attendance: &Attendance, automatic: AutomaticSessions, seen: Seen) {
    match attendance.record(automatic, &seen.photo, &seen.faces, &seen.people) {
        Ok(marked) => (seen.told)(&marked),
        // Such as a session that was closed meanwhile.
        Err(Error::Input(error)) => tracing::debug!(%error, "a photo was not recorded"),
        Err(error) => tracing::error!(%error, "a photo was not recorded"),
    }
}
