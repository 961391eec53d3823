//! The store of people: the only place through which they are read and changed.
//!
//! Recognition searches an immutable in-memory [`Gallery`]; the store provides the current one and replaces it by
//! edits that are durable before they return. Where people are kept is a [`PeopleBackend`]'s business.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file_status::FileStatus;
use crate::error::Result;
use crate::gallery::backend::{PeopleBackend, ReadOnly};
use crate::gallery::writer::GalleryWriter;
use crate::gallery::{Gallery, store};
use crate::reloadable::Reloadable;

/// The enrolled people, where they are kept and in memory.
pub struct PeopleStore {
    backend: Box<dyn PeopleBackend>,
    directory: Option<PathBuf>,
}

impl PeopleStore {
    /// People in a file, who can be edited. Takes the lock on the data directory if it is free, else with the first
    /// edit that finds it free.
    #[must_use]
    pub fn writable(gallery: Reloadable<Gallery>) -> Self {
        let directory = gallery.path().parent().map(Path::to_path_buf);
        Self { backend: Box::new(GalleryWriter::new(Arc::new(gallery))), directory }
    }

    /// A store without a file, for reading only.
    #[must_use]
    pub fn in_memory(gallery: Gallery) -> Self {
        Self::kept_by(ReadOnly::new(gallery))
    }

    /// People who are kept elsewhere than in a data directory.
    #[must_use]
    pub fn kept_by(backend: impl PeopleBackend + 'static) -> Self {
        Self { backend: Box::new(backend), directory: None }
    }

    /// The gallery in use. It never changes; keep it for as long as one response needs it.
    #[must_use]
    pub fn current(&self) -> Arc<Gallery> {
        self.backend.current()
    }

    /// The data directory; `None` for a store without a file.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Checks that edits are possible, before expensive work.
    ///
    /// # Errors
    /// [`InputError::Locked`](crate::error::InputError::Locked) when another process writes to the data directory,
    /// [`Error::Data`](crate::error::Error::Data) when the lock file can't be written,
    /// [`Error::Unavailable`](crate::error::Error::Unavailable) when the database can't be reached.
    pub fn ensure_writable(&self) -> Result<()> {
        self.backend.ensure_writable()
    }

    /// Replaces the gallery by `edit`'s result; durable and in use when this returns. Blocks on the disk or the network.
    ///
    /// # Errors
    /// See [`PeopleBackend::edit`].
    pub fn edit(
        &self,
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
    ) -> Result<Arc<Gallery>> {
        self.backend.edit(Box::new(edit))
    }

    /// Takes changes by others into use. Returns whether there is a new gallery.
    #[allow(clippy::must_use_candidate, reason = "it is called for what it does")]
    pub fn poll(&self) -> bool {
        self.backend.poll()
    }

    /// Whether the gallery in use is that of a file which is there.
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        let is_there = |directory: &PathBuf| directory.join(store::FILE_NAME).is_file();
        self.backend.status().error.is_none() && self.directory.as_ref().is_some_and(is_there)
    }

    /// Whether what is stored is in use, and how often changes by others were taken into use.
    #[must_use]
    pub fn file_status(&self) -> FileStatus {
        self.backend.status().into()
    }
}
