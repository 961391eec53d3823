//! Thumbnails in their table, and which photos have one. A trigger deletes them with their photos.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use super::connection::Connection;
use super::fault::Fault;
use crate::gallery::Person;
use crate::gallery::backend::locked;
use crate::thumbnails::{Thumbnail, ThumbnailIds};

/// Thumbnails written at a time: some MiB.
const PAGE: usize = 64;

/// Which photos of the gallery in use have a thumbnail.
#[derive(Default)]
pub(super) struct StoredThumbnails {
    pub(super) ids: Arc<ThumbnailIds>,
    /// Of photos that the edits of the next commit enrol.
    waiting: Mutex<Vec<Arc<[Thumbnail]>>>,
    /// A connection for reading. Several readers use it at once; it is locked to be taken, and while it is made.
    pub(super) reader: Mutex<Option<Arc<Connection>>>,
}

impl StoredThumbnails {
    /// Leaves thumbnails to the commit of the edit that is being applied.
    pub(super) fn leave(&self, new: &Arc<[Thumbnail]>) {
        locked(&self.waiting).push(Arc::clone(new));
    }

    /// Those that were left to this commit, and perhaps some of edits that failed.
    pub(super) fn take(&self) -> Vec<Arc<[Thumbnail]>> {
        std::mem::take(&mut locked(&self.waiting))
    }

    /// Notes that photos were deleted, and that photos have a thumbnail.
    pub(super) fn note(&self, deleted: &[String], new: impl IntoIterator<Item = String>) {
        self.ids.change(|ids| {
            for id in deleted {
                ids.remove(id);
            }
            ids.extend(new);
        });
    }
}

/// Those of `new` whose photos are the people's.
pub(super) fn of_people<'n>(
    people: &[Arc<Person>],
    new: impl IntoIterator<Item = &'n Thumbnail>,
) -> Vec<&'n Thumbnail> {
    let photos: HashSet<&str> =
        people.iter().flat_map(|person| &person.photos).map(|photo| &*photo.id).collect();
    new.into_iter().filter(|new| photos.contains(new.photo_id.as_str())).collect()
}

/// Ids of all photos that have one.
pub(super) async fn all(client: &(impl GenericClient + Sync)) -> Result<HashSet<String>, Fault> {
    let rows = client.query_typed("select photo_id from thumbnails", &[]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// Ids of those photos of the people that have one.
pub(super) async fn those_of(
    client: &(impl GenericClient + Sync),
    people: &[Arc<Person>],
) -> Result<Vec<String>, Fault> {
    let photos: Vec<&str> = people.iter().flat_map(|person| &person.photos).map(|photo| &*photo.id).collect();
    let select = "select photo_id from thumbnails where photo_id = any($1)";
    let rows = client.query_typed(select, &[(&photos, Type::TEXT_ARRAY)]).await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// The PNG file of a photo, where it has one.
pub(super) async fn png(
    client: &(impl GenericClient + Sync),
    photo_id: &str,
) -> Result<Option<Vec<u8>>, Fault> {
    let select = "select png from thumbnails where photo_id = $1";
    let row = client.query_typed_opt(select, &[(&photo_id, Type::TEXT)]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Writes thumbnails of photos that are stored, in the transaction that holds the newest state.
pub(super) async fn insert(client: &(impl GenericClient + Sync), new: &[&Thumbnail]) -> Result<(), Fault> {
    let insert = "insert into thumbnails (photo_id, png) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing";
    for page in new.chunks(PAGE) {
        let ids: Vec<&str> = page.iter().map(|new| new.photo_id.as_str()).collect();
        let files: Vec<&[u8]> = page.iter().map(|new| new.png.as_slice()).collect();
        client.execute_typed(insert, &[(&ids, Type::TEXT_ARRAY), (&files, Type::BYTEA_ARRAY)]).await?;
    }
    Ok(())
}
