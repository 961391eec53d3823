//! A bounded queue and worker threads for the synchronous pipeline.
//!
//! Admission is immediate: a job is queued or refused with [`Error::Busy`]. Clients take turns (`queue`), and in a full
//! queue a client with fewer jobs displaces one of a client with more, which ends with the same error. Dropping the [`JobHandle`] cancels the
//! job: removed from the queue if waiting, signalled through its [`CancellationToken`] if running. A panic in a job
//! is the error of that job alone. No lock is held while a job runs.
//!
//! Kernels run on rayon's global pool, so that a single photo uses all cores. When every core has a job and more
//! wait, each job runs on one core instead: parallel jobs would evict each other's caches, which costs a fifth of
//! the throughput.

use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::{JoinHandle, ThreadId};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::cancel::CancellationToken;
use crate::clients::network::ClientNetwork;
use crate::error::{Error, Result};
use queue::FairQueue;

mod queue;

type Job = Box<dyn FnOnce() + Send>;

/// A bounded queue and its threads. Dropping it runs the waiting jobs first.
pub struct Workers {
    shared: Arc<Shared>,
    threads: Vec<Worker>,
}

/// A worker thread.
struct Worker {
    thread: JoinHandle<()>,
    /// The thread of its single-core pool.
    one_core: ThreadId,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// Notified when a job has ended.
    idle: Condvar,
    refused: AtomicU64,
    threads: usize,
    limit: usize,
}

#[derive(Default)]
struct State {
    waiting: FairQueue<ClientNetwork, Job>,
    running: usize,
    closing: bool,
}

impl Shared {
    /// Nothing panics while the lock is held, so the state of a poisoned lock is consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_full(&self, state: &State) -> bool {
        state.waiting.len() + state.running >= self.threads + self.limit
    }

    /// Checks that a thread is idle, or the queue has a place that is free or will be freed for this client.
    fn admit(&self, state: &State, client: ClientNetwork) -> Result<()> {
        if self.is_full(state) && !state.waiting.can_displace(client) {
            return Err(self.refuse(state.waiting.len()));
        }
        Ok(())
    }

    fn refuse(&self, waiting: usize) -> Error {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Error::Busy { waiting, limit: self.limit }
    }
}

impl Workers {
    /// Starts `threads` threads and a queue of `limit` waiting jobs.
    ///
    /// # Errors
    /// [`Error::Internal`] when a thread can't be started.
    pub fn start(threads: NonZeroUsize, limit: usize) -> Result<Self> {
        let (state, wake, idle) = (Mutex::new(State::default()), Condvar::new(), Condvar::new());
        let (refused, threads_len) = (AtomicU64::new(0), threads.get());
        let shared = Arc::new(Shared { state, wake, idle, refused, threads: threads_len, limit });
        let mut workers = Self { shared, threads: Vec::with_capacity(threads.get()) };
        for number in 0..threads.get() {
            workers.threads.push(Worker::start(&workers.shared, number)?);
        }
        Ok(workers)
    }

    /// Checks whether a job of this client would be admitted now; lets a request be refused before its body is read.
    ///
    /// # Errors
    /// [`Error::Busy`] when every thread has work and the queue is full.
    pub fn check_room(&self, client: ClientNetwork) -> Result<()> {
        self.shared.admit(&self.shared.lock(), client)
    }

    /// Queues a job, or refuses it immediately.
    ///
    /// # Errors
    /// [`Error::Busy`] when every thread has work and the queue is full; through the handle, too, when the job has to
    /// make room for one of another client.
    pub fn submit<T: Send + 'static>(
        &self,
        client: ClientNetwork,
        job: impl FnOnce(&CancellationToken) -> Result<T> + Send + 'static,
    ) -> Result<JobHandle<T>> {
        self.submit_then(client, job, || ())
    }

    /// Queues a job, or refuses it immediately. After the job has succeeded and its result was sent, `after` runs
    /// on the same thread as part of the job: no client waits for it, and follow-up work can't accumulate.
    ///
    /// # Errors
    /// As [`Workers::submit`].
    pub fn submit_then<T: Send + 'static>(
        &self,
        client: ClientNetwork,
        job: impl FnOnce(&CancellationToken) -> Result<T> + Send + 'static,
        after: impl FnOnce() + Send + 'static,
    ) -> Result<JobHandle<T>> {
        let (sender, result) = oneshot::channel();
        let token = CancellationToken::default();
        let job_token = token.clone();
        let job = move || {
            // The handle may have been dropped since the job left the queue.
            if sender.is_closed() {
                return;
            }
            let done = catch_panic(|| job(&job_token));
            let succeeded = done.is_ok();
            // Fails when the handle was dropped while the job ran.
            drop(sender.send(done));
            if succeeded
                && let Err(error) = catch_panic(|| {
                    after();
                    Ok(())
                })
            {
                tracing::error!(%error, "work after a response failed");
            }
        };
        let mut state = self.shared.lock();
        self.shared.admit(&state, client)?;
        let displaced = if self.shared.is_full(&state) { state.waiting.displace(client) } else { None };
        let ticket = state.waiting.push(client, Box::new(job));
        drop(state);
        // Outside the lock: the job owns a photo.
        drop(displaced);
        self.shared.wake.notify_one();
        Ok(JobHandle { ticket, result, token, shared: Arc::clone(&self.shared) })
    }

    /// Jobs waiting for a thread.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// Waits until no job waits or runs, follow-up work included; at most `limit`. Returns whether all jobs ended.
    #[must_use]
    pub fn finish(&self, limit: Duration) -> bool {
        let busy = |state: &mut State| state.running > 0 || !state.waiting.is_empty();
        let waited = self.shared.idle.wait_timeout_while(self.shared.lock(), limit, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Jobs refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Jobs running now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.shared.lock().running
    }
}

