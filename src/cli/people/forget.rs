//! `facerec people forget`.

use anyhow::{Context, ensure};

use super::super::output;
use super::super::place::Place;
use crate::access_log::Action;
use crate::attendance::Forget;
use crate::config::AccessLogArgs;
use crate::gallery::Gallery;

/// What remains where people are in files.
const BESIDE_FILES: &str = "What remains elsewhere, if you have it: the name in the roster (roster.xlsx, roster.ods or roster.csv) and in its \
     earlier versions in rosters/, photos in people/ and in the directory of \
     --keep-photos (which name nobody), replaced-TIME/ directories of `facerec restore --force`, backups, exports of attendance, and the id in the access log.";
/// What remains where they are in a database.
const BESIDE_DATABASE: &str = "What remains elsewhere, if you have it: the name in the roster and in its earlier versions, photos in people/ and in the \
     directories of --keep-photos (which name nobody), backups of the database, data directories that `facerec migrate` took over, exports of \
     attendance, and the id in the access log.";

/// The entry is written also where the person was not enrolled any more: records may have been there.
pub(super) fn forget(id: &str, place: &Place, how: Forget, log: &AccessLogArgs) -> anyhow::Result<()> {
    let kept = place.open()?;
    let log = place.log(log)?;
    let attendance = kept.attendance()?;
    let enrolled = kept.people().current().person(id).is_some();
    if enrolled {
        let of = id.to_owned();
        let without = move |gallery: &Gallery| Ok(gallery.without_people(|person| person.id == of));
        kept.people().edit(Box::new(without))?;
    }
    // From here on something is done: the entry is written and all the rest tried, whatever fails.
    let entries = if attendance.exists() { attendance.forget(id, how) } else { Ok(0) };
    let recorded = log.record(Action::Forget, [id]);
    // Also of somebody who is not enrolled any more: the process that removed the person may have been killed before.
    let thumbnails = kept.sweep_thumbnails();
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
    output::note(if place.database().is_some() { BESIDE_DATABASE } else { BESIDE_FILES });
    ensure!(
        enrolled || entries > 0 || thumbnails > 0,
        "nothing was held about {id:?}: `facerec people list` has the ids"
    );
    Ok(())
}
