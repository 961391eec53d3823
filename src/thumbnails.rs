//! Thumbnails of enrolled photos (`--keep-thumbnails`): the crops that were embedded, as PNG files of 160 x 160 pixels in a
//! directory of the data directory, named after the photos' ids. One is there for as long as its photo is in the gallery.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::align::AlignedCrop;
use crate::atomic_file;
use crate::error::{DataError, Operation, Result};
use crate::gallery::Gallery;
use crate::imaging::OrientedRgb;
use crate::imaging::encode::encode_png;
use crate::nn::FACENET_SIDE;

/// Name of the directory in the data directory.
pub const DIRECTORY: &str = "thumbnails";
/// How the names of the files end; before it stands the photo's id.
const SUFFIX: &str = ".png";

/// A thumbnail that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    photo_id: String,
    png: Vec<u8>,
}

impl Thumbnail {
    /// Of the photo with this id, whose face was cropped so.
    ///
    /// # Errors
    /// As [`encode_png`].
    pub fn new(photo_id: &str, crop: AlignedCrop) -> Result<Self> {
        let pixels = OrientedRgb::from_upright(FACENET_SIDE, FACENET_SIDE, crop.pixels);
        let no_crop = || DataError::content("a thumbnail", Operation::Write, "expected 160 x 160 pixels");
        Ok(Self::of_png(photo_id, encode_png(&pixels.ok_or_else(no_crop)?)?))
    }

    /// Of the photo with this id, encoded already.
    #[must_use]
    pub fn of_png(photo_id: &str, png: Vec<u8>) -> Self {
        Self { photo_id: photo_id.to_owned(), png }
    }

    /// The PNG file.
    #[must_use]
    pub fn into_png(self) -> Vec<u8> {
        self.png
    }
}

/// The thumbnails of a data directory. Only the process that may write there keeps and removes them.
#[derive(Debug)]
pub struct Thumbnails {
    directory: PathBuf,
    /// Held while files come and go, so that no thumbnail outlives its photo.
    changing: Mutex<()>,
    /// Ids of the photos that have one. Never locked during work on files: responses wait for it.
    ids: Mutex<Arc<HashSet<String>>>,
}

impl Thumbnails {
    /// Those in the data directory `data`.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when their directory can't be read; it need not be there.
    pub fn open(data: &Path) -> Result<Self> {
        let directory = data.join(DIRECTORY);
        let names = names(&directory).map_err(DataError::io_at(&directory, Operation::Read))?;
        let ids = names.iter().filter_map(|name| photo_id(name)).map(str::to_owned).collect();
        Ok(Self { directory, changing: Mutex::new(()), ids: Mutex::new(Arc::new(ids)) })
    }

    /// Ids of the photos that have one.
    #[must_use]
    pub fn ids(&self) -> Arc<HashSet<String>> {
        Arc::clone(&locked(&self.ids))
    }

    /// Keeps those whose photos are in the gallery that `current` gives: they may have been deleted meanwhile.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when one can't be written.
    pub fn keep(&self, new: &[Thumbnail], current: impl FnOnce() -> Arc<Gallery>) -> Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        let failed = DataError::io_at(&self.directory, Operation::Write);
        let _changing = locked(&self.changing);
        let gallery = current();
        let photos = photo_ids(&gallery);
        atomic_file::ensure_private_directory(&self.directory).map_err(&failed)?;
        for Thumbnail { photo_id, png } in new.iter().filter(|new| photos.contains(new.photo_id.as_str())) {
            let path = self.path(photo_id);
            atomic_file::replace_private(&path, |to| to.write_all(png)).map_err(&failed)?;
            Arc::make_mut(&mut locked(&self.ids)).insert(photo_id.clone());
        }
        Ok(())
    }

    /// The files, sorted: name and path.
    #[must_use]
    pub fn files(&self) -> Vec<(String, PathBuf)> {
        let ids = self.ids();
        let mut files: Vec<_> = ids.iter().map(|id| (format!("{id}{SUFFIX}"), self.path(id))).collect();
        files.sort_unstable();
        files
    }

    /// The PNG file of a photo; `None` where it has none.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be read.
    pub fn read(&self, photo_id: &str) -> Result<Option<Vec<u8>>> {
        // Only one that is known to be there: the id is a client's, and no path.
        if !self.ids().contains(photo_id) {
            return Ok(None);
        }
        match fs::read(self.path(photo_id)) {
            Ok(png) => Ok(Some(png)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DataError::io_at(&self.directory, Operation::Read)(error)),
        }
    }

    /// Removes those whose photos are not in the gallery that `current` gives, and what a killed writer left behind.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when the directory can't be read or a file can't be removed.
    pub fn sweep(&self, current: impl FnOnce() -> Arc<Gallery>) -> Result<()> {
        let _changing = locked(&self.changing);
        let names = names(&self.directory).map_err(DataError::io_at(&self.directory, Operation::Read))?;
        if names.is_empty() && self.ids().is_empty() {
            return Ok(());
        }
        let gallery = current();
        let photos = photo_ids(&gallery);
        let mut left = HashSet::new();
        for name in names {
            match photo_id(&name) {
                Some(id) if photos.contains(id) => drop(left.insert(id.to_owned())),
                Some(_) => self.remove(&name)?,
                None if is_leftover(&name) => self.remove(&name)?,
                None => {}
            }
        }
        *locked(&self.ids) = Arc::new(left);
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.directory.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(DataError::io_at(&self.directory, Operation::Write)(error))
            }
            _ => Ok(()),
        }
    }

    fn path(&self, photo_id: &str) -> PathBuf {
        self.directory.join(format!("{photo_id}{SUFFIX}"))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The photo that a file of this name is of; `None` for other files.
#[must_use]
pub fn photo_id(name: &str) -> Option<&str> {
    let id = name.strip_suffix(SUFFIX)?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    (plain && !id.is_empty()).then_some(id)
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
