//! The people in memory and the state of the database that they are: edits, and catching up with others.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::connection::{Connection, Database, LOAD_LIMIT, RESPONSE_LIMIT, WORK_LIMIT};
use super::fault::Fault;
use super::in_use::InUse;
use super::load::{self, Loaded};
use super::rows::{self, Known, PAGE};
use super::stored_keys::StoredKeys;
use super::stored_roster::StoredRoster;
use super::stored_thumbnails::{self, StoredThumbnails};
use crate::error::{Error, Result};
use crate::gallery::backend::{Batch, Outcome, locked};
use crate::gallery::{Changes, Gallery, Person};
use crate::thumbnails::Thumbnail;

/// How long the server is asked whether a commit was made whose response was lost, and the pause between two tries.
const OUTCOME_LIMIT: Duration = Duration::from_secs(15);
const OUTCOME_PAUSE: Duration = Duration::from_millis(500);

/// What becomes of all people that were read, before they are in use.
pub(super) type Adapt = Box<dyn Fn(Gallery) -> Result<Gallery> + Send + Sync>;

/// The people in memory, and the way to those in the database.
pub(super) struct Live {
    pub(super) database: Database,
    pub(super) roster: StoredRoster,
    pub(super) keys: StoredKeys,
    pub(super) thumbnails: StoredThumbnails,
    adapt: Adapt,
    /// Locked by who brings the gallery in use up to date.
    memory: Mutex<Memory>,
    pub(super) people: InUse<Gallery>,
}

/// Which state is in memory.
struct Memory {
    known: Known,
    /// Of the edit before, if that went well.
    writer: Option<Connection>,
}

impl Live {
    /// With what was loaded.
    pub(super) fn new(database: Database, adapt: Adapt, loaded: Loaded, writer: Connection) -> Self {
        let Loaded { known, gallery, thumbnails: found } = loaded;
        let thumbnails = StoredThumbnails::default();
        thumbnails.ids.change(|ids| *ids = found);
        Self {
            database,
            roster: StoredRoster::default(),
            keys: StoredKeys::default(),
            thumbnails,
            adapt,
            memory: Mutex::new(Memory { known, writer: Some(writer) }),
            people: InUse::new(gallery),
        }
    }

    /// Commits edits in one transaction. It is the first thing in it to lock the newest state and to catch up with it, so that
    /// the edits are applied to what they will change.
    pub(super) fn commit(&self, batch: Batch) {
        let mut memory = locked(&self.memory);
        let connection = match self.ensure_there().and_then(|()| self.begin(&mut memory)) {
            Ok(connection) => connection,
            Err(error) => {
                self.note_lost(&error);
                return batch.refuse(error);
            }
        };
        let current = self.people.current();
        let (newest, applied) = batch.apply(&current, |edit, gallery| {
            let newer = edit(gallery)?;
            rows::check_recipe(gallery.recipe(), newer.recipe())?;
            rows::check(&newer.changes_since(gallery))?;
            Ok(newer)
        });
        let thumbnails = self.thumbnails.take();
        let outcome = match newest {
            Some(newest) => self.write(&mut memory, connection, &current, newest, &thumbnails),
            None => self.end(&mut memory, connection).map(|()| current),
        };
        if let Err(error) = &outcome {
            self.note_lost(error);
        }
        applied.notify(outcome);
    }

    /// Where the database is known to be away, nobody waits for it.
    pub(super) fn ensure_there(&self) -> Result<()> {
        self.people.error().map_or(Ok(()), |error| Err(Error::Unavailable(error.message)))
    }

    /// Notes at once what the thread that follows may learn later. It is that thread that says when the database is back.
    pub(super) fn note_lost(&self, error: &Error) {
        if let (Error::Unavailable(_), None) = (error, self.people.error()) {
            self.lost(error);
        }
    }

    /// A connection whose transaction holds the newest state, which is in memory, too. The connection of the edit before may have
    /// ended meanwhile.
    fn begin(&self, memory: &mut Memory) -> Result<Connection> {
        if let Some(connection) = memory.writer.take().filter(|connection| !connection.client.is_closed()) {
            match self.begin_on(memory, connection) {
                Err(Error::Unavailable(reason)) => tracing::debug!(reason, "connecting again"),
                begun => return begun,
            }
        }
        self.begin_on(memory, self.database.connect()?)
    }

