//! Delivers the outbox to its receivers: at least once, in order for each person.
//!
//! One thread for each receiver reads what is due, posts it and records what became of it. Nobody
//! waits for a receiver: recognition only writes rows. A process that is killed between a response and
//! its record delivers the message again, under the same id.

mod address;
mod backoff;
mod metrics;
mod receiver;
mod secret;

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::outbox::{Message, Outcome, Settlement};
use super::store::AttendanceStore;
use crate::error::{Error, Result};

pub use address::is_public;
pub use metrics::{DeliveryMetrics, DeliveryTotals};
pub use receiver::{Receiver, ReceiverOptions};
pub use secret::WebhookSecret;

use receiver::{Attempt, Client};

/// Messages of one round. They are of different lanes.
const BATCH: u32 = 16;
/// Connections to one receiver at a time.
const CONNECTIONS: usize = 4;
/// How often the outbox is read when nobody calls [`Deliverer::wake`]: another process may have written.
const POLL: Duration = Duration::from_secs(1);
/// Longest pause of a receiver that can't be reached at all.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    /// Grows with each [`Deliverer::wake`].
    wakes: u64,
}

impl Signal {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stopped
    }

    /// Waits until stopped or `pause` is over, and if `wakeable` for a wake after the `seen`th.
    /// Returns the number of wakes so far.
    fn wait(&self, pause: Duration, seen: u64, wakeable: bool) -> u64 {
        let end = Instant::now() + pause;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if state.stopped || left.is_zero() || (wakeable && state.wakes > seen) {
                return state.wakes;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// The threads that deliver. Dropping it ends them after the message at hand, without waiting.
pub struct Deliverer {
    signal: Arc<Signal>,
    threads: Vec<thread::JoinHandle<()>>,
    metrics: Arc<DeliveryMetrics>,
}

impl Deliverer {
    /// Begins to deliver.
    ///
    /// # Errors
    /// [`Error::Internal`] when the system gives no thread.
    pub fn start(store: &Arc<dyn AttendanceStore>, receivers: Vec<Receiver>) -> Result<Self> {
        let mut deliverer = Self {
            signal: Arc::default(),
            threads: Vec::new(),
            metrics: Arc::new(DeliveryMetrics::default()),
        };
        for receiver in receivers {
            let courier = Courier {
                store: Arc::clone(store),
                client: Client::new(receiver),
                signal: Arc::clone(&deliverer.signal),
                metrics: Arc::clone(&deliverer.metrics),
            };
            let name = "deliver".to_owned();
            let thread = thread::Builder::new().name(name).spawn(move || courier.run());
            let error = |error| Error::Internal(format!("the system gives no thread: {error}"));
            deliverer.threads.push(thread.map_err(error)?);
        }
        Ok(deliverer)
    }

    /// Says that there is something to deliver; returns at once.
    pub fn wake(&self) {
        self.signal.update(|state| state.wakes += 1);
    }

    /// What was delivered so far.
    #[must_use]
    pub fn metrics(&self) -> &DeliveryMetrics {
        &self.metrics
    }

    /// Ends the threads and waits for them: for a timeout of the receiver at most.
    pub fn stop(mut self) {
        self.signal.update(|state| state.stopped = true);
        for thread in self.threads.drain(..) {
            // A panic has been reported already, and what it left undelivered is still in the outbox.
            let _ = thread.join();
        }
    }
}

impl Drop for Deliverer {
    fn drop(&mut self) {
        self.signal.update(|state| state.stopped = true);
    }
}

/// What one thread works with.
struct Courier {
    store: Arc<dyn AttendanceStore>,
    client: Client,
    signal: Arc<Signal>,
    metrics: Arc<DeliveryMetrics>,
}

impl Courier {
    fn run(&self) {
        let (mut wakes, mut unreachable) = (0, 0_u32);
        while !self.signal.is_stopped() {
            let round = self.round();
            match round {
                Ok(Round::Idle) => wakes = self.signal.wait(POLL, wakes, true),
                Ok(Round::Reached) => unreachable = 0,
                // One attempt for each batch, so that a receiver's outage costs few attempts.
                Ok(Round::Unreachable) => {
                    wakes = self.signal.wait(pause(unreachable), wakes, false);
                    unreachable = unreachable.saturating_add(1);
                }
                Err(error) => {
                    tracing::error!(%error, "the outbox can't be used; trying again");
                    wakes = self.signal.wait(LONGEST_PAUSE / 10, wakes, false);
                }
            }
        }
    }

    /// One process delivers of those that share an outbox: messages of one person must not overtake each other.
    fn round(&self) -> Result<Round> {
        if !self.store.leads()? {
            return Ok(Round::Idle);
        }
        let messages = self.store.due(self.client.channel(), Timestamp::now(), BATCH)?;
        if messages.is_empty() {
            return Ok(Round::Idle);
        }
        let share = messages.len().div_ceil(CONNECTIONS);
        let attempts: Vec<(&Message, Attempt)> = thread::scope(|scope| {
            let threads: Vec<_> =
                messages.chunks(share).map(|chunk| scope.spawn(move || self.attempt_all(chunk))).collect();
            // A thread that panicked made no attempt that is known of: its messages stay due.
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        });
        let reached = attempts.iter().any(|(_, attempt)| !matches!(attempt, Attempt::Unreachable(_)));
        let now = Timestamp::now();
        let settlements: Vec<Settlement> =
            attempts.into_iter().map(|(message, attempt)| settlement(message, attempt, now)).collect();
        self.store.settle(&settlements, now)?;
        self.metrics.record(&settlements);
        Ok(if reached { Round::Reached } else { Round::Unreachable })
    }

    fn attempt_all<'m>(&self, messages: &'m [Message]) -> Vec<(&'m Message, Attempt)> {
        let going_on = messages.iter().take_while(|_| !self.signal.is_stopped());
        going_on.map(|message| (message, self.client.post(message, Timestamp::now()))).collect()
    }
}

/// What a round of deliveries came to.
enum Round {
    /// Nothing was due.
    Idle,
    /// The receiver responded.
    Reached,
    /// It did not, to any message.
    Unreachable,
}

/// How long a receiver that did not respond is left alone.
fn pause(unreachable: u32) -> Duration {
    Duration::from_secs(1_u64 << unreachable.min(16)).min(LONGEST_PAUSE)
}

fn settlement(message: &Message, attempt: Attempt, now: Timestamp) -> Settlement {
    let outcome = match attempt {
        Attempt::Delivered => Outcome::Delivered,
        Attempt::Gone(error) => Outcome::Dead { error },
        Attempt::Refused { error, retry_after } => retry(message, error, retry_after, now),
        Attempt::Unreachable(error) => retry(message, error, None, now),
    };
    Settlement { id: message.id.clone(), outcome }
}

fn retry(message: &Message, error: String, retry_after: Option<Duration>, now: Timestamp) -> Outcome {
    match backoff::pause(&message.id, message.attempts + 1) {
        Some(pause) => {
            let pause = pause.max(retry_after.unwrap_or_default());
            Outcome::Retry { at: now.checked_add(pause).unwrap_or(now), error }
        }
        None => Outcome::Dead { error },
    }
}
