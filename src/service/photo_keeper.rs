//! Kept photos (`--keep-photos`): upright, as PNG, each with a unique name, for as long and as many as is set.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;
use ulid::Ulid;

use crate::config::KeepParams;
use crate::error::{DataError, Operation, Result};
use crate::imaging::OrientedRgb;
use crate::imaging::encode::encode_png;

/// Mode of a new directory: photos are personal data.
const DIRECTORY_MODE: u32 = 0o700;
/// Mode of the files: not readable by other users.
const MODE: u32 = 0o640;

/// Start and end of the names of temporary files.
const PREFIX: &str = ".";
const SUFFIX: &str = ".tmp";
/// Age from which a temporary file is a leftover: writing one takes seconds at most.
const LEFTOVER_AGE: Duration = Duration::from_mins(1);

/// Writes photos into a directory, and deletes old ones.
#[derive(Debug)]
pub struct PhotoKeeper {
    params: KeepParams,
}

/// A photo in the directory.
struct Kept {
    /// Sorts by time.
    id: Ulid,
    bytes: u64,
    path: PathBuf,
}

impl PhotoKeeper {
    /// Keeps photos in the directory, which is created if necessary; deletes those that are too old or too many.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be created or written.
    pub fn open(params: &KeepParams) -> Result<Self> {
        let keeper = Self { params: params.clone() };
        let directory = &params.directory;
        let failed =
            DataError::io(format!("the directory of kept photos {}", directory.display()), Operation::Write);
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(&failed)?;
        keeper.remove_leftovers().map_err(&failed)?;
        keeper.temporary().map_err(&failed)?;
        keeper.prune(SystemTime::now()).map_err(&failed)?;
        Ok(keeper)
    }

    /// Keeps a decoded photo. Failures are only logged: the response was sent already.
    pub fn keep(&self, photo: &OrientedRgb) {
        if let Err(error) = self.write(photo) {
            tracing::warn!(%error, "a photo was not kept");
        }
    }

    /// Deletes what is too old at `now`, then the oldest of what is too much. Files of other names are left alone.
    ///
    /// # Errors
    /// When the directory can't be read or a photo can't be deleted.
    pub fn prune(&self, now: SystemTime) -> io::Result<()> {
        let KeepParams { max_age, max_bytes, .. } = self.params;
        if max_age.is_none() && max_bytes.is_none() {
            return Ok(());
        }
        let mut photos = self.photos()?;
        photos.sort_unstable_by_key(|photo| photo.id);
        let mut bytes: u64 = photos.iter().map(|photo| photo.bytes).sum();
        for photo in photos {
            let age = now.duration_since(photo.id.datetime()).unwrap_or_default();
            let is_old = max_age.is_some_and(|max| age >= max);
            let is_too_much = max_bytes.is_some_and(|max| bytes > max);
            if !is_old && !is_too_much {
                break;
            }
            unless_gone(std::fs::remove_file(&photo.path))?;
            bytes -= photo.bytes;
        }
        Ok(())
    }

    fn photos(&self) -> io::Result<Vec<Kept>> {
        let mut photos = Vec::new();
        for entry in std::fs::read_dir(&self.params.directory)? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "png") {
                continue;
            }
            let name = path.file_stem().and_then(|name| name.to_str());
            if let Some(id) = name.and_then(|name| name.parse().ok())
                && let Some(metadata) = unless_gone(path.symlink_metadata())?
            {
                photos.push(Kept { id, bytes: metadata.len(), path });
            }
        }
        Ok(photos)
    }

    fn write(&self, photo: &OrientedRgb) -> Result<()> {
        let png = encode_png(photo)?;
        let failed = DataError::io_at(&self.params.directory, Operation::Write);
        let mut file = self.temporary().map_err(&failed)?;
        file.write_all(&png).map_err(&failed)?;
        // Atomically, and never over another file.
        let path = self.params.directory.join(format!("{}.png", Ulid::generate()));
        file.persist_noclobber(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Removes temporary files of a killed process. Newer ones may belong to another process.
    fn remove_leftovers(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.params.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_temporary = name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
                && name.as_encoded_bytes().ends_with(SUFFIX.as_bytes());
            let Some(metadata) = unless_gone(entry.metadata())? else { continue };
            let age = metadata.modified()?.elapsed().unwrap_or_default();
            if is_temporary && age >= LEFTOVER_AGE {
                unless_gone(std::fs::remove_file(entry.path()))?;
            }
        }
        Ok(())
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(PREFIX)
            .suffix(SUFFIX)
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(&self.params.directory)
    }
}

/// `None` for a file that somebody has deleted meanwhile, which is no error here.
fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_new_directory_is_private_and_leftovers_of_a_killed_process_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("kept");
        let params = KeepParams { directory: directory.clone(), max_age: None, max_bytes: None };
        PhotoKeeper::open(&params).unwrap();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        let long_ago = SystemTime::now() - 2 * LEFTOVER_AGE;
        for (name, modified) in
            [(".old.tmp", long_ago), (".new.tmp", SystemTime::now()), ("kept.png", long_ago)]
        {
            File::create(directory.join(name)).unwrap().set_modified(modified).unwrap();
        }
        PhotoKeeper::open(&params).unwrap();
        let exists = |name: &str| directory.join(name).exists();
        assert_eq!([".old.tmp", ".new.tmp", "kept.png"].map(exists), [false, true, true]);
    }

    #[test]
    fn photos_too_old_and_the_oldest_of_too_many_are_deleted_and_other_files_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let minutes = |n: u64| SystemTime::UNIX_EPOCH + Duration::from_mins(n);
        let photo = |n: u64| directory.path().join(format!("{}.png", Ulid::from_parts(n * 60_000, 7)));
        let others = ["mine.png", "01JDK5Q2W7C1Z8N4T6R0YB3MXA.jpg"].map(|name| directory.path().join(name));
        let fill = || {
            let photos: Vec<_> = (1..=5).map(photo).collect();
            photos.iter().chain(&others).for_each(|path| std::fs::write(path, [0; 100]).unwrap());
        };
        for (max_age, max_bytes, left) in [
            (None, None, vec![1, 2, 3, 4, 5]),
            (Some(Duration::from_mins(3)), None, vec![4, 5]),
            (None, Some(350), vec![3, 4, 5]),
            (None, Some(500), vec![1, 2, 3, 4, 5]),
            (Some(Duration::from_mins(3)), Some(100), vec![5]),
            (None, Some(99), vec![]),
        ] {
            fill();
            let directory = directory.path().to_path_buf();
            let keeper = PhotoKeeper { params: KeepParams { directory, max_age, max_bytes } };
            // Another process may delete a photo while this one looks at them.
            assert!(unless_gone(std::fs::remove_file(photo(99))).unwrap().is_none());
            keeper.prune(minutes(6)).unwrap();
            let found: Vec<u64> = (1..=5).filter(|n| photo(*n).exists()).collect();
            assert_eq!(found, left, "{max_age:?} {max_bytes:?}");
            assert!(others.iter().all(|path| path.exists()));
        }
    }
}
