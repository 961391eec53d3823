//! Where the enrolled people are kept: what a store of people does, and edits that are committed in groups.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Gallery;
use crate::error::{DataError, Error, InputError, Result};
use crate::reloadable::{ReloadError, Reloadable};

/// Most edits of one commit: those that are applied first don't wait for all that arrived meanwhile.
pub const MAX_BATCH: usize = 64;

/// A change of the people: from the gallery before it to the one after it, or the reason why not.
pub type Edit = Box<dyn FnOnce(&Gallery) -> Result<Gallery> + Send>;
/// What becomes of an edit: the gallery that holds it, perhaps with later edits applied to it.
pub type Outcome = Result<Arc<Gallery>>;

/// A store of people, with all of them in memory.
pub trait PeopleBackend: Send + Sync {
    /// The gallery in use.
    fn current(&self) -> Arc<Gallery>;

    /// Checks that edits are possible, before expensive work.
    ///
    /// # Errors
    /// Why they are not: another process writes, or the store can't be reached.
    fn ensure_writable(&self) -> Result<()>;

    /// Applies `edit` to the newest gallery, those of other writers included. When this returns, the new gallery is durable
    /// and in use. `edit` may run on another caller's thread; it must not block.
    ///
    /// # Errors
    /// What `edit` says, and then nothing has changed; else that the change can't be written.
    fn edit(&self, edit: Edit) -> Outcome;

    /// Takes changes by other writers into use. Call it about once a second from a thread that may block. Returns whether there
    /// is a new gallery; one that follows others by itself never does.
    fn poll(&self) -> bool;

    /// Whether what is stored is in use.
    fn status(&self) -> BackendStatus;
}

/// Whether what is stored is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendStatus {
    /// `gallery` or `database`.
    pub name: &'static str,
    /// How often changes by others were taken into use, and how often they could not be.
    pub reloads: (u64, u64),
    /// Why the gallery in use may not be what is stored.
    pub error: Option<ReloadError>,
}

impl BackendStatus {
    /// That of a gallery file.
    #[must_use]
    pub fn of_file(gallery: &Reloadable<Gallery>) -> Self {
        Self { name: "gallery", reloads: gallery.reloads(), error: gallery.reload_error() }
    }
}

/// People in memory that can't be edited.
pub struct ReadOnly(Arc<Gallery>);

impl ReadOnly {
    /// These people.
    #[must_use]
    pub fn new(gallery: Gallery) -> Self {
        Self(Arc::new(gallery))
    }
}

impl PeopleBackend for ReadOnly {
    fn current(&self) -> Arc<Gallery> {
        Arc::clone(&self.0)
    }

    fn ensure_writable(&self) -> Result<()> {
        Err(InputError::Conflict("the people are open for reading only".to_owned()).into())
    }

    fn edit(&self, _: Edit) -> Outcome {
        self.ensure_writable().map(|()| self.current())
    }

    fn poll(&self) -> bool {
        false
    }

    fn status(&self) -> BackendStatus {
        BackendStatus { name: "gallery", reloads: (0, 0), error: None }
    }
}

/// Edits that wait for the next commit. Those that arrive while one is made form a batch, which the next committer commits
/// at once (group commit).
#[derive(Default)]
pub struct EditQueue {
    /// In order of arrival.
    waiting: Mutex<Vec<QueuedEdit>>,
    /// Held by the thread that commits.
    committing: Mutex<()>,
}

/// An edit in the queue, and where its outcome is sent.
struct QueuedEdit {
    edit: Edit,
    outcome: SyncSender<Outcome>,
}

impl EditQueue {
    /// Waits for the commit before, then commits this edit together with all that wait, unless another thread has done
    /// that meanwhile.
    ///
    /// # Errors
    /// That of the edit; that of the commit, from [`Applied::notify`]; [`Error::Internal`] when an edit panics.
    pub fn submit(&self, edit: Edit, commit: impl Fn(Batch)) -> Outcome {
        let (outcome, receiver) = sync_channel(1);
        locked(&self.waiting).push(QueuedEdit { edit, outcome });
        let committing = locked(&self.committing);
        loop {
            if let Ok(outcome) = receiver.try_recv() {
                return outcome; // perhaps another thread has committed this edit in its batch
            }
            let batch = self.next();
            if batch.0.is_empty() {
                drop(committing);
                return receive(&receiver);
            }
            commit(batch);
        }
    }

