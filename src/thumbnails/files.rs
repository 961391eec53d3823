//! Thumbnails as files in a directory of the data directory, named after the photos' ids.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ulid::Ulid;

use super::{MAX_BYTES, Thumbnail, ThumbnailIds, ThumbnailStore};
use crate::atomic_file;
use crate::error::{DataError, Operation, Result};
use crate::gallery::Gallery;
use crate::gallery::backend::locked;
use crate::local_file;

/// Name of the directory in the data directory.
pub const DIRECTORY: &str = "thumbnails";
/// How the names of the files end; before it stands the photo's id.
const SUFFIX: &str = ".png";

/// The thumbnails of a data directory. Only the process that may write there keeps and removes them.
#[derive(Debug)]
pub struct Thumbnails {
    directory: PathBuf,
    ids: Arc<ThumbnailIds>,
    /// Names of files that are to be removed and could not be yet. Held while files come and go, so that no thumbnail outlives
    /// its photo.
    due: Mutex<BTreeSet<String>>,
    /// Why some could not be removed.
    error: Mutex<Option<String>>,
}

impl Thumbnails {
    /// Those in the data directory `data`.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when their directory can't be read, or is a link of an untrusted user; it need not be there.
    pub fn open(data: &Path) -> Result<Self> {
        let opened = Self {
            directory: data.join(DIRECTORY),
            ids: Arc::default(),
            due: Mutex::default(),
            error: Mutex::default(),
        };
        let ids = opened.names()?.iter().filter_map(|name| photo_id(name)).map(str::to_owned).collect();
        opened.ids.change(|known| *known = ids);
        Ok(opened)
    }

