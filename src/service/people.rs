//! The store of people: the only place through which gallery and writer are reached.
//!
//! Recognition searches an immutable in-memory [`Gallery`]; the store provides the current one and replaces it by
//! edits that are durable before they return. Another store (a database) implements the same methods: `current`
//! from memory, `edit` as a transaction followed by a new snapshot, `poll` as a check for changes by other writers.

use std::path::Path;
use std::sync::Arc;

use super::file_status::FileStatus;
use crate::error::{InputError, Result};
use crate::gallery::Gallery;
use crate::gallery::writer::{GALLERY, GalleryWriter};
use crate::reloadable::Reloadable;

/// The enrolled people, on disk and in memory.
pub struct PeopleStore {
    gallery: Arc<Reloadable<Gallery>>,
    /// `None` for a store that is only read.
    writer: Option<GalleryWriter>,
}

impl PeopleStore {
    /// A store whose people can be edited. Takes the lock on the data directory if it is free, else with the first
    /// edit that finds it free.
    #[must_use]
    pub fn writable(gallery: Reloadable<Gallery>) -> Self {
        let gallery = Arc::new(gallery);
        Self { writer: Some(GalleryWriter::new(Arc::clone(&gallery))), gallery }
    }

    /// A store without a file, for reading only.
    #[must_use]
    pub fn in_memory(gallery: Gallery) -> Self {
        Self { gallery: Arc::new(Reloadable::with_value(Path::new(""), GALLERY, gallery)), writer: None }
    }

    /// The gallery in use. It never changes; keep it for as long as one response needs it.
    #[must_use]
    pub fn current(&self) -> Arc<Gallery> {
        self.gallery.current()
    }

    /// The data directory; `None` for a store without a file.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.writer.as_ref().and(self.gallery.path().parent())
    }

    /// The data directory, for a change beside the people.
    ///
    /// # Errors
    /// As [`PeopleStore::ensure_writable`]; [`InputError::Conflict`] for a store without a file.
    pub fn writable_directory(&self) -> Result<&Path> {
        self.ensure_writable()?;
        self.directory().ok_or_else(|| read_only().into())
    }

    /// Checks that edits are possible, before expensive work.
    ///
    /// # Errors
    /// [`InputError::Locked`] when another process writes to the data directory,
    /// [`Error::Data`](crate::error::Error::Data) when the lock file can't be written.
    pub fn ensure_writable(&self) -> Result<()> {
        self.writer()?.ensure_lock()
    }

    /// Replaces the gallery by `edit`'s result; durable and in use when this returns. Blocks on the disk.
    ///
    /// # Errors
    /// See [`GalleryWriter::edit`].
    pub fn edit(
        &self,
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
    ) -> Result<Arc<Gallery>> {
        self.writer()?.edit(edit)
    }

    /// Rereads the file if it has changed. Returns whether there is a new gallery.
    pub fn poll(&self) -> bool {
        self.gallery.poll()
    }

    /// Whether the file is in use, and how often it was reread.
    #[must_use]
    pub fn file_status(&self) -> FileStatus {
        FileStatus::of("gallery", &self.gallery)
    }

    fn writer(&self) -> Result<&GalleryWriter> {
        Ok(self.writer.as_ref().ok_or_else(read_only)?)
    }
}

fn read_only() -> InputError {
    InputError::Conflict("the people are open for reading only".to_owned())
}
