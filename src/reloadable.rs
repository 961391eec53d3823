//! A value read from a file that may change while the service runs: in memory, and atomically replaced when the file
//! changes.
//!
//! Readers clone an [`Arc`] of the value in use and keep it as long as they need. No lock that they take is held
//! while a file is read or written.

use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime};

use crate::error::{DataError, Operation, Result};

/// A file that changed less than this before it was read is read once more: a second change in
/// the same tick of the file system's clock (4 ms) could not be told from the first.
const CLOCK_TICK: Duration = Duration::from_millis(20);

/// After this time a file that could not be used is tried again, unchanged: the cause may have been
/// temporary (no file descriptor left, a network disk).
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// What a file is and how it is read.
#[derive(Debug)]
pub struct FileSource<T> {
    /// For messages: `gallery` or `roster`.
    pub what: &'static str,
    /// Reads the file.
    pub read: fn(&Path) -> Result<T>,
    /// The value where there is no file; `None` when there must be one.
    pub without_file: Option<fn() -> T>,
}

impl<T> Clone for FileSource<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for FileSource<T> {}

/// Why the value in use is not the file's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReloadError {
    /// What is wrong, for a person.
    pub message: String,
    /// Whether the file is there (and broken).
    pub file_exists: bool,
    /// When that was first noticed.
    pub since: SystemTime,
}

/// What becomes of a value that was read, before it is in use; the error says what was expected and found.
type Adapt<T> = Box<dyn Fn(T) -> Result<T> + Send + Sync>;

/// The value of a file, kept up to date by [`Reloadable::poll`].
pub struct Reloadable<T> {
    path: PathBuf,
    /// Where the file may lie instead, under other names.
    alternatives: Vec<PathBuf>,
    source: FileSource<T>,
    adapt: Option<Adapt<T>>,
    /// Locked only to clone or to swap the pointer.
    current: RwLock<Arc<T>>,
    /// Locked only to clone or to replace it.
    reload_error: RwLock<Option<ReloadError>>,
    reloads: Reloads,
    /// What the file looked like when it was last read or written here. Locked while it is read
    /// or written: polls and writes take turns.
    seen: Mutex<Seen>,
}

/// How often a changed file was read again.
#[derive(Debug, Default)]
struct Reloads {
    ok: AtomicU64,
    failed: AtomicU64,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: (i64, i64),
    /// Also changes when the times are set back, as `cp -p` does.
    changed: (i64, i64),
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        Self {
            device: about.dev(),
            inode: about.ino(),
            len: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
            changed: (about.ctime(), about.ctime_nsec()),
        }
    }

    /// Whether a change of the file after `now` would show in its times. Those of a file may lie
    /// ahead, by far when the clock was set back.
    fn is_settled(&self, now: SystemTime) -> bool {
        let (Ok(seconds), Ok(nanos)) = (u64::try_from(self.changed.0), u32::try_from(self.changed.1)) else {
            return true;
        };
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        let apart = now.duration_since(changed).unwrap_or_else(|ahead| ahead.duration());
        apart >= CLOCK_TICK
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Nothing yet, or a file that may have changed while it was read.
    Unsettled,
    /// There was no file.
    NoFile,
    /// The file in this state.
    File(Stamp),
    /// The file in this state could not be used at this time.
    Broken(Stamp, Instant),
}

impl Seen {
    /// Whether nothing is to be done about the file in the state `now`.
    fn covers(self, now: Self) -> bool {
        match (self, now) {
            (Self::Broken(then, at), Self::File(stamp)) => then == stamp && at.elapsed() < RETRY_INTERVAL,
            _ => self == now,
        }
    }
}

impl<T> Reloadable<T> {
    /// Reads the file at `path`. Without a file, the source's default is in use.
    ///
    /// # Errors
    /// What the reader says; [`crate::error::Error::Data`] when there is no file but must be one.
    pub fn open(path: &Path, source: FileSource<T>) -> Result<Self> {
        Self::open_any(path, Vec::new(), source)
    }

