//! Thumbnails of a directory that is enrolled: they wait in files until it is known which photos are taken.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tempfile::TempDir;

use super::data::DataDirectory;
use crate::align::AlignedCrop;
use crate::atomic_file;
use crate::enroll::directory::{EnrollmentReport, PhotoReport};
use crate::error::{DataError, Operation, Result};
use crate::gallery::{Gallery, store};
use crate::thumbnails::{self, Thumbnail, ThumbnailStore, Thumbnails};

/// Mode of the files: they are moved to where they are kept.
const MODE: u32 = 0o600;
/// Thumbnails of one transaction: some MiB.
const AT_A_TIME: usize = 100;

/// Crops of photos whose enrolment is not decided yet.
pub(super) struct WaitingThumbnails {
    directory: TempDir,
    files: HashMap<PathBuf, PathBuf>,
}

impl WaitingThumbnails {
    /// In the data directory `data`, which this process has locked.
    ///
    /// # Errors
    /// When it can't be written to.
    pub(super) fn new(data: &Path) -> anyhow::Result<Self> {
        let kept = data.join(thumbnails::DIRECTORY);
        let directory =
            waiting_directory(&kept).with_context(|| format!("{} can't be written", kept.display()))?;
        Ok(Self { directory, files: HashMap::new() })
    }

    /// In a temporary directory of this user's, for a database.
    ///
    /// # Errors
    /// When none can be made.
    pub(super) fn for_database() -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("a temporary directory can't be made")?;
        Ok(Self { directory, files: HashMap::new() })
    }

    /// Keeps the crop of `photo` for now.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn add(&mut self, photo: &Path, crop: AlignedCrop) -> Result<()> {
        let directory = self.directory.path();
        let path = directory.join(self.files.len().to_string());
        write_new(&path, directory, &thumbnails::png(crop)?)
            .map_err(DataError::io_at(&path, Operation::Write))?;
        self.files.insert(photo.to_path_buf(), path);
        Ok(())
    }

    /// Keeps those of the photos that were enrolled, once the gallery is written.
    ///
    /// # Errors
    /// When one can't be moved.
    fn keep(&self, data: &Path, enrolled: &EnrollmentReport) -> Result<()> {
        Thumbnails::open(data)?.keep_files(self.of_enrolled(&enrolled.photos), &enrolled.gallery)
    }

    /// Copies those of the photos that were enrolled, some at a time, once the people are in `gallery`.
    ///
    /// # Errors
    /// When one can't be read or written.
    pub(super) fn copy(
        &self,
        kept: &dyn ThumbnailStore,
        photos: &[PhotoReport],
        gallery: &Arc<Gallery>,
    ) -> Result<()> {
        let files: Vec<(&str, &Path)> = self.of_enrolled(photos).collect();
        for files in files.chunks(AT_A_TIME) {
            let read = |(id, file): &(&str, &Path)| -> Result<Thumbnail> {
                let png = fs::read(file).map_err(DataError::io_at(file, Operation::Read))?;
                Ok(Thumbnail { photo_id: (*id).to_owned(), png })
            };
            let new = files.iter().map(read).collect::<Result<Vec<_>>>()?;
            kept.keep("", &new, &|| Arc::clone(gallery))?;
        }
        Ok(())
    }

    /// The photos that were enrolled by their ids, with the files of their crops.
    fn of_enrolled<'a>(&'a self, photos: &'a [PhotoReport]) -> impl Iterator<Item = (&'a str, &'a Path)> {
        photos.iter().filter_map(|report| {
            let file = self.files.get(&report.photo.path)?;
            Some((report.outcome.accepted()?.id.as_str(), file.as_path()))
        })
    }
}

/// A new directory in `kept`, which is made as needed. Where this process is killed, a sweep removes it, perhaps by the owner of the
/// data directory.
fn waiting_directory(kept: &Path) -> io::Result<TempDir> {
    atomic_file::trusted_target(kept)?;
    atomic_file::ensure_private_directory(kept)?;
    let directory = tempfile::Builder::new().prefix(".").suffix(atomic_file::SUFFIX).tempdir_in(kept)?;
    atomic_file::give_directory(directory.path(), kept)?;
    Ok(directory)
}

/// Writes a file on the disk, for the owner of its directory.
fn write_new(path: &Path, directory: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).mode(MODE).open(path)?;
    atomic_file::give_to_owner_of(directory, &file);
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes the gallery with the photos that were enrolled, has that recorded by `record`, then keeps their thumbnails, where some wait.
///
/// # Errors
/// When a file can't be written; of the gallery the old one stays then. What `record` says.
pub(super) fn write_enrolled(
    data: &DataDirectory,
    enrolled: &EnrollmentReport,
    waiting: Option<WaitingThumbnails>,
    record: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    store::write(&data.gallery(), &enrolled.gallery)?;
    let recorded = record();
    let kept = waiting.map_or(Ok(()), |waiting| waiting.keep(data.directory(), enrolled));
    let swept = data.sweep_thumbnails(&enrolled.gallery);
    recorded?;
    kept.context("the people are enrolled, but not all their thumbnails are kept")?;
    swept.map(drop)
}