impl Worker {
    fn start(shared: &Arc<Shared>, number: usize) -> Result<Self> {
        let failed = |error: &dyn std::error::Error| {
            Error::Internal(format!("worker thread {number} can't be started: {error}"))
        };
        let name = move |_| format!("facerec-core-{number}");
        let core = rayon::ThreadPoolBuilder::new().num_threads(1).thread_name(name).build();
        let core = core.map_err(|error| failed(&error))?;
        let one_core = core.install(|| std::thread::current().id());
        let shared = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name(format!("facerec-worker-{number}"))
            .spawn(move || run_jobs(&shared, &core))
            .map_err(|error| failed(&error))?;
        Ok(Self { thread, one_core })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.wake.notify_all();
        // The last owner may be a job on one of these threads, which can't join itself.
        let here = std::thread::current().id();
        let is_here = |worker: &Worker| [worker.thread.thread().id(), worker.one_core].contains(&here);
        for worker in self.threads.drain(..).filter(|worker| !is_here(worker)) {
            // Worker threads don't panic: panics of jobs are caught.
            drop(worker.thread.join());
        }
    }
}

/// Loop of a worker thread: runs the next job; ends when closing and the queue is empty.
fn run_jobs(shared: &Shared, one_core: &rayon::ThreadPool) {
    let cores = rayon::current_num_threads();
    let mut state = shared.lock();
    loop {
        if let Some(job) = state.waiting.pop() {
            state.running += 1;
            let crowded = state.running >= cores && !state.waiting.is_empty();
            drop(state);
            if crowded {
                one_core.install(job);
            } else {
                job();
            }
            state = shared.lock();
            state.running -= 1;
            shared.idle.notify_all();
        } else if state.closing {
            return;
        } else {
            state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Runs a job; a panic becomes its error.
fn catch_panic<T>(job: impl FnOnce() -> Result<T>) -> Result<T> {
    // A panicking job's own state is dropped with it; state shared with others is immutable.
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| Err(Error::from_panic(panic.as_ref())))
}

/// The result to come of a job. Dropping it cancels the job: removed from the queue if waiting, signalled if
/// running.
#[must_use = "dropping it cancels the job"]
pub struct JobHandle<T> {
    ticket: u64,
    result: oneshot::Receiver<Result<T>>,
    token: CancellationToken,
    shared: Arc<Shared>,
}

impl<T> Future for JobHandle<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = std::task::ready!(Pin::new(&mut self.result).poll(context));
        // A job that runs sends a result always: one that was dropped has made room for another client's.
        Poll::Ready(result.unwrap_or_else(|_| Err(self.shared.refuse(self.shared.limit))))
    }
}

