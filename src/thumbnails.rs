//! Thumbnails of enrolled photos (`--keep-thumbnails`): the crops that were embedded, as PNG files of 160 x 160 pixels, by the
//! photos' ids. One is there for as long as its photo is in the gallery.

mod files;

pub use files::{DIRECTORY, Thumbnails, photo_id, read_png};

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::align::AlignedCrop;
use crate::error::{DataError, Operation, Result};
use crate::gallery::Gallery;
use crate::imaging::OrientedRgb;
use crate::imaging::encode::encode_png;
use crate::nn::FACENET_SIDE;

/// Size of a PNG file, at most: three times that of the pixels.
pub const MAX_BYTES: u64 = 256 << 10;

/// A thumbnail that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thumbnail {
    /// Of which photo.
    pub photo_id: String,
    /// The PNG file, of [`MAX_BYTES`] at most.
    pub png: Vec<u8>,
}

impl Thumbnail {
    /// Of the photo with this id, whose face was cropped so.
    ///
    /// # Errors
    /// As [`png()`].
    pub fn new(photo_id: &str, crop: AlignedCrop) -> Result<Self> {
        Ok(Self { photo_id: photo_id.to_owned(), png: png(crop)? })
    }
}

/// The PNG file of a crop.
///
/// # Errors
/// As [`encode_png`].
pub fn png(crop: AlignedCrop) -> Result<Vec<u8>> {
    let pixels = OrientedRgb::from_upright(FACENET_SIDE, FACENET_SIDE, crop.pixels);
    let no_crop = || DataError::content("a thumbnail", Operation::Write, "expected 160 x 160 pixels");
    encode_png(&pixels.ok_or_else(no_crop)?)
}

/// Where thumbnails are kept.
pub trait ThumbnailStore: Send + Sync {
    /// Ids of the photos that have one, now and later.
    fn ids(&self) -> Arc<ThumbnailIds>;

    /// Why thumbnails that should be gone are still there; `None` where none is.
    fn error(&self) -> Option<String> {
        None
    }

    /// Takes those of photos that are being enrolled, where they are committed with the people. To be called by the edit that
    /// enrols them; it does not block.
    fn keep_with_edit(&self, _new: &Arc<[Thumbnail]>) {}

    /// Keeps those that are not kept already and whose photos are in the gallery that `current` gives, nearly always the person's
    /// `person_id`: they may have been deleted or moved since they were enrolled.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when one can't be written, [`crate::error::Error::Unavailable`] without the database.
    fn keep(&self, person_id: &str, new: &[Thumbnail], current: &dyn Fn() -> Arc<Gallery>) -> Result<()>;

    /// The PNG file of a photo; `None` where it has none.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it can't be read, [`crate::error::Error::Unavailable`] without the database.
    fn read(&self, photo_id: &str) -> Result<Option<Vec<u8>>>;

    /// Removes those of these photos, which were deleted, and those that could not be removed before. Where they are deleted with
    /// their photos there is nothing to do.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when one can't be removed; the others are.
    fn remove(&self, _photo_ids: &[String]) -> Result<()> {
        Ok(())
    }

    /// Removes those whose photos are not in the gallery that `current` gives, and what a killed writer left behind. Returns how
    /// many thumbnails were removed.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when the directory can't be read or a file can't be removed; all others are.
    fn sweep(&self, _current: &dyn Fn() -> Arc<Gallery>) -> Result<usize> {
        Ok(0)
    }

    /// Looks again for those that are there, which may be another process's, and says how many of them are of no photo in the
    /// gallery that `current` gives.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when the directory can't be read.
    fn reread(&self, _current: &dyn Fn() -> Arc<Gallery>) -> Result<usize> {
        Ok(0)
    }
}

/// Ids of the photos that have a thumbnail. Locked for moments only: responses wait for it.
#[derive(Debug, Default)]
pub struct ThumbnailIds(RwLock<HashSet<String>>);

impl ThumbnailIds {
    /// Whether the photo has one.
    #[must_use]
    pub fn contains(&self, photo_id: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(photo_id)
    }

    /// All of them.
    #[must_use]
    pub fn sorted(&self) -> Vec<String> {
        let mut ids: Vec<String> =
            self.0.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        ids.sort_unstable();
        ids
    }

    /// Changes them in one step.
    pub fn change<T>(&self, change: impl FnOnce(&mut HashSet<String>) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
