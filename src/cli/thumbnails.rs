//! Thumbnails of a directory that is enrolled: they wait in files until it is known which photos are taken.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tempfile::TempDir;

use super::data::DataDirectory;
use crate::align::AlignedCrop;
use crate::atomic_file;
use crate::enroll::directory::EnrollmentReport;
use crate::error::{DataError, Operation, Result};
use crate::gallery::store;
use crate::thumbnails::{self, Thumbnail, Thumbnails};

/// Thumbnails that are in memory at a time, at most.
const AT_ONCE: usize = 200;

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
        let failed = || format!("{} can't be written", kept.display());
        atomic_file::ensure_private_directory(&kept).with_context(failed)?;
        // A sweep removes it where this process is killed.
        let directory = tempfile::Builder::new()
            .prefix(".")
            .suffix(atomic_file::SUFFIX)
            .tempdir_in(&kept)
            .with_context(failed)?;
        Ok(Self { directory, files: HashMap::new() })
    }

    /// Keeps the crop of `photo` for now.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn add(&mut self, photo: &Path, crop: AlignedCrop) -> Result<()> {
        let path = self.directory.path().join(self.files.len().to_string());
        let png = Thumbnail::new("", crop)?.into_png();
        fs::write(&path, png).map_err(DataError::io_at(&path, Operation::Write))?;
        self.files.insert(photo.to_path_buf(), path);
        Ok(())
    }

    /// Keeps those of the photos that were enrolled, once the gallery is written.
    ///
    /// # Errors
    /// When one can't be read or written.
    fn keep(self, data: &Path, enrolled: &EnrollmentReport) -> anyhow::Result<()> {
        let kept = Thumbnails::open(data)?;
        let gallery = Arc::new(enrolled.gallery.clone());
        for photos in enrolled.photos.chunks(AT_ONCE) {
            let mut new = Vec::new();
            for report in photos {
                let waiting = report.outcome.accepted().zip(self.files.get(&report.photo.path));
                let Some((photo, file)) = waiting else { continue };
                let png = fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
                new.push(Thumbnail::of_png(&photo.id, png));
            }
            kept.keep(&new, || Arc::clone(&gallery))?;
        }
        Ok(())
    }
}

/// Writes the gallery with the photos that were enrolled, then their thumbnails, where some wait.
///
/// # Errors
/// When a file can't be written; of the gallery the old one stays then.
pub(super) fn write_enrolled(
    data: &DataDirectory,
    enrolled: &EnrollmentReport,
    waiting: Option<WaitingThumbnails>,
) -> anyhow::Result<()> {
    store::write(&data.gallery(), &enrolled.gallery)?;
    let kept = waiting.map_or(Ok(()), |waiting| waiting.keep(data.directory(), enrolled));
    kept.context("the people are enrolled, but not all their thumbnails are kept")?;
    Ok(data.sweep_thumbnails(&enrolled.gallery)?)
}
