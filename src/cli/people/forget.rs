//! `facerec people forget`.

use anyhow::{Context, ensure};

use super::super::command_log::CommandLog;
use super::super::data::DataDirectory;
use super::super::output;
use crate::access_log::Action;
use crate::attendance::{AttendanceStore, Channels, Forget, SqliteStore};
use crate::config::AccessLogArgs;
use crate::gallery::store;

/// The entry is written also where the person was not enrolled any more: records may have been there.
pub(super) fn forget(id: &str, data: &DataDirectory, how: Forget, log: &AccessLogArgs) -> anyhow::Result<()> {
    let _lock = data.lock()?;
    let log = CommandLog::open(log)?;
    let gallery = data.read_gallery()?;
    let attendance = SqliteStore::open(data.directory(), Channels::default())?;
    let enrolled = gallery.person(id).is_some();
    let left = if enrolled { gallery.without_person(id)? } else { gallery };
    if enrolled {
        store::write(&data.gallery(), &left)?;
    }
    // From here on something is done: the entry is written and all the rest tried, whatever fails.
    let entries = if attendance.exists() { attendance.forget(id, how) } else { Ok(0) };
    let recorded = log.record(Action::Forget, [id]);
    // Also of somebody who is not enrolled any more: the process that removed the person may have been killed before.
    let thumbnails = data.sweep_thumbnails(&left);
    let entries = entries.context("removed from the gallery, if enrolled, but not from attendance")?;
    recorded?;
    let thumbnails = thumbnails?;
    if enrolled {
        output::line("removed from the gallery")?;
    }
    if thumbnails > 0 {
        output::line(format_args!("removed {thumbnails} thumbnails"))?;
    }
    let what = match how {
        Forget::Remove => "removed",
        Forget::Anonymise => "anonymised",
    };
    output::line(format_args!("{what} {entries} entries of attendance"))?;
    output::note(
        "What remains elsewhere, if you have it: the name in the roster (roster.xlsx, roster.ods or roster.csv) and in its \
         earlier versions in rosters/, photos in people/ and in the directory of \
         --keep-photos (which name nobody), replaced-TIME/ directories of `facerec restore --force`, backups, exports of attendance, and the id in the access log.",
    );
    ensure!(
        enrolled || entries > 0 || thumbnails > 0,
        "nothing was held about {id:?}: `facerec people list` has the ids"
    );
    Ok(())
}
