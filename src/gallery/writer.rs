//! Changes of the gallery, one process at a time and each on the disk before it is answered.
//!
//! Writers that come while the disk is busy wait for it together: the next one to get it applies
//! the edits of all and writes them at once (group commit). Readers never wait, see [`Reloadable`].

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Gallery, store};
use crate::atomic_file;
use crate::error::{DataError, Error, InputError, Operation, Result};
use crate::reloadable::{FileSource, Reloadable};

/// Name of the lock file in the data folder. It stays there; the lock is on it, not in it.
pub const LOCK_FILE_NAME: &str = "gallery.lock";

/// How a [`Reloadable`] gallery is read.
pub const GALLERY: FileSource<Gallery> =
    FileSource { what: "gallery", read: store::read, without_file: None };

/// The right to write to a data folder: an advisory lock that this process holds until this is
/// dropped, or until it dies.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes the lock, and removes what a killed writer left behind.
    ///
    /// # Errors
    /// [`InputError::Locked`] when another process holds it, naming that; [`Error::Data`] when
    /// the lock file can't be written.
    pub fn acquire(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK_FILE_NAME);
        let failed = |error: io::Error| {
            let hint = rights_hint(folder, &error);
            let source = io::Error::new(error.kind(), format!("{error}{hint}"));
            DataError::io_at(&path, Operation::Lock)(source)
        };
        let mut file = open_lock_file(folder, &path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(held_by_another(&mut file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        let removed = atomic_file::remove_leftovers(&folder.join(store::FILE_NAME)).map_err(failed)?;
        if removed > 0 {
            tracing::info!(files = removed, "removed temporary files of a writer that was killed");
        }
        Ok(Self { _file: file })
    }
}

/// Opens the lock file, made as needed. Who may write to the folder could have put a link there: what
/// it points to must neither be given away nor, by the number that is written to it, be overwritten.
fn open_lock_file(folder: &Path, path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            atomic_file::give_to_owner_of(folder, &file);
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
fn rights_hint(folder: &Path, error: &io::Error) -> String {
    if error.kind() != ErrorKind::PermissionDenied {
        return String::new();
    }
    let folder = folder.display();
    // Linux says there who runs this; elsewhere it is not known.
    let Ok(process) = fs::metadata("/proc/self") else {
        return format!("; to keep gallery.bin, {folder} must be writable for the user who runs this");
    };
    let user = process.uid();
    format!(
        "; to keep gallery.bin, {folder} must be writable for user {user}, who runs this: chown -R {user} {folder}"
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
        format!("{who} is writing to this data folder: change people through that one, or stop it first");
    InputError::Locked(message).into()
}

type Edit = Box<dyn FnOnce(&Gallery) -> Result<Gallery> + Send>;
type Answer = Result<Arc<Gallery>>;

struct Waiting {
    edit: Edit,
    answer: SyncSender<Answer>,
}

/// The one who changes the gallery of a data folder.
pub struct GalleryWriter {
    live: Arc<Reloadable<Gallery>>,
    lock: Mutex<Option<FolderLock>>,
    /// Edits that wait for the disk, first come first.
    queue: Mutex<Vec<Waiting>>,
    /// Held by the one that writes.
    turn: Mutex<()>,
}

impl GalleryWriter {
    /// Of the gallery that `live` reads. The lock on its folder is taken now if it is free; else
    /// each [`GalleryWriter::edit`] tries again.
    #[must_use]
    pub fn new(live: Arc<Reloadable<Gallery>>) -> Self {
        let writer =
            Self { live, lock: Mutex::new(None), queue: Mutex::new(Vec::new()), turn: Mutex::new(()) };
        if let Err(error) = writer.ensure_lock() {
            tracing::warn!("people can't be changed for now: {error}");
        }
        writer
    }

    /// Takes the lock on the data folder, if this does not hold it yet.
    ///
    /// # Errors
    /// As [`FolderLock::acquire`].
    pub fn ensure_lock(&self) -> Result<()> {
        let mut lock = locked(&self.lock);
        if lock.is_none() {
            *lock = Some(FolderLock::acquire(self.folder())?);
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        self.live.path().parent().unwrap_or(Path::new("."))
    }

    /// Makes `edit`'s gallery out of the one in use. When this returns, it is on the disk and in
    /// use, perhaps with other edits on top. `edit` may run on another thread that writes at the
    /// same time; it must not wait for anything.
    ///
    /// # Errors
    /// What `edit` says, and then nothing has changed; [`InputError::Locked`] when another process
    /// writes to the folder; [`InputError::Conflict`] when a file that can't be read was put in the
    /// gallery's place;
    /// [`Error::Data`] when the gallery can't be written.
    pub fn edit(&self, edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static) -> Answer {
        self.ensure_lock()?;
        let (answer, answered) = sync_channel(1);
        locked(&self.queue).push(Waiting { edit: Box::new(edit), answer });
        let turn = locked(&self.turn);
        if let Ok(answer) = answered.try_recv() {
            return answer; // another one took this edit along
        }
        let batch = std::mem::take(&mut *locked(&self.queue));
        self.commit(batch);
        drop(turn);
        receive(&answered)
    }

    /// Applies the edits in turn, each to what the one before it made, and writes once.
    fn commit(&self, batch: Vec<Waiting>) {
        let mut unanswered = Vec::new();
        let written = self.live.write(|current| {
            let mut newest: Option<Gallery> = None;
            for Waiting { edit, answer } in batch {
                match self.writable().and_then(|()| edit(newest.as_ref().unwrap_or(current))) {
                    Ok(gallery) => {
                        newest = Some(gallery);
                        unanswered.push(answer);
                    }
                    // It is only refused when the one who asked is gone.
                    Err(error) => drop(answer.send(Err(error))),
                }
            }
            let Some(newest) = newest else { return Ok(None) };
            let file = store::write(self.live.path(), &newest)?;
            newest.prepare();
            Ok(Some((newest, file)))
        });
        let written = written.map_err(Arc::new);
        for answer in unanswered {
            let result = match &written {
                Ok(gallery) => Ok(Arc::clone(gallery)),
                Err(error) => Err(DataError::SharedWrite(Arc::clone(error)).into()),
            };
            drop(answer.send(result));
        }
    }

    /// A file that can't be read, from a newer version perhaps, is not written over.
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

fn receive(answered: &Receiver<Answer>) -> Answer {
    answered.recv().unwrap_or_else(|_| Err(Error::Internal("an edit of the gallery panicked".to_owned())))
}

/// The guarded values are replaced in one step or not at all, so a panic elsewhere spoils none.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
