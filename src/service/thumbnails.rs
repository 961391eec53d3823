//! Thumbnails of enrolled photos: kept with an enrolment, served, and removed with their photos.

use std::collections::HashSet;
use std::sync::Arc;

use super::Service;
use crate::access_log::Action;
use crate::error::{InputError, Result};
use crate::thumbnails::{Thumbnail, Thumbnails};

impl Service {
    /// The thumbnail of a photo of the person `id`, a PNG file.
    ///
    /// # Errors
    /// [`InputError::NotFound`] where there is no such person or photo, or it has none;
    /// [`Error::Data`](crate::error::Error::Data) when it can't be read.
    pub async fn thumbnail(&self, id: &str, photo_id: &str) -> Result<Vec<u8>> {
        let snapshot = self.snapshot();
        snapshot.person(id)?;
        if snapshot.photo(id, photo_id).is_none() {
            return Err(InputError::NotFound("the person has no photo with this id".to_owned()).into());
        }
        let (recorder, id, photo_id) = (self.recorder(), id.to_owned(), photo_id.to_owned());
        self.blocking(move |service| {
            let kept = service.0.thumbnails.as_ref();
            let png = kept.map(|kept| kept.read(&photo_id)).transpose()?.flatten();
            let png = png.ok_or_else(|| InputError::NotFound("the photo has no thumbnail".to_owned()))?;
            recorder.record(Action::Read, [id.as_str()]);
            Ok(png)
        })
        .await
    }

    /// Ids of the photos that have one.
    pub(super) fn thumbnail_ids(&self) -> Arc<HashSet<String>> {
        self.0.thumbnails.as_ref().map(Thumbnails::ids).unwrap_or_default()
    }

    /// Keeps those of photos that are enrolled by now. Failures are only logged: the enrolment is durable.
    pub(super) fn keep_thumbnails(&self, new: &[Thumbnail]) {
        let kept = self.0.thumbnails.as_ref().map(|kept| kept.keep(new, || self.people().current()));
        if let Some(Err(error)) = kept {
            tracing::warn!(%error, "thumbnails were not kept");
        }
    }

    /// Removes those whose photos are gone. While another process writes to the data directory they are that one's.
    pub(super) fn sweep_thumbnails(&self) {
        let Some(kept) = self.0.thumbnails.as_ref() else { return };
        if self.people().ensure_writable().is_err() {
            return;
        }
        if let Err(error) = kept.sweep(|| self.people().current()) {
            tracing::warn!(%error, "thumbnails of deleted photos can't be removed");
        }
    }
}
