//! Edits of people. Each is durable and in use when its method returns.

use std::sync::{Arc, mpsc};

use super::Service;
use super::snapshot::Snapshot;
use crate::access_log::Action;
use crate::error::Result;
use crate::gallery::{Gallery, PersonUpdate};

impl Service {
    /// Changes name and ID of the person `id`. The snapshot holds the change.
    ///
    /// # Errors
    /// [`InputError::NotFound`](crate::error::InputError::NotFound),
    /// [`InputError::NameTaken`](crate::error::InputError::NameTaken), and as
    /// [`GalleryWriter::edit`](crate::gallery::writer::GalleryWriter::edit).
    pub async fn update_person(&self, id: &str, update: PersonUpdate) -> Result<Snapshot> {
        let key = id.to_owned();
        self.edit(Action::Change, &[id], move |gallery| gallery.updated(&key, update)).await
    }

    /// Deletes the person `id` with all photos.
    ///
    /// # Errors
    /// [`InputError::NotFound`](crate::error::InputError::NotFound), and as
    /// [`GalleryWriter::edit`](crate::gallery::writer::GalleryWriter::edit).
    pub async fn delete_person(&self, id: &str) -> Result<()> {
        let key = id.to_owned();
        self.edit(Action::Delete, &[id], move |gallery| gallery.without_person(&key)).await.map(drop)
    }

    /// Deletes one photo of the person `id`.
    ///
    /// # Errors
    /// [`InputError::NotFound`](crate::error::InputError::NotFound),
    /// [`InputError::LastPhoto`](crate::error::InputError::LastPhoto), and as
    /// [`GalleryWriter::edit`](crate::gallery::writer::GalleryWriter::edit).
    pub async fn delete_photo(&self, id: &str, photo_id: &str) -> Result<()> {
        let (key, photo_id) = (id.to_owned(), photo_id.to_owned());
        let edit = move |gallery: &Gallery| gallery.without_photo(&key, &photo_id);
        self.edit(Action::DeletePhoto, &[id], edit).await.map(drop)
    }

    /// Moves one photo of the person `from` to the person `to`. The snapshot holds the change.
    ///
    /// # Errors
    /// As [`Gallery::with_moved_photo`] and [`GalleryWriter::edit`](crate::gallery::writer::GalleryWriter::edit).
    pub async fn move_photo(&self, from: &str, photo_id: &str, to: &str) -> Result<Snapshot> {
        let (source, photo_id, target) = (from.to_owned(), photo_id.to_owned(), to.to_owned());
        let edit = move |gallery: &Gallery| gallery.with_moved_photo(&source, &photo_id, &target);
        self.edit(Action::MovePhoto, &[from, to], edit).await
    }

    /// Makes one person, `into`, of two: `from` ceases to be. The snapshot holds the change.
    ///
    /// # Errors
    /// As [`Gallery::merged`] and [`GalleryWriter::edit`](crate::gallery::writer::GalleryWriter::edit).
    pub async fn merge_people(&self, into: &str, from: &str) -> Result<Snapshot> {
        let (target, source) = (into.to_owned(), from.to_owned());
        let (into_entries, from_entries) = (into.to_owned(), from.to_owned());
        let edit = move |gallery: &Gallery| gallery.merged(&target, &source);
        let then = move |service: &Self| service.merge_attendance(&into_entries, &from_entries);
        self.edit_then(Recorded::new(Action::Merge, &[into, from]), edit, then).await
    }

    /// Edits the gallery off the async threads, and records it as `action` on `people`; returns the state that
    /// holds the edit. Both happen also where the request is dropped meanwhile.
    pub(super) async fn edit(
        &self,
        action: Action,
        people: &[&str],
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
    ) -> Result<Snapshot> {
        self.edit_then(Recorded::new(action, people), edit, |_| ()).await
    }

    /// [`Service::edit`], with something to do after an edit that was made.
    pub(super) async fn edit_then(
        &self,
        Recorded { action, people, named }: Recorded,
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
        then: impl FnOnce(&Self) + Send + 'static,
    ) -> Result<Snapshot> {
        let recorder = self.recorder();
        let edited = self.blocking(move |service| {
            let Edited { gallery, photos_lost } = service.edit_gallery(edit)?;
            recorder.record_naming(action, &people, &named);
            then(service);
            service.remove_thumbnails(&photos_lost);
            Ok(gallery)
        });
        Ok(Snapshot { gallery: edited.await?, ..self.snapshot() })
    }
}

impl Service {
    /// Edits the gallery; blocks on the disk.
    ///
    /// # Errors
    /// As [`GalleryWriter::edit`](crate::gallery::writer::GalleryWriter::edit).
    pub(super) fn edit_gallery(
        &self,
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
    ) -> Result<Edited> {
        let (tell, told) = mpsc::channel();
        // Compared with the very gallery that was edited: others edit it at the same time.
        let gallery = self.people().edit(move |old| {
            let new = edit(old)?;
            // Sending fails only when the caller is gone.
            drop(tell.send(old.photos_lost(&new)));
            Ok(new)
        })?;
        Ok(Edited { gallery, photos_lost: told.try_recv().unwrap_or_default() })
    }
}

/// The outcome of an edit.
pub(super) struct Edited {
    /// The gallery with it, and perhaps with later ones.
    pub(super) gallery: Arc<Gallery>,
    /// Ids of the photos that are gone by it.
    pub(super) photos_lost: Vec<String>,
}

/// What the access log says of an edit.
pub(super) struct Recorded {
    action: Action,
    people: Vec<String>,
    named: Vec<String>,
}

impl Recorded {
    /// That `action` concerned `people`.
    pub(super) fn new(action: Action, people: &[&str]) -> Self {
        let people = people.iter().map(|id| (*id).to_owned()).collect();
        Self { action, people, named: Vec::new() }
    }

    /// And that the response names these people, too.
    pub(super) fn naming(self, named: Vec<String>) -> Self {
        Self { named, ..self }
    }
}
