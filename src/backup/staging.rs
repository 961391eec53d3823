//! Directories in which backups are made and unpacked, and what killed runs leave of them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tempfile::{Builder, TempDir};

/// How the name of a directory begins and ends in which a backup is unpacked.
const RESTORE: &str = ".restore-";
const SUFFIX: &str = ".tmp";
/// How the name of a directory begins that holds the copy of the database.
const BACKUP: &str = ".facerec-backup-";
/// Age from which such a directory is a leftover: no copy takes as long.
const OLD: Duration = Duration::from_hours(24);

/// A directory in `data` in which a backup is unpacked.
///
/// # Errors
/// What the file system says.
pub(super) fn create(data: &Path) -> io::Result<TempDir> {
    Builder::new().prefix(RESTORE).suffix(SUFFIX).tempdir_in(data)
}

/// Whether a restoration that was killed left an entry of this name.
pub(super) fn is_leftover(name: &str) -> bool {
    name.starts_with(RESTORE) && name.ends_with(SUFFIX)
}

/// Removes what killed restorations left in `data`. Only the holder of the directory's lock calls this.
///
/// # Errors
/// What the file system says.
pub(super) fn remove_leftovers(data: &Path) -> io::Result<()> {
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        if is_leftover(&entry.file_name().to_string_lossy()) && entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// A directory in `beside` for the copy of the database. Old ones of this user, left by killed runs, are removed: they hold
/// personal data, and there is no lock by which to tell young ones.
///
/// # Errors
/// What the file system says.
pub(super) fn scratch(beside: &Path) -> io::Result<TempDir> {
    let new = Builder::new().prefix(BACKUP).tempdir_in(beside)?;
    let user = fs::metadata(new.path())?.uid();
    for entry in fs::read_dir(beside)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(BACKUP.as_bytes()) {
            continue;
        }
        // One that is gone meanwhile was in use.
        let Ok(about) = entry.metadata() else { continue };
        let is_old = about.modified()?.elapsed().is_ok_and(|age| age > OLD);
        if about.is_dir() && about.uid() == user && is_old {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(new)
}
