//! `facerec people list` and `show`.

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use super::super::output;
use super::super::place::Place;
use crate::access_log::{Action, History};
use crate::config::AccessLogArgs;
use crate::gallery::{Gallery, Person};
use crate::presentation::people::{PersonDetail, PersonSummary};

/// Everybody, a line each; as JSON with the members of `GET /v1/people`.
pub(super) fn list(place: &Place, log: &AccessLogArgs, as_json: bool) -> anyhow::Result<()> {
    let snapshot = &place.read()?.snapshot()?;
    let log = place.log(log)?;
    let (people, today) = (snapshot.gallery.people().iter(), snapshot.day);
    log.record(Action::List, people.clone().map(|person| person.id.as_str()))?;
    print_list(people.map(|person| PersonSummary::new(person, snapshot, today)).collect(), as_json)
}

/// Prints people as the API has them.
pub(super) fn print_list<P: Serialize>(people: Vec<P>, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let total = people.len();
        return output::json(&People { people, total });
    }
    people.iter().try_for_each(|person| print(&serde_json::to_value(person)?))
}

#[derive(Serialize)]
struct People<P> {
    people: Vec<P>,
    total: usize,
}

/// A line about a person, as the API has it.
fn print(person: &Value) -> anyhow::Result<()> {
    let text = |member: &str| person[member].as_str().unwrap_or_default();
    let photos = person["photos"].as_array().map(|photos| photos.len() as u64);
    let photos = photos.or_else(|| person["photos"].as_u64()).unwrap_or_default();
    // Days are in the order of their text.
    let last = ["expires", "roster_expires"].into_iter().filter_map(|member| person[member].as_str()).min();
    let until = if person["expired"] == true { "expired" } else { "until" };
    let until = last.map(|day| format!("  ({until} {day})")).unwrap_or_default();
    output::line(format_args!("{}  {photos:>4}  {}{until}", text("id"), text("name")))
}

/// One person, as JSON with the members of `GET /v1/people/{person_id}`.
pub(super) fn show(id: &str, place: &Place, log: &AccessLogArgs, as_json: bool) -> anyhow::Result<()> {
    let snapshot = &place.read()?.snapshot()?;
    let log = place.log(log)?;
    let person = find(&snapshot.gallery, id)?;
    log.record(Action::Read, [id])?;
    print_person(&PersonDetail::new(person, snapshot, snapshot.day), as_json)
}

/// Prints a person, as the API has one, with the photos.
pub(super) fn print_person(person: &impl Serialize, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return output::json(person);
    }
    let person = serde_json::to_value(person)?;
    print(&person)?;
    person["photos"].as_array().into_iter().flatten().try_for_each(print_photo)
}

/// A photo: id, mean distance to the person's others, what is to be known of it, file name.
fn print_photo(photo: &Value) -> anyhow::Result<()> {
    let id = photo["id"].as_str().unwrap_or_default();
    let distance = photo["distance_to_others"].as_f64();
    let distance = distance.map_or_else(|| "   -".to_owned(), |distance| format!("{distance:.2}"));
    let weak = if photo["weak"] == true { "  (weak)" } else { "" };
    let name = photo["file_name"].as_str().map(|name| format!("  {name}")).unwrap_or_default();
    output::line(format_args!("  photo {id}  {distance}{weak}{name}"))
}

/// Prints what the access log says of a person.
pub(super) fn show_history(history: &History, enrolled: bool) -> anyhow::Result<()> {
    history.entries.iter().try_for_each(output::json)?;
    if !enrolled {
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
    gallery.person(id).with_context(|| unknown(id))
}

/// That nobody has the id.
pub(super) fn unknown(id: &str) -> String {
    format!("expected the id of an enrolled person, found {id:?}: `facerec people list` has the ids")
}
