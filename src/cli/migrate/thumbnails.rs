//! Thumbnails from a data directory into a database, and back.

use std::sync::Arc;

use anyhow::ensure;

use crate::cli::data::DataDirectory;
use crate::cli::output::{self, printable};
use crate::error::Result;
use crate::gallery::backend::PeopleBackend;
use crate::gallery::{Gallery, Person};
use crate::postgres::PostgresPeople;
use crate::thumbnails::{DIRECTORY, Thumbnail, ThumbnailStore, Thumbnails};

/// People whose thumbnails go into one transaction: some MiB.
const AT_A_TIME: usize = 20;

/// Takes over those of the photos in the database, and counts them there.
///
/// # Errors
/// When one can't be read or written, or is not there afterwards.
pub(super) fn import(data: &DataDirectory, people: &PostgresPeople) -> anyhow::Result<()> {
    let (files, stored) = (Thumbnails::open(data.directory())?, people.thumbnails());
    let gallery = people.current();
    copy(&files, &stored, &gallery, AT_A_TIME)?;
    let there = stored.stored()?;
    report(&files, &gallery, "the database", |id| there.contains(id))
}

/// Gives those of the people, who are in the file by now, back, and counts them there. Those of other photos are removed.
///
/// # Errors
/// As [`import`].
pub(super) fn export(stored: &PostgresPeople, people: &Gallery, data: &DataDirectory) -> anyhow::Result<()> {
    let from = stored.thumbnails();
    copy(&from, &Thumbnails::open(data.directory())?, people, 1)?;
    data.sweep_thumbnails(people)?;
    let there = Thumbnails::open(data.directory())?.ids();
    let place = data.directory().join(DIRECTORY);
    report(&from, people, &printable(&place), |id| there.contains(id))
}

/// Copies those that are not there yet of the people in `gallery`, so many people at a time.
fn copy(
    from: &dyn ThumbnailStore,
    to: &dyn ThumbnailStore,
    gallery: &Gallery,
    at_a_time: usize,
) -> Result<()> {
    let (there, current) = (to.ids(), Arc::new(gallery.clone()));
    let people: Vec<&Arc<Person>> = gallery.people().iter().collect();
    for people in people.chunks(at_a_time) {
        let photos = people.iter().flat_map(|person| &person.photos);
        let missing = photos.map(|photo| &*photo.id).filter(|id| !there.contains(id));
        let read = |id: &str| -> Result<Option<Thumbnail>> {
            Ok(from.read(id)?.map(|png| Thumbnail { photo_id: id.to_owned(), png }))
        };
        let new = missing.filter_map(|id| read(id).transpose()).collect::<Result<Vec<_>>>()?;
        to.keep(&people[0].id, &new, &|| Arc::clone(&current))?;
    }
    Ok(())
}

/// Says how many were taken over, if any.
fn report(
    from: &dyn ThumbnailStore,
    gallery: &Gallery,
    place: &str,
    is_there: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    let ids = from.ids();
    let photos = gallery.people().iter().flat_map(|person| &person.photos).map(|photo| &*photo.id);
    let expected: Vec<&str> = photos.filter(|id| ids.contains(id)).collect();
    let found = expected.iter().filter(|id| is_there(id)).count();
    ensure!(
        found == expected.len(),
        "expected {} thumbnails in {place}, found {found}: perhaps a service changes them",
        expected.len()
    );
    if found == 0 {
        return Ok(());
    }
    output::line(format_args!("{found} thumbnails are in {place}"))
}
