//! Photos that are kept (`--keep-photos`): upright, as PNG, each under a name of its own.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{DataError, Operation, Result};
use crate::imaging::encode::encode_png;
use crate::pipeline::Pipeline;

/// Mode of the files: photos are nobody else's business.
const MODE: u32 = 0o640;

/// Writes photos into a folder.
#[derive(Debug)]
pub struct PhotoKeeper {
    folder: PathBuf,
}

impl PhotoKeeper {
    /// Keeps photos in `folder`, which is made if need be.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be made or written to.
    pub fn open(folder: &Path) -> Result<Self> {
        let keeper = Self { folder: folder.to_path_buf() };
        let failed =
            DataError::io(format!("the directory of kept photos {}", folder.display()), Operation::Write);
        std::fs::create_dir_all(folder).map_err(&failed)?;
        keeper.temporary().map_err(&failed)?;
        Ok(keeper)
    }

    /// Keeps a photo that was decoded before. That it can't be kept is logged and no more: whoever
    /// sent it has the answer.
    pub fn keep(&self, pipeline: &Pipeline, bytes: &[u8]) {
        if let Err(error) = self.write(pipeline, bytes) {
            tracing::warn!(%error, "a photo was not kept");
        }
    }

    fn write(&self, pipeline: &Pipeline, bytes: &[u8]) -> Result<()> {
        let png = encode_png(&pipeline.open(bytes)?)?;
        let failed = DataError::io_at(&self.folder, Operation::Write);
        let mut file = self.temporary().map_err(&failed)?;
        file.write_all(&png).map_err(&failed)?;
        // Whole or not at all, and never over another file.
        let path = self.folder.join(format!("{}.png", ulid::Ulid::generate()));
        file.persist_noclobber(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn temporary(&self) -> io::Result<NamedTempFile> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".").suffix(".tmp").permissions(Permissions::from_mode(MODE)).tempfile_in(&self.folder)
    }
}