    /// As [`Reloadable::open`], for a file that may have one of several names: the first of `path` and `alternatives` that
    /// is there counts, now and later.
    ///
    /// # Errors
    /// As [`Reloadable::open`].
    pub fn open_any(path: &Path, alternatives: Vec<PathBuf>, source: FileSource<T>) -> Result<Self> {
        let found = first_of(path, &alternatives).to_path_buf();
        match source.without_file {
            Some(without) if !exists(&found)? => {
                let reloadable = Self { alternatives, ..Self::with_value(path, source, without()) };
                reloadable.poll();
                Ok(reloadable)
            }
            _ => {
                wait_until_settled(&found);
                let (value, seen) = read_settled(&found, source)?;
                let reloadable = Self { alternatives, ..Self::with_value(path, source, value) };
                *reloadable.lock_seen() = seen;
                Ok(reloadable)
            }
        }
    }

    /// Begins with `value` for a file that is not written yet. Its absence is no error until it
    /// has existed.
    pub fn with_value(path: &Path, source: FileSource<T>, value: T) -> Self {
        let seen = if source.without_file.is_some() { Seen::Unsettled } else { Seen::NoFile };
        Self {
            path: path.to_path_buf(),
            alternatives: Vec::new(),
            source,
            adapt: None,
            current: RwLock::new(Arc::new(value)),
            reload_error: RwLock::new(None),
            reloads: Reloads::default(),
            seen: Mutex::new(seen),
        }
    }

    /// Refuses values of a changed file that don't pass `check`, as if the file could not be read. The
    /// value in use now is not checked.
    #[must_use]
    pub fn checked(mut self, check: impl Fn(&T) -> Result<()> + Send + Sync + 'static) -> Self {
        self.adapt = Some(Box::new(move |value| check(&value).map(|()| value)));
        self
    }

