//! Edits of the gallery: one writing process at a time, and each edit on the disk before it is confirmed.
//!
//! Edits that arrive while the file is written are written at once ([`EditQueue`]). Readers never wait, see [`Reloadable`].

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::backend::{BackendStatus, Batch, Edit, EditQueue, Outcome, PeopleBackend, locked};
use super::{Gallery, store};
use crate::atomic_file;
use crate::error::{DataError, Error, InputError, Operation, Result};
use crate::reloadable::{FileSource, Reloadable};

/// Name of the lock file in the data directory. It stays there; the lock is on it, not in it.
pub const LOCK_FILE_NAME: &str = "gallery.lock";
/// Files of the data directory that are written under the lock; a killed writer leaves temporary files beside them.
const WRITTEN_FILES: [&str; 5] =
    [store::FILE_NAME, "roster.xlsx", "roster.ods", "roster.csv", "audit-dismissals.json"];
/// Mode of the lock file: whoever may open it can hold the lock.
const LOCK_FILE_MODE: u32 = 0o600;

/// How a [`Reloadable`] gallery is read.
pub const GALLERY: FileSource<Gallery> =
    FileSource { what: "gallery", read: store::read, without_file: None };

/// The right to write to a data directory: an advisory lock that this process holds until this is
/// dropped, or until it dies.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, and removes what a killed writer left behind.
    ///
    /// # Errors
    /// [`InputError::Locked`] when another process holds it, naming that; [`Error::Data`] when
    /// the lock file can't be written.
    pub fn acquire(directory: &Path) -> Result<Self> {
        let path = directory.join(LOCK_FILE_NAME);
        let failed = |error: io::Error| {
            let hint = rights_hint(directory, &error);
            let source = io::Error::new(error.kind(), format!("{error}{hint}"));
            DataError::io_at(&path, Operation::Lock)(source)
        };
        let mut file = open_lock_file(directory, &path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held_by_another(&mut file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        let leftovers = WRITTEN_FILES.map(|name| atomic_file::remove_leftovers(&directory.join(name)));
        let removed: usize = leftovers.into_iter().sum::<io::Result<usize>>().map_err(failed)?;
        if removed > 0 {
            tracing::info!(files = removed, "removed temporary files of a writer that was killed");
        }
        Ok(Self { _file: file })
    }
}

/// Opens the lock file, made as needed. Who may write to the directory could have put a link there: what
/// it points to must neither be given away nor, by the number that is written to it, be overwritten.
fn open_lock_file(directory: &Path, path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).mode(LOCK_FILE_MODE);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            atomic_file::give_to_owner_of(directory, &file);
            return Ok(file);
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let file = options.open(path)?;
    let (there, opened) = (fs::symlink_metadata(path)?, file.metadata()?);
    if (there.dev(), there.ino()) != (opened.dev(), opened.ino()) {
        return Err(io::Error::other("expected a file, found a link"));
    }
    Ok(file)
}

/// What helps where rights are missing: whoever starts a container rarely knows which user runs in it.
fn rights_hint(directory: &Path, error: &io::Error) -> String {
    if error.kind() != ErrorKind::PermissionDenied {
        return String::new();
    }
    let directory = directory.display();
    // Linux says there who runs this; elsewhere it is not known.
    let Ok(process) = fs::metadata("/proc/self") else {
        return format!("; to keep gallery.bin, {directory} must be writable for the user who runs this");
    };
    let user = process.uid();
    format!(
        "; to keep gallery.bin, {directory} must be writable for user {user}, who runs this: chown -R {user} {directory}"
    )
}

fn held_by_another(file: &mut File) -> Error {
    let mut pid = String::new();
    // Only for the message: a lock file without a number is held all the same.
    let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(20).read_to_string(&mut pid));
    let who = match pid.trim().parse::<u32>() {
        Ok(pid) => format!("another facerec process (pid {pid})"),
        Err(_) => "another facerec process".to_owned(),
    };
    let message =
        format!("{who} is writing to this data directory: change people through that one, or stop it first");
    InputError::Locked(message).into()
}

