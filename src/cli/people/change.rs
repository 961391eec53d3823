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
use crate::gallery::{Gallery, PersonUpdate};
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
fn whose_name(error: Error, gallery: &Gallery) -> anyhow::Error {
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
    ids.iter().try_for_each(|id| find(&gallery, id).map(drop))?;
    let mut ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    let people = ids.iter().map(|id| find(&gallery, id)).collect::<anyhow::Result<Vec<_>>>()?;
    let names: Vec<String> = people.iter().map(|person| person.name.to_string()).collect();
    if !yes {
        let shown: Vec<(&str, &str)> =
            people.iter().map(|person| (person.id.as_str(), person.name.as_str())).collect();
        confirm(&shown)?;
    }
    let left = gallery.without_people(|person| seen.contains(person.id.as_str()));
    data.write_gallery(&left, || log.record(Action::Delete, ids))?;
    names.iter().try_for_each(|name| output::line(format_args!("removed {name}")))
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
