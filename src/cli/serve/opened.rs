//! What is read before anything is served.

use std::sync::Arc;

use crate::audit::dismissals::DismissalStore;
use crate::keys::backend::KeysBackend;
use crate::service::models::LoadedModels;
use crate::service::people::PeopleStore;
use crate::service::roster::RosterStore;
use crate::thumbnails::ThumbnailStore;

/// The networks, and what is kept in files or in a database.
pub(super) struct Opened {
    pub(super) loaded: LoadedModels,
    pub(super) people: PeopleStore,
    pub(super) roster: RosterStore,
    /// The API keys of the database.
    pub(super) keys: Option<Arc<dyn KeysBackend>>,
    /// The dismissed findings of the database.
    pub(super) dismissals: Option<Box<dyn DismissalStore>>,
    /// The thumbnails of the database.
    pub(super) thumbnails: Option<Arc<dyn ThumbnailStore>>,
}