    fn begin_on(&self, memory: &mut Memory, connection: Connection) -> Result<Connection> {
        let client = &connection.client;
        loop {
            // A server that hangs is known by the first response; another process may hold the newest state for a while.
            let begin = async {
                let begun = tokio::time::timeout(RESPONSE_LIMIT, client.batch_execute("begin")).await;
                Ok(begun.map_err(|_| Fault::TimedOut)??)
            };
            let news = self.database.within(WORK_LIMIT, async {
                let ((), now) = tokio::try_join!(biased; begin, rows::state(client, true))?;
                news(client, memory.known, now).await
            })?;
            match news {
                News::None => return Ok(connection),
                News::Changes(newer) => {
                    self.take(memory, newer)?;
                    return Ok(connection);
                }
                News::TooMany => {}
            }
            // Reading all people takes a while: other processes must not wait for the newest state as long.
            self.run(&connection, "rollback")?;
            self.take_all(memory, &connection)?;
        }
    }

    /// Ends a transaction that changed nothing.
    fn end(&self, memory: &mut Memory, connection: Connection) -> Result<()> {
        self.run(&connection, "rollback")?;
        memory.writer = Some(connection);
        Ok(())
    }

    fn run(&self, connection: &Connection, sql: &str) -> Result<()> {
        self.database.within(WORK_LIMIT, async { Ok(connection.client.batch_execute(sql).await?) })
    }

    /// Writes what leads from the gallery `current` to `newest`, with thumbnails of photos that are new in it, and takes that into use.
    fn write(
        &self,
        memory: &mut Memory,
        connection: Connection,
        current: &Arc<Gallery>,
        newest: Gallery,
        thumbnails: &[Arc<[Thumbnail]>],
    ) -> Outcome {
        let changes = newest.changes_since(current);
        if changes.is_empty() {
            return self.end(memory, connection).map(|()| Arc::clone(current));
        }
        let next = memory.known.next()?;
        let new = stored_thumbnails::of_people(&changes.saved, thumbnails.iter().flat_map(|new| &**new));
        let client = &connection.client;
        let is_large = changes.saved.len() + changes.removed.len() > PAGE;
        self.database.within(if is_large { LOAD_LIMIT } else { WORK_LIMIT }, async {
            rows::save(client, current, &changes, next).await?;
            stored_thumbnails::insert(client, &new).await
        })?;
        self.commit_as(memory, connection, next)?;
        self.thumbnails.note(&current.photos_lost(&newest), new.iter().map(|new| new.photo_id.clone()));
        newest.prepare();
        Ok(self.people.swap(newest))
    }

    /// Keeps thumbnails of photos that are enrolled already. It is a change of their people, so that other processes look for
    /// thumbnails of these.
    pub(super) fn keep_thumbnails(&self, new: &[&Thumbnail]) -> Result<()> {
        let mut memory = locked(&self.memory);
        self.try_keep_thumbnails(&mut memory, new).inspect_err(|error| self.note_lost(error))
    }

    fn try_keep_thumbnails(&self, memory: &mut Memory, new: &[&Thumbnail]) -> Result<()> {
        self.ensure_there()?;
        let connection = self.begin(memory)?;
        let gallery = self.people.current();
        let ids: HashSet<&str> = new.iter().map(|new| new.photo_id.as_str()).collect();
        let has_one = |person: &&Arc<Person>| person.photos.iter().any(|photo| ids.contains(&*photo.id));
        let people: Vec<Arc<Person>> = gallery.people().iter().filter(has_one).cloned().collect();
        let new = stored_thumbnails::of_people(&people, new.iter().copied());
        if new.is_empty() {
            return self.end(memory, connection);
        }
        let next = memory.known.next()?;
        let client = &connection.client;
        let people: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
        self.database.within(WORK_LIMIT, async {
            stored_thumbnails::insert(client, &new).await?;
            rows::announce(client, next, &people).await
        })?;
        self.commit_as(memory, connection, next)?;
        self.thumbnails.note(&[], new.iter().map(|new| new.photo_id.clone()));
        Ok(())
    }

    /// Commits what was written as the state `next`.
    fn commit_as(&self, memory: &mut Memory, connection: Connection, next: Known) -> Result<()> {
        match self.run(&connection, "commit") {
            Ok(()) => memory.writer = Some(connection),
            Err(error) => {
                self.note_lost(&error);
                drop(connection);
                if !self.was_committed(next)? {
                    return Err(error);
                }
            }
        }
        memory.known = next;
        Ok(())
    }

