//! `facerec people rename` and `remove`.

use std::collections::HashSet;
use std::io::{self, IsTerminal};

use anyhow::{Context, bail, ensure};

use super::super::output;
use super::super::place::Place;
use super::read::find;
use crate::access_log::Action;
use crate::config::AccessLogArgs;
use crate::error::{Error, InputError};
use crate::gallery::{Gallery, Person, PersonUpdate};
use crate::person_name::PersonName;

/// Gives the person `id` another name, unless somebody has it in any spelling by then.
pub(super) fn rename(id: &str, name: &str, place: &Place, log: &AccessLogArgs) -> anyhow::Result<()> {
    let name = PersonName::parse_new(name)?;
    let kept = place.open()?;
    let log = place.log(log)?;
    let old = find(&kept.people().current(), id)?.name.clone();
    let update = PersonUpdate { name: Some(name.clone()), ..PersonUpdate::default() };
    let of = id.to_owned();
    let edit = Box::new(move |gallery: &Gallery| gallery.updated(&of, update));
    let edited = kept.edit(edit, &mut |_| log.record(Action::Change, [id]));
    edited.map_err(|error| whose_name(error, &kept.people().current()))?;
    output::line(format_args!("renamed {old} to {name}"))
}

/// A taken name with the person who has it.
fn whose_name(error: anyhow::Error, gallery: &Gallery) -> anyhow::Error {
    let Some(Error::Input(InputError::NameTaken { person_id })) = error.downcast_ref() else { return error };
    let owner = gallery.person(person_id).map_or_else(String::new, |person| person.name.to_string());
    anyhow::anyhow!(name_taken(&owner, person_id))
}

/// That the name is the one of `owner`.
pub(super) fn name_taken(owner: &str, id: &str) -> String {
    format!("expected a name that nobody has, found that of {owner} ({id})")
}

/// Removes all of these people, or nobody.
pub(super) fn remove(ids: &[String], place: &Place, yes: bool, log: &AccessLogArgs) -> anyhow::Result<()> {
    let kept = place.open()?;
    let log = place.log(log)?;
    let gallery = kept.people().current();
    let people = chosen(&gallery, ids)?;
    if !yes {
        confirm_all(&people)?;
    }
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let gone = ids.clone();
    let edit = Box::new(move |gallery: &Gallery| {
        gone.iter().try_fold(gallery.clone(), |gallery, id| gallery.without_person(id))
    });
    kept.edit(edit, &mut |_| log.record(Action::Delete, ids.iter().map(String::as_str)))?;
    people.iter().try_for_each(|person| output::line(format_args!("removed {}", person.name)))
}

/// The people `ids`, each once.
///
/// # Errors
/// When one is not there.
fn chosen<'g>(gallery: &'g Gallery, ids: &[String]) -> anyhow::Result<Vec<&'g Person>> {
    let mut seen = HashSet::new();
    let ids = ids.iter().filter(|id| seen.insert(id.as_str()));
    ids.map(|id| find(gallery, id)).collect()
}

/// Asks whether these people are to be removed.
///
/// # Errors
/// As [`confirm`].
fn confirm_all(people: &[&Person]) -> anyhow::Result<()> {
    let shown: Vec<(&str, &str)> =
        people.iter().map(|person| (person.id.as_str(), person.name.as_str())).collect();
    confirm(&shown)
}

/// Asks whether these people, id and name, are to be removed.
///
/// # Errors
/// When they are not, or there is nobody to ask.
pub(super) fn confirm(people: &[(&str, &str)]) -> anyhow::Result<()> {
    for (id, name) in people {
        output::note(format_args!("{id}  {name}"));
    }
    ensure!(confirmed(people.len())?, "nobody was removed");
    Ok(())
}

/// Asks on the terminal.
fn confirmed(people: usize) -> anyhow::Result<bool> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        bail!("expected --yes, since there is no terminal to ask on; nobody was removed");
    }
    output::note(format_args!("Remove {people} of the enrolled people, with all their photos? [y/N]"));
    let mut answer = String::new();
    stdin.read_line(&mut answer).context("the answer can't be read")?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