    /// Keeps files that were written to the disk already, each the thumbnail of a photo in `gallery`; they are moved.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when one can't be moved.
    pub fn keep_files<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a str, &'a Path)>,
        gallery: &Gallery,
    ) -> Result<()> {
        let failed = DataError::io_at(&self.directory, Operation::Write);
        let _changing = locked(&self.due);
        let photos = photo_ids(gallery);
        for (id, file) in files.into_iter().filter(|(id, _)| photos.contains(id)) {
            fs::rename(file, self.path(id)).map_err(&failed)?;
            self.ids.change(|ids| ids.insert(id.to_owned()));
        }
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(failed)
    }

    /// Paths in the data directory and on the disk, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<(String, PathBuf)> {
        let ids = self.ids.sorted().into_iter();
        ids.map(|id| (format!("{DIRECTORY}/{id}{SUFFIX}"), self.path(&id))).collect()
    }

    /// Ids of the photos in the gallery that `current` gives which have one, and names of files that should not be there.
    fn orphans(&self, current: &dyn Fn() -> Arc<Gallery>) -> Result<(HashSet<String>, BTreeSet<String>)> {
        let (mut left, mut orphans) = (HashSet::new(), BTreeSet::new());
        let names = self.names()?;
        if names.is_empty() {
            return Ok((left, orphans));
        }
        let gallery = current();
        let photos = photo_ids(&gallery);
        for name in names {
            match photo_id(&name) {
                Some(id) if photos.contains(id) => _ = left.insert(id.to_owned()),
                None if !is_leftover(&name) => {}
                _ => _ = orphans.insert(name),
            }
        }
        Ok((left, orphans))
    }

    /// Removes what is due, as far as possible, and returns how many thumbnails were there. What can't be removed stays due.
    fn remove_due(&self, due: &mut BTreeSet<String>) -> Result<usize> {
        let (mut removed, mut first) = (0, None);
        due.retain(|name| match self.remove_file(name) {
            Ok(was_there) => {
                removed += usize::from(was_there && photo_id(name).is_some());
                false
            }
            Err(error) => {
                first.get_or_insert(error);
                true
            }
        });
        let outcome = first
            .map_or(Ok(removed), |error| Err(DataError::io_at(&self.directory, Operation::Write)(error)));
        *locked(&self.error) = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    /// Removes one; whether it was there.
    fn remove_file(&self, name: &str) -> io::Result<bool> {
        let path = atomic_file::trusted_target(&self.directory)?.join(name);
        let is_directory = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
        // Thumbnails wait in directories until they are kept; a thumbnail is a file.
        let removed = if is_directory && is_leftover(name) {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        match removed {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The entries of the directory; none where there is no directory.
    fn names(&self) -> Result<Vec<String>> {
        atomic_file::trusted_target(&self.directory)
            .and_then(|directory| names(&directory))
            .map_err(DataError::io_at(&self.directory, Operation::Read))
    }

    fn make_directory(&self) -> io::Result<()> {
        atomic_file::trusted_target(&self.directory)?;
        atomic_file::ensure_private_directory(&self.directory)
    }

    fn path(&self, photo_id: &str) -> PathBuf {
        self.directory.join(format!("{photo_id}{SUFFIX}"))
    }
}

impl ThumbnailStore for Thumbnails {
    fn ids(&self) -> Arc<ThumbnailIds> {
        Arc::clone(&self.ids)
    }

    fn error(&self) -> Option<String> {
        locked(&self.error).clone()
    }

    fn keep(&self, person_id: &str, new: &[Thumbnail], current: &dyn Fn() -> Arc<Gallery>) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let failed = DataError::io_at(&self.directory, Operation::Write);
        let _changing = locked(&self.due);
        let gallery = current();
        // Nearly always it is this person's; else somebody's to whom it was moved.
        let is_enrolled = |id: &str| {
            let people = gallery.person(person_id).into_iter();
            let mut people = people.chain(gallery.people().iter().map(Arc::as_ref));
            people.any(|person| person.photos.iter().any(|photo| photo.id == *id))
        };
        self.make_directory().map_err(&failed)?;
        for Thumbnail { photo_id, png } in new.iter().filter(|new| is_enrolled(&new.photo_id)) {
            atomic_file::replace_private(&self.path(photo_id), |to| to.write_all(png)).map_err(&failed)?;
            self.ids.change(|ids| ids.insert(photo_id.clone()));
        }
        Ok(())
    }

    fn read(&self, photo_id: &str) -> Result<Option<Vec<u8>>> {
        // Only one that is known to be there: the id is a client's, and no path.
        if !self.ids.contains(photo_id) {
            return Ok(None);
        }
        read_png(&self.path(photo_id)).map_err(DataError::io_at(&self.directory, Operation::Read))
    }

    fn remove(&self, photo_ids: &[String]) -> Result<()> {
        let mut due = locked(&self.due);
        due.extend(photo_ids.iter().filter(|id| is_id(id)).map(|id| format!("{id}{SUFFIX}")));
        self.ids.change(|ids| photo_ids.iter().for_each(|id| _ = ids.remove(id)));
        self.remove_due(&mut due).map(drop)
    }

    fn sweep(&self, current: &dyn Fn() -> Arc<Gallery>) -> Result<usize> {
        let mut due = locked(&self.due);
        let (left, orphans) = self.orphans(current)?;
        self.ids.change(|ids| *ids = left);
        *due = orphans;
        self.remove_due(&mut due)
    }

    fn reread(&self, current: &dyn Fn() -> Arc<Gallery>) -> Result<usize> {
        let _changing = locked(&self.due);
        let (left, orphans) = self.orphans(current)?;
        let orphans: HashSet<String> =
            orphans.iter().filter_map(|name| photo_id(name)).map(str::to_owned).collect();
        let count = orphans.len();
        // An orphan may be a photo of the next gallery.
        self.ids.change(|ids| *ids = left.into_iter().chain(orphans).collect());
        Ok(count)
    }
}

/// A file of the directory; `None` where it is not there.
///
/// # Errors
/// When it can't be read, or is no file of a thumbnail's size.
pub fn read_png(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match local_file::open_no_link(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut png = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut png)?;
    if png.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!(
            "expected a thumbnail of {MAX_BYTES} bytes at most, found more"
        )));
    }
    Ok(Some(png))
}

/// The photo that a file of this name is of; `None` for files that are not made here.
#[must_use]
pub fn photo_id(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX).filter(|id| is_id(id))
}

/// Whether it is written as ids of photos are.
fn is_id(id: &str) -> bool {
    Ulid::from_string(id).is_ok_and(|parsed| parsed.to_string() == id)
}

fn is_leftover(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(atomic_file::SUFFIX)
}

fn photo_ids(gallery: &Gallery) -> HashSet<&str> {
    gallery.people().iter().flat_map(|person| &person.photos).map(|photo| photo.id.as_str()).collect()
}

/// The entries of a directory; none where there is no directory.
fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string().ok());
    }
    Ok(names)
}