    /// Those that have waited longest.
    fn next(&self) -> Batch {
        let mut waiting = locked(&self.waiting);
        let count = waiting.len().min(MAX_BATCH);
        Batch(waiting.drain(..count).collect())
    }
}

/// Edits that are committed together.
pub struct Batch(Vec<QueuedEdit>);

impl Batch {
    /// Applies the edits in order by `apply`, each to the result of the one before. The callers of refused ones
    /// get their error at once. Returns the newest gallery, if any edit was applied, and the callers that wait for its commit.
    pub fn apply(
        self,
        current: &Gallery,
        apply: impl Fn(Edit, &Gallery) -> Result<Gallery>,
    ) -> (Option<Gallery>, Applied) {
        let mut newest: Option<Gallery> = None;
        let mut applied = Vec::new();
        for QueuedEdit { edit, outcome } in self.0 {
            match apply(edit, newest.as_ref().unwrap_or(current)) {
                Ok(gallery) => {
                    newest = Some(gallery);
                    applied.push(outcome);
                }
                // Sending fails only when the caller is gone.
                Err(error) => drop(outcome.send(Err(error))),
            }
        }
        (newest, Applied(applied))
    }

    /// Refuses all edits with `error`, without applying them.
    pub fn refuse(self, error: Error) {
        Applied(self.0.into_iter().map(|queued| queued.outcome).collect()).notify(Err(error));
    }
}

/// The callers that wait for the commit of edits that were applied.
pub struct Applied(Vec<SyncSender<Outcome>>);

impl Applied {
    /// Sends each of them the outcome of the commit.
    pub fn notify(self, committed: Outcome) {
        let committed = committed.map_err(Arc::new);
        for outcome in self.0 {
            let result = match &committed {
                Ok(gallery) => Ok(Arc::clone(gallery)),
                Err(error) => Err(shared(error)),
            };
            drop(outcome.send(result));
        }
    }
}

/// The error of a commit, for each of several edits. What it means to a client must stay.
fn shared(error: &Arc<Error>) -> Error {
    match &**error {
        Error::Unavailable(reason) => Error::Unavailable(reason.clone()),
        Error::Unknown(reason) => Error::Unknown(reason.clone()),
        _ => DataError::SharedWrite(Arc::clone(error)).into(),
    }
}

fn receive(receiver: &Receiver<Outcome>) -> Outcome {
    receiver.recv().unwrap_or_else(|_| Err(Error::Internal("an edit of the gallery panicked".to_owned())))
}

/// Ignores poisoning: the guarded values are replaced in one step, so a panic leaves none half changed.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::gallery::Recipe;

    #[test]
    fn a_commit_has_so_many_edits_at_most_those_that_came_first() {
        let queue = EditQueue::default();
        let sizes = Mutex::new(Vec::new());
        let gallery = Gallery::empty(Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 });
        let order = Mutex::new(mpsc::channel());
        let receivers: Vec<_> = (0..150)
            .map(|at| {
                let (outcome, receiver) = sync_channel(1);
                let told = locked(&order).0.clone();
                let edit: Edit = Box::new(move |gallery| {
                    told.send(at).unwrap();
                    Ok(gallery.clone())
                });
                locked(&queue.waiting).push(QueuedEdit { edit, outcome });
                receiver
            })
            .collect();
        let commit = |batch: Batch| {
            locked(&sizes).push(batch.0.len());
            let (newest, applied) = batch.apply(&gallery, |edit, gallery| edit(gallery));
            applied.notify(Ok(Arc::new(newest.unwrap())));
        };
        queue.submit(Box::new(|gallery| Ok(gallery.clone())), commit).unwrap();
        assert_eq!(*locked(&sizes), [MAX_BATCH, MAX_BATCH, 151 - 2 * MAX_BATCH]);
        assert!(receivers.iter().all(|receiver| receiver.try_recv().unwrap().is_ok()));
        assert_eq!(locked(&order).1.try_iter().collect::<Vec<_>>(), (0..150).collect::<Vec<_>>());
    }
}
