//! Kept photos (`--keep-photos`): upright, as PNG, each with a unique name.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{DataError, Operation, Result};
use crate::imaging::encode::encode_png;
use crate::pipeline::Pipeline;

/// Mode of the files: not readable by other users.
const MODE: u32 = 0o640;

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
        std::fs::create_dir_all(directory).map_err(&failed)?;
        keeper.temporary().map_err(&failed)?;
        Ok(keeper)
    }

    /// Keeps a photo that was decoded before. Failures are only logged: the response was sent already.
    pub fn keep(&self, pipeline: &Pipeline, bytes: &[u8]) {
        if let Err(error) = self.write(pipeline, bytes) {
            tracing::warn!(%error, "a photo was not kept");
        }
    }

    fn write(&self, pipeline: &Pipeline, bytes: &[u8]) -> Result<()> {
        let png = encode_png(&pipeline.open(bytes)?)?;
        let failed = DataError::io_at(&self.directory, Operation::Write);
        let mut file = self.temporary().map_err(&failed)?;
        file.write_all(&png).map_err(&failed)?;
        // Atomically, and never over another file.
        let path = self.directory.join(format!("{}.png", ulid::Ulid::generate()));
        file.persist_noclobber(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder
            .prefix(".")
            .suffix(".tmp")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(&self.directory)
    }
}
