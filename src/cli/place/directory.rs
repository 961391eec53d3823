//! People in the files of a data directory.

use std::sync::Arc;

use crate::attendance::{AttendanceStore, Channels, SqliteStore};
use crate::audit::dismissals::{DismissalFile, DismissalStore};
use crate::cli::data::{DataDirectory, note_warnings};
use crate::cli::output::printable;
use crate::error::Result;
use crate::gallery::backend::{PeopleBackend, ReadOnly};
use crate::gallery::writer::{GALLERY, GalleryWriter};
use crate::gallery::{Gallery, Recipe};
use crate::reloadable::Reloadable;
use crate::roster::Roster;
use crate::service::roster::RosterStore;
use crate::thumbnails::{ThumbnailStore, Thumbnails};

use super::kept::Kept;

/// People of a directory. As long as they may be changed, this holds the lock on it.
pub(super) struct InDirectory {
    data: DataDirectory,
    people: Box<dyn PeopleBackend>,
}

impl InDirectory {
    /// To be read.
    pub(super) fn read(data: &DataDirectory) -> anyhow::Result<Self> {
        Ok(Self { data: data.clone(), people: Box::new(ReadOnly::new(data.read_gallery()?)) })
    }

    /// To be changed.
    pub(super) fn open(data: &DataDirectory) -> anyhow::Result<Self> {
        let lock = data.lock()?;
        data.ensure_gallery()?;
        let people = GalleryWriter::with_lock(Arc::new(data.open_gallery()?), lock);
        Ok(Self { data: data.clone(), people: Box::new(people) })
    }

    /// To be changed, or a new one; its file is written by the first edit.
    pub(super) fn open_or_new(data: &DataDirectory, recipe: &Recipe) -> anyhow::Result<Self> {
        if data.gallery().exists() {
            return Self::open(data);
        }
        let lock = data.lock()?;
        let new = Reloadable::with_value(&data.gallery(), GALLERY, Gallery::empty(recipe.clone()));
        let people = GalleryWriter::with_lock(Arc::new(new), lock);
        Ok(Self { data: data.clone(), people: Box::new(people) })
    }
}

impl Kept for InDirectory {
    fn people(&self) -> &dyn PeopleBackend {
        &*self.people
    }

    fn roster(&self) -> anyhow::Result<RosterStore> {
        Ok(RosterStore::new(self.data.open_roster()?))
    }

    fn dismissals(&self) -> Box<dyn DismissalStore> {
        Box::new(DismissalFile::of(self.data.directory()))
    }

    fn attendance(&self) -> Result<Arc<dyn AttendanceStore>> {
        Ok(Arc::new(SqliteStore::open(self.data.directory(), Channels::default())?))
    }

    fn thumbnails(&self) -> Result<Box<dyn ThumbnailStore>> {
        Ok(Box::new(Thumbnails::open(self.data.directory())?))
    }

    fn sweep_thumbnails(&self) -> anyhow::Result<usize> {
        self.data.sweep_thumbnails(&self.people.current())
    }

    fn shown(&self) -> String {
        printable(&self.data.gallery())
    }

    fn note_warnings(&self, roster: &Roster) {
        let path = self.data.roster();
        note_warnings(&printable(&path), path.exists(), roster);
    }
}