    /// Changes the value in use by `adapt`, and each value of a changed file; one that it refuses is treated as if the
    /// file could not be read.
    ///
    /// # Errors
    /// What `adapt` says of the value in use.
    pub fn adapted(mut self, adapt: impl Fn(T) -> Result<T> + Send + Sync + 'static) -> Result<Self>
    where
        T: Clone,
    {
        let adapted = adapt((*self.current()).clone())?;
        self.swap(adapted);
        self.adapt = Some(Box::new(adapt));
        Ok(self)
    }

    /// The file; where it may have several names and is not there, the first of them.
    pub fn path(&self) -> &Path {
        first_of(&self.path, &self.alternatives)
    }

    /// The value in use.
    pub fn current(&self) -> Arc<T> {
        // A poisoned lock still holds a whole pointer: it is only ever swapped.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the value in use is not what the file says; `None` when it is.
    pub fn reload_error(&self) -> Option<ReloadError> {
        self.reload_error.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often a changed file was read and taken into use, and how often it could not be.
    pub fn reloads(&self) -> (u64, u64) {
        (self.reloads.ok.load(Ordering::Relaxed), self.reloads.failed.load(Ordering::Relaxed))
    }

    /// Looks whether the file has changed, and if so reads it. A file that can't be read is
    /// reported (here and in the log, once) and the value stays. Call it about once a second, from
    /// a thread that may wait for the disk. Returns whether there is a new value.
    pub fn poll(&self) -> bool {
        self.poll_locked(&mut self.lock_seen())
    }

    /// Writes the file and takes the new value into use. `write` gets the value in use, brought up
    /// to date with the file, and returns the new one together with the file that now holds it, or
    /// `None` to leave all as it is. Polls and other writes wait meanwhile; readers don't. Returns
    /// the value then in use.
    ///
    /// # Errors
    /// What `write` says; the value stays then.
    pub fn write(&self, write: impl FnOnce(&Arc<T>) -> Result<Option<(T, File)>>) -> Result<Arc<T>> {
        let mut seen = self.lock_seen();
        self.poll_locked(&mut seen);
        // A failed write may have replaced the file after all: look at it again.
        let written = write(&self.current()).inspect_err(|_| *seen = Seen::Unsettled);
        let Some((value, file)) = written? else { return Ok(self.current()) };
        *seen = file.metadata().map_or(Seen::Unsettled, |about| Seen::File(Stamp::of(&about)));
        self.set_reload_error(None);
        Ok(self.swap(value))
    }

    fn poll_locked(&self, seen: &mut Seen) -> bool {
        let path = self.path();
        let now = match std::fs::metadata(path) {
            // Opening a FIFO would block for ever, and with it the watch of all files.
            Ok(about) if !about.is_file() && !about.is_dir() => {
                *seen = Seen::Unsettled;
                let message = format!("{}: expected a regular file, found something else", path.display());
                self.set_reload_error(Some((message, true)));
                return false;
            }
            Ok(about) => Seen::File(Stamp::of(&about)),
            Err(error) if error.kind() == ErrorKind::NotFound => Seen::NoFile,
            Err(error) => {
                *seen = Seen::Unsettled;
                self.set_reload_error(Some((format!("{} can't be read: {error}", path.display()), true)));
                return false;
            }
        };
        if seen.covers(now) {
            return false;
        }
        *seen = now;
        if now == Seen::NoFile {
            return self.file_is_gone();
        }
        let read = read_settled(path, self.source);
        match read.and_then(|(value, settled)| self.accept(value).map(|value| (value, settled))) {
            Ok((value, settled)) => {
                *seen = settled;
                self.swap(value);
                self.set_reload_error(None);
                self.reloads.ok.fetch_add(1, Ordering::Relaxed);
                tracing::info!(what = self.source.what, path = %path.display(), "read again");
                true
            }
            Err(error) => {
                self.reloads.failed.fetch_add(1, Ordering::Relaxed);
                if let Seen::File(stamp) = now {
                    *seen = Seen::Broken(stamp, Instant::now());
                }
                let what = self.source.what;
                self.set_reload_error(Some((
                    format!("{error}; the {what} read before is still in use"),
                    true,
                )));
                false
            }
        }
    }

    fn accept(&self, value: T) -> Result<T> {
        match &self.adapt {
            Some(adapt) => adapt(value),
            None => Ok(value),
        }
    }

    fn file_is_gone(&self) -> bool {
        let (what, path) = (self.source.what, self.path.display());
        let Some(without) = self.source.without_file else {
            let message = format!("the {what} {path} was deleted; the one read before is still in use");
            self.set_reload_error(Some((message, false)));
            return false;
        };
        self.swap(without());
        self.set_reload_error(Some((format!("there is no {what} at {path}: an empty one is in use"), false)));
        true
    }

    fn swap(&self, value: T) -> Arc<T> {
        let value = Arc::new(value);
        let old = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, Arc::clone(&value))
        };
        drop(old); // outside the lock: freeing a large gallery takes a while
        value
    }

    /// Remembers, and logs what is new.
    fn set_reload_error(&self, new: Option<(String, bool)>) {
        let mut current = self.reload_error.write().unwrap_or_else(PoisonError::into_inner);
        let Some((message, file_exists)) = new else {
            *current = None;
            return;
        };
        if current.as_ref().is_some_and(|old| old.message == message) {
            return;
        }
        tracing::warn!(what = self.source.what, "{message}");
        let since = current.as_ref().map_or_else(SystemTime::now, |old| old.since);
        *current = Some(ReloadError { message, file_exists, since });
    }

    fn lock_seen(&self) -> MutexGuard<'_, Seen> {
        // What was seen before a panic is at worst out of date: the file is read again then.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first that is there, or may be there and can't be looked at; `path` where none is.
fn first_of<'p>(path: &'p Path, alternatives: &'p [PathBuf]) -> &'p Path {
    let is_there = |path: &&PathBuf| !matches!(path.try_exists(), Ok(false));
    match path.try_exists() {
        Ok(false) => alternatives.iter().find(is_there).map_or(path, PathBuf::as_path),
        _ => path,
    }
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(DataError::io_at(path, Operation::Read))
}

/// Waits for a file that was written just now, so that it need not be read once more.
fn wait_until_settled(path: &Path) {
    let is_settled = |about: &Metadata| Stamp::of(about).is_settled(SystemTime::now());
    if std::fs::metadata(path).is_ok_and(|about| !is_settled(&about)) {
        std::thread::sleep(CLOCK_TICK);
    }
}

/// Reads the file and says in which state it was, if that is certain.
fn read_settled<T>(path: &Path, source: FileSource<T>) -> Result<(T, Seen)> {
    let stamp = || std::fs::metadata(path).ok().map(|about| Stamp::of(&about));
    let before = stamp().filter(|stamp| stamp.is_settled(SystemTime::now()));
    let value = (source.read)(path)?;
    let seen = match before {
        Some(before) if stamp() == Some(before) => Seen::File(before),
        _ => Seen::Unsettled,
    };
    Ok((value, seen))
}

#[cfg(test)]
mod tests;
