//! Reading all people, over several connections that see one state.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::connection::{Connection, Database, LOAD_LIMIT, WORK_LIMIT};
use super::fault::Fault;
use super::rows::{self, Known, PAGE};
use super::stored_thumbnails;
use crate::error::Result;
use crate::gallery::{Gallery, Person};

/// Connections that read beside the first one. The server needs about as long for a photo as this process, so two of them keep
/// two cores busy.
const HELPERS: usize = 1;

/// People who were read together, by the first place that was asked for.
type Pages = Vec<(i64, Vec<Arc<Person>>)>;

/// What is read at the start.
pub(super) struct Loaded {
    /// The state that all else is of.
    pub(super) known: Known,
    pub(super) gallery: Gallery,
    /// Ids of the photos that have one.
    pub(super) thumbnails: HashSet<String>,
}

/// All people, and the state that they are. Locks nothing: others go on changing people meanwhile.
pub(super) fn all(database: &Database, connection: &Connection) -> Result<Loaded> {
    let client = &connection.client;
    let (known, recipe, snapshot, places) = database.within(WORK_LIMIT, async {
        connection.begin_reading().await?;
        client.batch_execute(rows::BY_INDEX).await?;
        let known = rows::state(client, false).await?;
        let recipe = rows::recipe(client).await?;
        let recipe =
            recipe.ok_or_else(|| rows::broken("expected the recipe of the embeddings, found none"))?;
        let snapshot: String = client.query_one("select pg_export_snapshot()", &[]).await?.try_get(0)?;
        Ok((known, recipe, snapshot, rows::places(client).await?))
    })?;
    let (first, last) = places.unwrap_or((0, -1));
    let next = AtomicI64::new(first);
    let helps = last - first >= PAGE as i64;
    let mut pages = std::thread::scope(|scope| -> Result<Pages> {
        let help = || -> Result<Pages> {
            let connection = database.connect()?;
            database.within(WORK_LIMIT, share(&connection, &snapshot))?;
            read(database, &connection, &next, last)
        };
        let helpers: Vec<_> = (0..if helps { HELPERS } else { 0 }).map(|_| scope.spawn(help)).collect();
        let mut pages = read(database, connection, &next, last)?;
        for helper in helpers {
            let read = helper.join().unwrap_or_else(|panic| Err(crate::error::Error::from_panic(&*panic)));
            pages.extend(read?);
        }
        Ok(pages)
    })?;
    let thumbnails = database.within(LOAD_LIMIT, async {
        let found = stored_thumbnails::all(client).await?;
        client.batch_execute("commit").await?;
        Ok(found)
    })?;
    pages.sort_unstable_by_key(|(first, _)| *first);
    let people = pages.into_iter().flat_map(|(_, people)| people).collect();
    let gallery = Gallery::new(recipe, people).map_err(rows::broken)?;
    Ok(Loaded { known, gallery, thumbnails })
}

/// Sees what the transaction sees that exported `snapshot`.
async fn share(connection: &Connection, snapshot: &str) -> Result<(), Fault> {
    connection.begin_reading().await?;
    let take = format!("set transaction snapshot '{}'; {}", snapshot.replace('\'', ""), rows::BY_INDEX);
    Ok(connection.client.batch_execute(&take).await?)
}

/// Reads pages until there are no more; others who do so take other pages.
fn read(database: &Database, connection: &Connection, next: &AtomicI64, last: i64) -> Result<Pages> {
    let size = PAGE as i64;
    let mut pages = Vec::new();
    loop {
        let first = next.fetch_add(size, Ordering::Relaxed);
        if first > last {
            return Ok(pages);
        }
        let page = rows::people_between(&connection.client, first, first + size);
        let people = database.within(LOAD_LIMIT, page)?;
        if !people.is_empty() {
            pages.push((first, people));
        }
    }
}
