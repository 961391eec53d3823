//! Thumbnails of a directory that is enrolled: they wait on the disk until it is known which photos are taken.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
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
/// The file without a name, in messages.
const WAITING: &str = "the temporary file of thumbnails";

/// Where crops of photos wait whose enrolment is not decided yet.
pub(super) trait Waiting {
    /// Keeps the crop of `photo` for now.
    ///
    /// # Errors
    /// When it can't be written.
    fn add(&mut self, photo: &Path, crop: AlignedCrop) -> Result<()>;
}

/// Crops in files, which are moved to where they are kept.
pub(super) struct WaitingFiles {
    directory: TempDir,
    files: HashMap<PathBuf, PathBuf>,
}

/// Crops in one file without a name: nothing is left of it when the process ends, however it ends.
pub(super) struct UnnamedFile {
    file: File,
    len: u64,
    /// For each photo, where its crop begins, and how long it is.
    places: HashMap<PathBuf, (u64, usize)>,
}

impl WaitingFiles {
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

    /// Keeps those of the photos that were enrolled, once the gallery is written.
    ///
    /// # Errors
    /// When one can't be moved.
    fn keep(&self, data: &Path, enrolled: &EnrollmentReport) -> Result<()> {
        let files = of_enrolled(&self.files, &enrolled.photos).map(|(id, file)| (id, file.as_path()));
        Thumbnails::open(data)?.keep_files(files, &enrolled.gallery)
    }
}

impl Waiting for WaitingFiles {
    fn add(&mut self, photo: &Path, crop: AlignedCrop) -> Result<()> {
        let directory = self.directory.path();
        let path = directory.join(self.files.len().to_string());
        write_new(&path, directory, &thumbnails::png(crop)?)
            .map_err(DataError::io_at(&path, Operation::Write))?;
        self.files.insert(photo.to_path_buf(), path);
        Ok(())
    }
}

impl UnnamedFile {
    /// Among the temporary files.
    ///
    /// # Errors
    /// When it can't be made.
    pub(super) fn new() -> anyhow::Result<Self> {
        let file = tempfile::tempfile().context("a temporary file can't be made")?;
        Ok(Self { file, len: 0, places: HashMap::new() })
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
        let places: Vec<(&str, &(u64, usize))> = of_enrolled(&self.places, photos).collect();
        for places in places.chunks(AT_A_TIME) {
            let read = |(id, (begin, len)): &(&str, &(u64, usize))| -> Result<Thumbnail> {
                let mut png = vec![0; *len];
                let read = self.file.read_exact_at(&mut png, *begin);
                read.map_err(DataError::io(WAITING, Operation::Read))?;
                Ok(Thumbnail { photo_id: (*id).to_owned(), png })
            };
            let new = places.iter().map(read).collect::<Result<Vec<_>>>()?;
            kept.keep("", &new, &|| Arc::clone(gallery))?;
        }
        Ok(())
    }
}

impl Waiting for UnnamedFile {
    fn add(&mut self, photo: &Path, crop: AlignedCrop) -> Result<()> {
        let png = thumbnails::png(crop)?;
        self.file.write_all_at(&png, self.len).map_err(DataError::io(WAITING, Operation::Write))?;
        self.places.insert(photo.to_path_buf(), (self.len, png.len()));
        self.len += png.len() as u64;
        Ok(())
    }
}

/// The photos that were enrolled by their ids, with the places of their crops.
fn of_enrolled<'a, T>(
    places: &'a HashMap<PathBuf, T>,
    photos: &'a [PhotoReport],
) -> impl Iterator<Item = (&'a str, &'a T)> {
    photos.iter().filter_map(|report| {
        let place = places.get(&report.photo.path)?;
        Some((report.outcome.accepted()?.id.as_str(), place))
    })
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
    waiting: Option<WaitingFiles>,
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::imaging::Window;
    use crate::nn::FACENET_SIDE;

    fn crop(grey: u8) -> AlignedCrop {
        let window = Window { x0: 0, y0: 0, x1: FACENET_SIDE, y1: FACENET_SIDE };
        AlignedCrop { pixels: vec![grey; FACENET_SIDE * FACENET_SIDE * 3], window }
    }

    #[test]
    fn crops_wait_for_a_database_in_a_file_without_a_name() {
        let mut waiting = UnnamedFile::new().unwrap();
        for (name, grey) in [("a", 10), ("b", 200)] {
            waiting.add(Path::new(name), crop(grey)).unwrap();
        }
        let (begin, len) = waiting.places[Path::new("b")];
        let mut png = vec![0; len];
        waiting.file.read_exact_at(&mut png, begin).unwrap();
        assert_eq!(png, thumbnails::png(crop(200)).unwrap());
        let shown = std::fs::read_link(format!("/proc/self/fd/{}", waiting.file.as_raw_fd())).unwrap();
        assert!(shown.to_string_lossy().ends_with("(deleted)"), "{shown:?}");
    }
}
