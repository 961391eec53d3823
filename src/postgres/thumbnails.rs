//! The store of thumbnails in the database, as the service uses it.

use std::collections::HashSet;
use std::sync::Arc;

use super::connection::{Connection, LOAD_LIMIT, RESPONSE_LIMIT};
use super::live::Live;
use super::stored_thumbnails;
use crate::error::{Error, Result};
use crate::gallery::Gallery;
use crate::gallery::backend::locked;
use crate::thumbnails::{Thumbnail, ThumbnailIds, ThumbnailStore};

/// Thumbnails in a database, beside the people. They are committed with their photos, and deleted with them.
pub struct PostgresThumbnails(pub(super) Arc<Live>);

impl PostgresThumbnails {
    /// Ids of all photos that have one by now, read anew.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn stored(&self) -> Result<HashSet<String>> {
        let connection = self.reader()?;
        self.0.database.within(LOAD_LIMIT, stored_thumbnails::all(&connection.client))
    }

    /// The connection of an earlier reader, while it lasts, else a new one. Who waited for an attempt that failed makes no other.
    fn reader(&self) -> Result<Arc<Connection>> {
        let mut reader = locked(&self.0.thumbnails.reader);
        if let Some(open) = reader.as_ref().filter(|open| !open.client.is_closed()) {
            return Ok(Arc::clone(open));
        }
        self.0.ensure_there()?;
        let new = self.0.database.connect().inspect_err(|error| self.0.note_lost(error))?;
        Ok(Arc::clone(reader.insert(Arc::new(new))))
    }

    fn select(&self, connection: &Connection, photo_id: &str) -> Result<Option<Vec<u8>>> {
        self.0.database.within(RESPONSE_LIMIT, stored_thumbnails::png(&connection.client, photo_id))
    }

    /// Over a new connection where the one of before has ended.
    fn select_any(&self, photo_id: &str) -> Result<Option<Vec<u8>>> {
        let connection = self.reader()?;
        match self.select(&connection, photo_id) {
            Err(Error::Unavailable(reason)) if connection.client.is_closed() => {
                tracing::debug!(reason, "connecting again");
                self.select(&*self.reader()?, photo_id)
            }
            read => read,
        }
    }
}

impl ThumbnailStore for PostgresThumbnails {
    fn ids(&self) -> Arc<ThumbnailIds> {
        Arc::clone(&self.0.thumbnails.ids)
    }

    fn keep_with_edit(&self, new: &Arc<[Thumbnail]>) {
        self.0.thumbnails.leave(new);
    }

    /// Nearly always they were committed with their photos.
    fn keep(&self, _: &str, new: &[Thumbnail], _: &dyn Fn() -> Arc<Gallery>) -> Result<()> {
        let missing: Vec<&Thumbnail> =
            new.iter().filter(|new| !self.0.thumbnails.ids.contains(&new.photo_id)).collect();
        if missing.is_empty() { Ok(()) } else { self.0.keep_thumbnails(&missing) }
    }

    /// Where the database is known to be away, nobody waits for it.
    fn read(&self, photo_id: &str) -> Result<Option<Vec<u8>>> {
        if !self.0.thumbnails.ids.contains(photo_id) {
            return Ok(None);
        }
        self.0.ensure_there()?;
        self.select_any(photo_id).inspect_err(|error| {
            *locked(&self.0.thumbnails.reader) = None;
            self.0.note_lost(error);
        })
    }
}
