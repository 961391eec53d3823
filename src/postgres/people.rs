//! The store of people in the database, as the service uses it.

use std::sync::Arc;

use super::connection::{Database, LOAD_LIMIT};
use super::dismissals::PostgresDismissals;
use super::keys::PostgresKeys;
use super::live::Live;
use super::roster::PostgresRoster;
use super::thumbnails::PostgresThumbnails;
use super::{follow, load, rows, schema};
use crate::allocator;
use crate::error::Result;
use crate::gallery::backend::{BackendStatus, Edit, EditQueue, Outcome, PeopleBackend};
use crate::gallery::{Gallery, Recipe};

/// The recipe of a database's embeddings; `None` in one that is new. Makes the tables.
///
/// # Errors
/// [`Error::Unavailable`](crate::error::Error::Unavailable); [`Error::Data`](crate::error::Error::Data) for a server that is too old, or tables of a newer facerec.
pub fn stored_recipe(database: &Database) -> Result<Option<Recipe>> {
    let mut connection = database.connect()?;
    database.within(LOAD_LIMIT, async {
        schema::migrate(&mut connection.client).await?;
        rows::recipe(&connection.client).await
    })
}

/// People in a database, with all of them in memory. A thread follows what others change, until this is dropped.
pub struct PostgresPeople {
    live: Arc<Live>,
    queue: EditQueue,
}

impl PostgresPeople {
    /// Reads all people; a new database begins with nobody, and with `recipe`. What is read is changed by `adapt` before it is in
    /// use.
    ///
    /// # Errors
    /// As [`stored_recipe`]; what `adapt` says.
    pub fn open(
        database: Database,
        recipe: &Recipe,
        adapt: impl Fn(Gallery) -> Result<Gallery> + Send + Sync + 'static,
    ) -> Result<Self> {
        let mut connection = database.connect()?;
        database.within(LOAD_LIMIT, async {
            schema::migrate(&mut connection.client).await?;
            rows::begin_with(&connection.client, recipe).await
        })?;
        allocator::keep_freed_pages();
        let mut loaded = load::all(&database, &connection)?;
        loaded.gallery = adapt(loaded.gallery)?;
        loaded.gallery.prepare();
        allocator::give_back_freed_pages();
        let live = Arc::new(Live::new(database, Box::new(adapt), loaded, connection));
        let connection = live.database.connect()?;
        live.roster.catch_up(&live.database, &connection)?;
        live.keys.catch_up(&live.database, &connection)?;
        follow::start(&live)?;
        Ok(Self { live, queue: EditQueue::default() })
    }
}

impl PostgresPeople {
    /// The roster beside the people.
    #[must_use]
    pub fn roster(&self) -> PostgresRoster {
        PostgresRoster(Arc::clone(&self.live))
    }

    /// The thumbnails beside the people.
    #[must_use]
    pub fn thumbnails(&self) -> PostgresThumbnails {
        PostgresThumbnails(Arc::clone(&self.live))
    }

    /// The dismissed findings beside the people.
    #[must_use]
    pub fn dismissals(&self) -> PostgresDismissals {
        PostgresDismissals(Arc::clone(&self.live))
    }

    /// The API keys beside the people.
    #[must_use]
    pub fn keys(&self) -> PostgresKeys {
        PostgresKeys(Arc::clone(&self.live))
    }
}

impl PeopleBackend for PostgresPeople {
    fn current(&self) -> Arc<Gallery> {
        self.live.people.current()
    }

    /// Where the database is known to be away, nobody waits for it.
    fn ensure_writable(&self) -> Result<()> {
        self.live.ensure_there()
    }

    fn edit(&self, edit: Edit) -> Outcome {
        self.ensure_writable()?;
        self.queue.submit(edit, |batch| self.live.commit(batch))
    }

    /// A thread of its own looks sooner.
    fn poll(&self) -> bool {
        false
    }

    fn status(&self) -> BackendStatus {
        BackendStatus {
            name: "database",
            reloads: self.live.people.reloads(),
            error: self.live.people.error(),
        }
    }
}
