//! The thread that writes the log, and the queue before it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::file::LogFile;
use super::store::LogStore;
use super::{Entry, LogParams};
use crate::error::{DataError, Error, Operation, Result};

/// Entries that may wait for the thread; further ones are lost and counted.
const QUEUE: usize = 4096;
/// Bytes that are written at a time: entries that wait share one synchronisation.
const BATCH_BYTES: usize = 64 * 1024;
/// Bytes that are held while the file can't be written; further entries are lost and counted.
const HELD_BYTES: usize = 4 * 1024 * 1024;
/// Pause between attempts to get a place in a full queue.
const FULL_QUEUE_PAUSE: Duration = Duration::from_millis(10);
/// Pause between attempts while the file can't be written.
const RETRY: Duration = Duration::from_secs(1);

/// The log, open for writing.
#[derive(Debug)]
pub struct AccessLog {
    sender: SyncSender<Message>,
    state: Arc<State>,
}

/// Whether the log is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Why it can't be written now.
    pub error: Option<String>,
    /// Entries lost since the start of the process.
    pub lost: u64,
}

#[derive(Debug, Default)]
struct State {
    error: Mutex<Option<String>>,
    lost: AtomicU64,
}

enum Message {
    Entry(Box<Entry>),
    /// Completed when all entries before it were written, or could not be.
    Flush(SyncSender<()>),
}

impl AccessLog {
    /// Opens the file and starts the thread, which ends with the last entry after this value is dropped.
    ///
    /// # Errors
    /// [`Error::Data`] when the file can't be written, [`Error::Internal`] when the thread can't be started.
    pub fn open(params: &LogParams) -> Result<Self> {
        let what = format!("the access log {}", params.path.display());
        let file = LogFile::open(params.clone()).map_err(DataError::io(&what, Operation::Write))?;
        Self::start(what, file)
    }

    /// Starts the thread for the log in `store`, which is called `what` in messages.
    ///
    /// # Errors
    /// [`Error::Internal`] when the thread can't be started.
    pub fn start(what: String, store: impl LogStore + 'static) -> Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let state = Arc::new(State::default());
        let store = Box::new(store);
        let writer = Writer { what, store, lines: Vec::new(), receiver, state: Arc::clone(&state) };
        std::thread::Builder::new().name("facerec-access-log".to_owned()).spawn(|| writer.run()).map_err(
            |error| Error::Internal(format!("the thread of the access log can't be started: {error}")),
        )?;
        Ok(Self { sender, state })
    }

    /// Queues an entry. Never blocks: where the queue is full the entry is lost, and counted.
    pub fn record(&self, entry: Entry) {
        if self.sender.try_send(Message::Entry(Box::new(entry))).is_err() {
            self.state.lose(1);
        }
    }

    /// Waits until all entries so far were written, `limit` at most. Returns whether they were.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let (sender, done) = sync_channel(1);
        let mut message = Message::Flush(sender);
        // A full queue of a disk that hangs must not hold up the end of the process.
        while let Err(TrySendError::Full(back)) = self.sender.try_send(message) {
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(FULL_QUEUE_PAUSE);
            message = back;
        }
        let left = end.saturating_duration_since(Instant::now());
        done.recv_timeout(left).is_ok() && self.status().error.is_none()
    }

    /// Whether the log is written.
    #[must_use]
    pub fn status(&self) -> Status {
        Status { error: self.state.error().clone(), lost: self.state.lost.load(Ordering::Relaxed) }
    }
}

impl State {
    fn error(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, entries: u64) {
        if self.lost.fetch_add(entries, Ordering::Relaxed) == 0 {
            tracing::error!(
                "the access log can't keep up: entries are lost, see facerec_access_log_lost_total"
            );
        }
    }
}

struct Writer {
    what: String,
    store: Box<dyn LogStore>,
    /// Whole lines that are not yet written, but for the first, which may be the rest of one.
    lines: Vec<u8>,
    receiver: Receiver<Message>,
    state: Arc<State>,
}

impl Writer {
    fn run(mut self) {
        loop {
            let failing = self.state.error().is_some();
            let first = if failing {
                self.receiver.recv_timeout(RETRY)
            } else {
                self.receiver.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            let mut flushed = Vec::new();
            match first {
                Ok(message) => self.take(message, &mut flushed),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
            while self.lines.len() < BATCH_BYTES && flushed.is_empty() {
                let Ok(message) = self.receiver.try_recv() else { break };
                self.take(message, &mut flushed);
            }
            self.write();
            for done in flushed {
                // Whoever waited may have given up.
                let _ = done.try_send(());
            }
        }
    }

    fn take(&mut self, message: Message, flushed: &mut Vec<SyncSender<()>>) {
        match message {
            Message::Flush(done) => flushed.push(done),
            Message::Entry(entry) if self.lines.len() < HELD_BYTES => match serde_json::to_vec(&entry) {
                Ok(line) => {
                    self.lines.extend(line);
                    self.lines.push(b'\n');
                }
                Err(_) => self.state.lose(1),
            },
            Message::Entry(_) => self.state.lose(1),
        }
    }

    /// Writes what waits; what can't be written is tried again later.
    fn write(&mut self) {
        let failing = self.state.error().is_some();
        if self.lines.is_empty() && !failing {
            return;
        }
        match self.store.append(&mut self.lines) {
            Ok(()) if failing => {
                *self.state.error() = None;
                tracing::info!("{} is written again", self.what);
            }
            Ok(()) => {}
            Err(error) => {
                let message = format!("{} can't be written: {error}", self.what);
                if !failing {
                    tracing::error!("{message}; its entries are held in memory, and requests go on");
                }
                *self.state.error() = Some(message);
            }
        }
    }
}