    /// Whether the commit of the state `next` was made although its response was lost. Waits for its transaction to end.
    fn was_committed(&self, next: Known) -> Result<bool> {
        let committed = self.database.hosts().and_then(|hosts| {
            self.database.within(OUTCOME_LIMIT, async {
                loop {
                    match self.ask(&hosts, next).await {
                        Ok(known) => return Ok(known),
                        Err(_) => tokio::time::sleep(OUTCOME_PAUSE).await,
                    }
                }
            })
        });
        // Whatever the error is, the commit may have been made.
        committed
            .map_err(|error| Error::Unknown(format!("whether a commit was made can't be asked: {error}")))
    }

    async fn ask(&self, hosts: &[tokio_postgres::Config], next: Known) -> std::result::Result<bool, Fault> {
        let connection = self.database.connect_to_one(hosts).await?;
        connection.client.batch_execute("begin").await?;
        rows::state(&connection.client, true).await?;
        rows::is_ancestor(&connection.client, next).await
    }

    /// Brings the gallery in use up to date, if others have changed it. Waits while an edit is made here.
    pub(super) fn catch_up(&self, connection: &Connection) -> Result<()> {
        let client = &connection.client;
        let now = self.database.within(RESPONSE_LIMIT, rows::state(client, false))?;
        let mut memory = locked(&self.memory);
        if now == memory.known {
            return Ok(());
        }
        // Edits wait for this.
        self.database.within(RESPONSE_LIMIT, connection.begin_reading())?;
        let found = self.database.within(LOAD_LIMIT, async {
            let now = rows::state(client, false).await?;
            let news = news(client, memory.known, now).await?;
            client.batch_execute("commit").await?;
            Ok(news)
        })?;
        match found {
            News::None => Ok(()),
            News::Changes(newer) => self.take(&mut memory, newer),
            News::TooMany => self.take_all(&mut memory, connection),
        }
    }

    /// Takes what others have changed into use.
    fn take(&self, memory: &mut Memory, Newer { now, changes, thumbnails }: Newer) -> Result<()> {
        let before = self.people.current();
        let gallery = before.with_changes(&changes)?;
        self.thumbnails.note(&before.photos_lost(&gallery), thumbnails);
        self.follow(memory, now, gallery);
        Ok(())
    }

    /// Takes all people into use as they are stored.
    fn take_all(&self, memory: &mut Memory, connection: &Connection) -> Result<()> {
        let Loaded { known, gallery, thumbnails } = load::all(&self.database, connection)?;
        let gallery = (self.adapt)(gallery)?;
        self.thumbnails.ids.change(|ids| *ids = thumbnails);
        self.follow(memory, known, gallery);
        Ok(())
    }

    fn follow(&self, memory: &mut Memory, now: Known, gallery: Gallery) {
        gallery.prepare();
        self.people.follow(gallery);
        memory.known = now;
    }

    /// Notes that the database can't be followed.
    pub(super) fn lost(&self, error: &Error) {
        if self.people.fail(error.to_string()) {
            tracing::warn!("{error}; recognition goes on with the people in memory, nothing can be changed");
        }
    }

    /// Notes that it is followed.
    pub(super) fn followed(&self) {
        if self.people.recover() {
            tracing::info!("the database is back");
        }
    }
}

/// What happened between two states.
enum News {
    None,
    Changes(Newer),
    /// So much that the changes are not listed, or another history.
    TooMany,
}

/// Changed people, and the state that they are.
struct Newer {
    now: Known,
    changes: Changes,
    /// Ids of their photos that have one.
    thumbnails: Vec<String>,
}

/// What leads from `known` to `now`, the newest state in this transaction.
async fn news(client: &tokio_postgres::Client, known: Known, now: Known) -> std::result::Result<News, Fault> {
    if now == known {
        return Ok(News::None);
    }
    if !rows::is_ancestor(client, known).await? {
        return Ok(News::TooMany);
    }
    let changes = rows::changes(client, known).await?;
    let thumbnails = stored_thumbnails::those_of(client, &changes.saved).await?;
    Ok(News::Changes(Newer { now, changes, thumbnails }))
}
