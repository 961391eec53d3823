//! Kept photos (`--keep-photos`): upright, as PNG, each with a unique name.

use std::fs::{DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

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

/// Writes photos into a directory.
#[derive(Debug)]
pub struct PhotoKeeper {
    directory: PathBuf,
}

impl PhotoKeeper {
    /// Keeps photos in `directory`, which is created if necessary.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be created or written.
    pub fn open(directory: &Path) -> Result<Self> {
        let keeper = Self { directory: directory.to_path_buf() };
        let failed =
            DataError::io(format!("the directory of kept photos {}", directory.display()), Operation::Write);
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory).map_err(&failed)?;
        keeper.remove_leftovers().map_err(&failed)?;
        keeper.temporary().map_err(&failed)?;
        Ok(keeper)
    }

    /// Keeps a decoded photo. Failures are only logged: the response was sent already.
    pub fn keep(&self, photo: &OrientedRgb) {
        if let Err(error) = self.write(photo) {
            tracing::warn!(%error, "a photo was not kept");
        }
    }

    fn write(&self, photo: &OrientedRgb) -> Result<()> {
        let png = encode_png(photo)?;
        let failed = DataError::io_at(&self.directory, Operation::Write);
        let mut file = self.temporary().map_err(&failed)?;
        file.write_all(&png).map_err(&failed)?;
        // Atomically, and never over another file.
        let path = self.directory.join(format!("{}.png", ulid::Ulid::generate()));
        file.persist_noclobber(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Removes temporary files of a killed process. Newer ones may belong to another process.
    fn remove_leftovers(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_temporary = name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
                && name.as_encoded_bytes().ends_with(SUFFIX.as_bytes());
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if is_temporary && age >= LEFTOVER_AGE {
                std::fs::remove_file(entry.path())?;
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
            .tempfile_in(&self.directory)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_new_directory_is_private_and_leftovers_of_a_killed_process_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("kept");
        PhotoKeeper::open(&directory).unwrap();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        let long_ago = SystemTime::now() - 2 * LEFTOVER_AGE;
        for (name, modified) in
            [(".old.tmp", long_ago), (".new.tmp", SystemTime::now()), ("kept.png", long_ago)]
        {
            File::create(directory.join(name)).unwrap().set_modified(modified).unwrap();
        }
        PhotoKeeper::open(&directory).unwrap();
        let exists = |name: &str| directory.join(name).exists();
        assert_eq!([".old.tmp", ".new.tmp", "kept.png"].map(exists), [false, true, true]);
    }
}