impl<T> Drop for JobHandle<T> {
    fn drop(&mut self) {
        self.token.cancel();
        let job = self.shared.lock().waiting.remove(self.ticket);
        // Outside the lock: the job owns a photo.
        drop(job);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    use super::*;

    const ME: ClientNetwork = ClientNetwork::PROGRAM;

    fn workers(threads: usize, queue: usize) -> Workers {
        Workers::start(NonZeroUsize::new(threads).unwrap(), queue).unwrap()
    }

    /// Occupies a thread until the sender is dropped or used; returns when the job runs.
    fn block(workers: &Workers) -> (mpsc::Sender<()>, JobHandle<()>) {
        let (started, is_started) = mpsc::channel();
        let (release, wait) = mpsc::channel::<()>();
        let job = workers.submit(ME, move |_| {
            started.send(()).unwrap();
            let _ = wait.recv();
            Ok(())
        });
        is_started.recv().unwrap();
        (release, job.unwrap())
    }

    #[tokio::test]
    async fn refuses_when_full_and_takes_again_when_there_is_room() {
        let workers = workers(1, 1);
        let (release, first) = block(&workers);
        let second = workers.submit(ME, |_| Ok(2)).unwrap();
        let refused = workers.submit(ME, |_| Ok(3)).err().unwrap();
        assert_eq!(refused.to_string(), "queue full: 1 of 1 waiting");
        assert!(workers.check_room(ME).is_err());
        assert_eq!(workers.refused(), 2);
        drop(release);
        first.await.unwrap();
        assert_eq!(second.await.unwrap(), 2);
        assert_eq!(workers.submit(ME, |_| Ok(4)).unwrap().await.unwrap(), 4);
    }

    #[tokio::test]
    async fn in_a_full_queue_a_client_with_more_jobs_makes_room_for_another() {
        let workers = workers(1, 2);
        let other = ClientNetwork::of(Some([192, 0, 2, 1].into()));
        let (release, first) = block(&workers);
        let (kept, displaced) = (workers.submit(ME, |_| Ok("kept")).unwrap(), workers.submit(ME, |_| Ok("")));
        assert!(workers.check_room(ME).is_err());
        workers.check_room(other).expect("it has none");
        let theirs = workers.submit(other, |_| Ok("theirs")).unwrap();
        let busy = displaced.unwrap().await.unwrap_err();
        assert_eq!(busy.to_string(), "queue full: 2 of 2 waiting");
        assert!(workers.submit(other, |_| Ok("")).is_err(), "one each");
        assert_eq!(workers.refused(), 3);
        drop(release);
        first.await.unwrap();
        assert_eq!((kept.await.unwrap(), theirs.await.unwrap()), ("kept", "theirs"));
    }

    #[tokio::test]
    async fn the_clients_photos_are_taken_in_turn() {
        let workers = workers(1, 30);
        let (release, first) = block(&workers);
        let (sender, order) = mpsc::channel();
        let submit = |client: u8| {
            let sender = sender.clone();
            let network = ClientNetwork::of(Some([192, 0, 2, client].into()));
            workers.submit(network, move |_| sender.send(client).map_err(|_| Error::Cancelled)).unwrap()
        };
        let jobs: Vec<_> = [1; 20].into_iter().chain([2, 3, 2]).map(submit).collect();
        drop(release);
        first.await.unwrap();
        for job in jobs {
            job.await.unwrap();
        }
        let order: Vec<u8> = order.try_iter().collect();
        assert_eq!(order[..6], [1, 2, 3, 1, 2, 1]);
        assert!(order.len() == 23 && order[6..].iter().all(|client| *client == 1));
    }

    #[tokio::test]
    async fn without_a_queue_an_idle_thread_still_takes_a_job() {
        let workers = workers(1, 0);
        assert_eq!(workers.submit(ME, |_| Ok(1)).unwrap().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_job_whose_client_has_gone_is_not_computed_and_frees_its_place() {
        let workers = workers(1, 1);
        let (release, first) = block(&workers);
        let ran = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&ran);
        let gone = workers.submit(ME, move |_| Ok(counter.fetch_add(1, Ordering::SeqCst))).unwrap();
        drop(gone);
        assert_eq!(Arc::strong_count(&ran), 1, "the job and what it owns are dropped at once");
        let next = workers.submit(ME, |_| Ok(())).unwrap();
        drop(release);
        first.await.unwrap();
        next.await.unwrap();
        assert_eq!(ran.load(Ordering::SeqCst), 0);
    }

    #[test]
    fn a_job_that_runs_is_told_when_its_client_has_gone() {
        let workers = workers(1, 1);
        let (started, is_started) = mpsc::channel();
        let (sender, outcome) = mpsc::channel();
        let gone = workers.submit(ME, move |token| {
            assert!(token.check().is_ok(), "somebody waits");
            started.send(()).unwrap();
            while token.check().is_ok() {
                std::thread::yield_now();
            }
            sender.send(()).unwrap();
            token.check()
        });
        is_started.recv().unwrap();
        drop(gone.unwrap());
        assert_eq!(outcome.recv_timeout(Duration::from_mins(1)), Ok(()), "it ends");
    }

    #[tokio::test]
    async fn a_panic_is_the_error_of_its_own_job() {
        let workers = workers(1, 4);
        let bad = workers.submit(ME, |_| -> Result<()> { panic!("boom") }).unwrap();
        let good = workers.submit(ME, |_| Ok(7)).unwrap();
        assert!(matches!(bad.await, Err(Error::Internal(message)) if message.contains("boom")));
        assert_eq!(good.await.unwrap(), 7);
    }

    #[tokio::test]
    async fn what_comes_after_an_answer_does_not_hold_it_up_and_needs_one() {
        let workers = workers(1, 4);
        let (release, wait) = mpsc::channel::<()>();
        let (sender, done) = mpsc::channel();
        let after = move || {
            let _ = wait.recv();
            sender.send("after").unwrap();
        };
        assert_eq!(workers.submit_then(ME, |_| Ok(1), after).unwrap().await.unwrap(), 1);
        assert!(done.try_recv().is_err(), "it still waits");
        let bad =
            workers.submit_then(ME, |_| -> Result<()> { panic!("boom") }, || panic!("never runs")).unwrap();
        let odd = workers.submit_then(ME, |_| Ok(2), || panic!("boom")).unwrap();
        let good = workers.submit(ME, |_| Ok(3)).unwrap();
        release.send(()).unwrap();
        assert_eq!(done.recv().unwrap(), "after");
        assert!(bad.await.is_err());
        assert_eq!((odd.await.unwrap(), good.await.unwrap()), (2, 3));
    }

    #[tokio::test]
    async fn photos_keep_to_one_core_where_more_wait_than_there_are_cores() {
        let cores = rayon::current_num_threads();
        let workers = workers(cores, 2);
        let used = |_: &CancellationToken| Ok(rayon::current_num_threads());
        assert_eq!(workers.submit(ME, used).unwrap().await.unwrap(), cores, "alone");
        let (releases, blocked): (Vec<_>, Vec<_>) = (0..cores).map(|_| block(&workers)).unzip();
        let crowded = workers.submit(ME, used).unwrap();
        let last = workers.submit(ME, used).unwrap();
        // One thread becomes free and does both: one while the other waits, and the other when none does.
        let mut releases = releases.into_iter();
        drop(releases.next());
        assert_eq!((crowded.await.unwrap(), last.await.unwrap()), (1, cores));
        drop(releases);
        for blocked in blocked {
            blocked.await.unwrap();
        }
    }

    #[test]
    fn a_job_on_one_core_may_be_the_last_to_let_the_workers_go() {
        let workers = Arc::new(workers(rayon::current_num_threads(), 2));
        let mut blocked: Vec<_> = (0..rayon::current_num_threads()).map(|_| block(&workers)).collect();
        let (let_go, all_let_go) = mpsc::channel::<()>();
        let (started, is_started) = mpsc::channel();
        let (sender, done) = mpsc::channel();
        let job = {
            let workers = Arc::clone(&workers);
            move |_: &CancellationToken| {
                started.send(()).unwrap();
                let _ = all_let_go.recv();
                drop(workers);
                sender.send(rayon::current_num_threads()).unwrap();
                Ok(())
            }
        };
        let last = [workers.submit(ME, job).unwrap(), workers.submit(ME, |_| Ok(())).unwrap()];
        drop(workers);
        // One thread becomes free and takes the job while the others still run and the second job waits.
        drop(blocked.pop());
        is_started.recv().unwrap();
        drop(blocked);
        drop(let_go);
        assert_eq!(done.recv_timeout(Duration::from_mins(1)), Ok(1), "it ends");
        drop(last);
    }

    #[tokio::test]
    async fn dropping_the_workers_finishes_what_waits() {
        let workers = workers(1, 4);
        let (release, first) = block(&workers);
        let waiting: Vec<_> = (0..3).map(|n| workers.submit(ME, move |_| Ok(n)).unwrap()).collect();
        drop(release);
        drop(workers);
        first.await.unwrap();
        for (n, pending) in waiting.into_iter().enumerate() {
            assert_eq!(pending.await.unwrap(), n);
        }
    }

    #[test]
    fn the_end_is_waited_for_what_comes_after_an_answer_included() {
        let workers = workers(1, 1);
        assert!(workers.finish(Duration::ZERO), "there is nothing to wait for");
        let (go, wait) = mpsc::channel::<()>();
        let pending = workers.submit_then(ME, |_| Ok(1), move || wait.recv().unwrap_or_default()).unwrap();
        assert!(!workers.finish(Duration::from_millis(20)), "it still runs");
        drop(go);
        assert!(workers.finish(Duration::from_mins(1)));
        drop(pending);
    }
}