/// Edits the gallery of a data directory.
pub struct GalleryWriter {
    live: Arc<Reloadable<Gallery>>,
    lock: Mutex<Option<DirectoryLock>>,
    queue: EditQueue,
}

impl GalleryWriter {
    /// Of the gallery that `live` reads. The lock on its directory is taken now if it is free; else
    /// each [`GalleryWriter::edit`] tries again.
    #[must_use]
    pub fn new(live: Arc<Reloadable<Gallery>>) -> Self {
        let writer = Self::holding(live, None);
        if let Err(error) = writer.ensure_lock() {
            tracing::warn!("people can't be changed for now: {error}");
        }
        writer
    }

    /// The same where this process has taken the lock on the directory already.
    #[must_use]
    pub fn with_lock(live: Arc<Reloadable<Gallery>>, lock: DirectoryLock) -> Self {
        Self::holding(live, Some(lock))
    }

    fn holding(live: Arc<Reloadable<Gallery>>, lock: Option<DirectoryLock>) -> Self {
        Self { live, lock: Mutex::new(lock), queue: EditQueue::default() }
    }

    /// Takes the lock on the data directory, if this does not hold it yet.
    ///
    /// # Errors
    /// As [`DirectoryLock::acquire`].
    pub fn ensure_lock(&self) -> Result<()> {
        let mut lock = locked(&self.lock);
        if lock.is_none() {
            *lock = Some(DirectoryLock::acquire(self.directory())?);
        }
        Ok(())
    }

    fn directory(&self) -> &Path {
        self.live.path().parent().unwrap_or(Path::new("."))
    }

    /// Applies `edit` to the current gallery. When this returns, the new gallery is on the disk and
    /// current, perhaps with later edits applied to it. `edit` may run on another caller's thread; it must not block.
    ///
    /// # Errors
    /// What `edit` says, and then nothing has changed; [`InputError::Locked`] when another process
    /// writes to the directory; [`InputError::Conflict`] when a file that can't be read was put in the
    /// gallery's place;
    /// [`Error::Data`] when the gallery can't be written.
    pub fn edit(&self, edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static) -> Outcome {
        self.ensure_lock()?;
        self.queue.submit(Box::new(edit), |batch| self.commit(batch))
    }

    /// Applies the edits and writes the file once.
    fn commit(&self, batch: Batch) {
        let mut waiting = None;
        let written = self.live.write(|current| {
            let (newest, applied) = batch.apply(current, |edit, gallery| {
                self.writable()?;
                edit(gallery)
            });
            waiting = Some(applied);
            let Some(newest) = newest else { return Ok(None) };
            let file = store::write(self.live.path(), &newest)?;
            newest.prepare();
            Ok(Some((newest, file)))
        });
        if let Some(applied) = waiting {
            applied.notify(written);
        }
    }

    /// A file that can't be read, perhaps of a newer version, is not overwritten.
    fn writable(&self) -> Result<()> {
        match self.live.reload_error() {
            Some(trouble) if trouble.file_exists => {
                let message = "a gallery file that can't be read was put in place: nothing is written over it; \
                               restore it or take it away first";
                Err(InputError::Conflict(message.to_owned()).into())
            }
            _ => Ok(()),
        }
    }
}

impl PeopleBackend for GalleryWriter {
    fn current(&self) -> Arc<Gallery> {
        self.live.current()
    }

    fn ensure_writable(&self) -> Result<()> {
        self.ensure_lock()
    }

    fn edit(&self, edit: Edit) -> Outcome {
        self.edit(edit)
    }

    fn poll(&self) -> bool {
        self.live.poll()
    }

    fn status(&self) -> BackendStatus {
        BackendStatus::of_file(&self.live)
    }
}
