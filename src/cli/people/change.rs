//! `facerec people rename` and `remove`.

use std::collections::HashSet;
use std::io::{self, IsTerminal};

use anyhow::{Context, bail, ensure};

use super::super::command_log::CommandLog;
use super::super::data::DataDirectory;
use super::super::output;
use super::read::find;
use crate::access_log::Action;
use crate::config::AccessLogArgs;
use crate::error::{Error, InputError};
use crate::gallery::{Gallery, Person, PersonUpdate};
use crate::person_name::PersonName;

/// Gives the person `id` another name, unless somebody has it in any spelling.
pub(super) fn rename(id: &str, name: &str, data: &DataDirectory, log: &AccessLogArgs) -> anyhow::Result<()> {
    let name = PersonName::parse_new(name)?;
    let _lock = data.lock()?;
    let log = CommandLog::open(log)?;
    let gallery = data.read_gallery()?;
    let old = find(&gallery, id)?.name.clone();
    let update = PersonUpdate { name: Some(name.clone()), ..PersonUpdate::default() };
    let renamed = gallery.updated(id, update).map_err(|error| whose_name(error, &gallery))?;
    data.write_gallery(&renamed, || log.record(Action::Change, [id]))?;
    output::line(format_args!("renamed {old} to {name}"))
}

/// A taken name with the person who has it.
pub(super) fn whose_name(error: Error, gallery: &Gallery) -> anyhow::Error {
    let Error::Input(InputError::NameTaken { person_id }) = &error else { return error.into() };
    let owner = gallery.person(person_id).map_or_else(String::new, |person| person.name.to_string());
    anyhow::anyhow!(name_taken(&owner, person_id))
}

/// That the name is the one of `owner`.
pub(super) fn name_taken(owner: &str, id: &str) -> String {
    format!("expected a name that nobody has, found that of {owner} ({id})")
}

/// Removes all of these people, or nobody.
pub(super) fn remove(
    ids: &[String],
    data: &DataDirectory,
    yes: bool,
    log: &AccessLogArgs,
) -> anyhow::Result<()> {
    let _lock = data.lock()?;
    let log = CommandLog::open(log)?;
    let gallery = data.read_gallery()?;
    let people = chosen(&gallery, ids)?;
    if !yes {
        confirm_all(&people)?;
    }
    let ids: HashSet<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let left = gallery.without_people(|person| ids.contains(person.id.as_str()));
    data.write_gallery(&left, || log.record(Action::Delete, people.iter().map(|person| person.id.as_str())))?;
    print_removed(&people)
}

/// The people `ids`, each once.
///
/// # Errors
/// When one is not there.
pub(super) fn chosen<'g>(gallery: &'g Gallery, ids: &[String]) -> anyhow::Result<Vec<&'g Person>> {
    let mut seen = HashSet::new();
    let ids = ids.iter().filter(|id| seen.insert(id.as_str()));
    ids.map(|id| find(gallery, id)).collect()
}

/// Asks whether these people are to be removed.
///
/// # Errors
/// As [`confirm`].
pub(super) fn confirm_all(people: &[&Person]) -> anyhow::Result<()> {
    let shown: Vec<(&str, &str)> =
        people.iter().map(|person| (person.id.as_str(), person.name.as_str())).collect();
    confirm(&shown)
}

/// Says who was removed.
pub(super) fn print_removed(people: &[&Person]) -> anyhow::Result<()> {
    people.iter().try_for_each(|person| output::line(format_args!("removed {}", person.name)))
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
