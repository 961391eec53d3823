//! `facerec people list` and `show`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use serde_json::json;

use super::super::command_log::CommandLog;
use super::super::data::DataDirectory;
use super::super::output;
use crate::access_log::{Action, history};
use crate::config::AccessLogArgs;
use crate::gallery::{Gallery, Person};
use crate::presentation::people::{PersonDetail, PersonSummary};
use crate::service::snapshot::{Snapshot, is_expired, today};

/// People and roster as they are on the disk.
fn read(data: &DataDirectory) -> anyhow::Result<Snapshot> {
    let (gallery, roster) = (Arc::new(data.read_gallery()?), data.open_roster()?.current());
    Ok(Snapshot { gallery, roster, day: today() })
}

/// Everybody, a line each; as JSON with the members of `GET /v1/people`.
pub(super) fn list(data: &DataDirectory, log: &AccessLogArgs, as_json: bool) -> anyhow::Result<()> {
    let log = CommandLog::open(log)?;
    let snapshot = read(data)?;
    let people = snapshot.gallery.people();
    log.record(Action::List, people.iter().map(|person| person.id.as_str()))?;
    if !as_json {
        return people.iter().try_for_each(|person| print(person, &snapshot));
    }
    let today = today();
    let summaries: Vec<PersonSummary> =
        people.iter().map(|person| PersonSummary::new(person, &snapshot, today)).collect();
    output::json(&json!({ "people": summaries, "total": people.len() }))
}

fn print(person: &Person, snapshot: &Snapshot) -> anyhow::Result<()> {
    let last = snapshot.last_day(person);
    let until = if is_expired(last, snapshot.day) { "expired" } else { "until" };
    let until = last.map(|day| format!("  ({until} {day})")).unwrap_or_default();
    output::line(format_args!("{}  {:>4}  {}{until}", person.id, person.photos.len(), person.name))
}

/// One person, as JSON with the members of `GET /v1/people/{person_id}`; or, with `with_history`, who looked the person up.
pub(super) fn show(
    id: &str,
    data: &DataDirectory,
    log: &AccessLogArgs,
    with_history: bool,
    as_json: bool,
) -> anyhow::Result<()> {
    let snapshot = read(data)?;
    if let (Some(path), true) = (&log.access_log, with_history) {
        return show_history(id, &snapshot.gallery, path);
    }
    let log = CommandLog::open(log)?;
    let person = find(&snapshot.gallery, id)?;
    log.record(Action::Read, [id])?;
    if as_json {
        return output::json(&PersonDetail::new(person, &snapshot, today()));
    }
    print(person, &snapshot)
}

fn show_history(id: &str, gallery: &Gallery, log: &Path) -> anyhow::Result<()> {
    let history = history(log, id)?;
    history.entries.iter().try_for_each(output::json)?;
    if gallery.person(id).is_none() {
        output::note("This person is not enrolled (any more).");
    }
    if history.unreadable > 0 {
        output::note(format_args!(
            "{} lines can't be read: cut off, or not of an access log.",
            history.unreadable
        ));
    }
    Ok(())
}

/// The person with this id, or what has the ids.
pub(super) fn find<'a>(gallery: &'a Gallery, id: &str) -> anyhow::Result<&'a Person> {
    let missing =
        || format!("expected the id of an enrolled person, found {id:?}: `facerec people list` has the ids");
    gallery.person(id).with_context(missing)
}
