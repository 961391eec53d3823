//! Thumbnails of enrolled photos: kept with an enrolment, served, and removed with their photos.

use std::sync::Arc;

use super::Service;
use crate::access_log::Action;
use crate::error::{Error, InputError, Result};
use crate::gallery::Gallery;
use crate::thumbnails::{Thumbnail, ThumbnailIds, ThumbnailStore};

impl Service {
    /// The thumbnail of a photo of the person `id`, a PNG file.
    ///
    /// # Errors
    /// [`InputError::NotFound`] where there is no such person or photo, or it has none;
    /// [`Error::Data`] when it can't be read; [`Error::Unavailable`] without the database.
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
    pub(super) fn thumbnail_ids(&self) -> Arc<ThumbnailIds> {
        self.0.thumbnails.as_ref().map(|kept| kept.ids()).unwrap_or_default()
    }

    /// Why thumbnails that should be gone are still there.
    pub(super) fn thumbnails_error(&self) -> Option<String> {
        self.0.thumbnails.as_ref().and_then(|kept| kept.error())
    }

    /// The edit, which enrols photos with these thumbnails: a store that commits both together gets them with it.
    pub(super) fn with_thumbnails(
        &self,
        new: &Arc<[Thumbnail]>,
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
    ) -> impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static {
        let (kept, new) = (self.0.thumbnails.clone(), Arc::clone(new));
        move |gallery| {
            let newer = edit(gallery)?;
            kept.inspect(|kept| kept.keep_with_edit(&new));
            Ok(newer)
        }
    }

    /// Keeps those of photos of the person `id` that are enrolled by now. Failures are only logged: the enrolment is durable.
    pub(super) fn keep_thumbnails(&self, id: &str, new: &[Thumbnail]) {
        let kept = self.0.thumbnails.as_ref().map(|kept| kept.keep(id, new, &|| self.people().current()));
        if let Some(Err(error)) = kept {
            tracing::warn!(%error, "thumbnails were not kept");
        }
    }

    /// Removes those of photos that an edit has deleted, and those that could not be removed before.
    pub(super) fn remove_thumbnails(&self, photo_ids: &[String]) {
        let removed = self.0.thumbnails.as_ref().map(|kept| kept.remove(photo_ids));
        warn_of(removed.and_then(Result::err));
    }

    /// At the start, removes those whose photos are gone: those of a process that was killed before it did.
    pub(super) fn sweep_thumbnails(&self) {
        let Some(kept) = self.own_thumbnails() else { return };
        // What another process wrote until the lock was this one's.
        self.people().poll();
        // Without a gallery that can be read, no photo can be told to be gone.
        if self.people().is_on_disk() {
            warn_of(kept.sweep(&|| self.people().current()).err());
        }
    }

    /// Says how many have no photo in a gallery that was put in place by others. They stay until the next start: it may be an older
    /// gallery, or one put there by mistake.
    pub(super) fn look_for_orphans(&self) {
        let Some(kept) = self.own_thumbnails() else { return };
        match kept.reread(&|| self.people().current()) {
            Ok(0) => {}
            Ok(thumbnails) => tracing::warn!(
                thumbnails,
                "the gallery that was put in place lacks photos that have thumbnails: these are removed at the next start"
            ),
            Err(error) => tracing::warn!(%error, "thumbnails can't be looked through"),
        }
    }

    /// While another process writes to the data directory they are that one's.
    fn own_thumbnails(&self) -> Option<&dyn ThumbnailStore> {
        self.0.thumbnails.as_deref().filter(|_| self.people().ensure_writable().is_ok())
    }
}

fn warn_of(error: Option<Error>) {
    if let Some(error) = error {
        tracing::warn!(%error, "thumbnails of deleted photos can't be removed");
    }
}
