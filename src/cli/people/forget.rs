//! `facerec people forget`.

use anyhow::ensure;

use super::super::command_log::CommandLog;
use super::super::data::DataDirectory;
use super::super::output;
use crate::access_log::Action;
use crate::attendance::{AttendanceStore, Channels, Forget, SqliteStore};
use crate::config::AccessLogArgs;
use crate::gallery::Gallery;
use crate::thumbnails::Thumbnails;

/// The entry is written also where the person was not enrolled any more: records may have been there.
pub(super) fn forget(id: &str, data: &DataDirectory, how: Forget, log: &AccessLogArgs) -> anyhow::Result<()> {
    let _lock = data.lock()?;
    let log = CommandLog::open(log)?;
    let gallery = data.read_gallery()?;
    let attendance = SqliteStore::open(data.directory(), Channels::default())?;
    let enrolled = gallery.person(id).is_some();
    let entries = if attendance.exists() { attendance.forget(id, how)? } else { 0 };
    let has_thumbnail = has_thumbnail(&gallery, id, data)?;
    if enrolled {
        data.write_gallery(&gallery.without_person(id)?)?;
    }
    log.record(Action::Forget, [id])?;
    if enrolled {
        output::line("removed from the gallery")?;
        if has_thumbnail {
            output::line("removed the thumbnails")?;
        }
    }
    let what = match how {
        Forget::Remove => "removed",
        Forget::Anonymise => "anonymised",
    };
    output::line(format_args!("{what} {entries} entries of attendance"))?;
    output::note(
        "What remains elsewhere, if you have it: the name in the roster (roster.xlsx, roster.ods or roster.csv) and in its \
         earlier versions in rosters/, photos in people/ and in the directory of \
         --keep-photos (which name nobody), backups, exports of attendance, and the id in the access log.",
    );
    ensure!(enrolled || entries > 0, "nothing was held about {id:?}: `facerec people list` has the ids");
    Ok(())
}

/// Whether a photo of the person has a thumbnail, which goes with it.
fn has_thumbnail(gallery: &Gallery, id: &str, data: &DataDirectory) -> anyhow::Result<bool> {
    let kept = Thumbnails::open(data.directory())?.ids();
    let mut photos = gallery.person(id).into_iter().flat_map(|person| &person.photos);
    Ok(photos.any(|photo| kept.contains(&photo.id)))
}
