//! `facerec people export` and `import`: people of one gallery into another.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::super::output::{self, printable};
use super::super::place::Place;
use super::file;
use super::read::find;
use crate::access_log::Action;
use crate::atomic_file;
use crate::config::AccessLogArgs;
use crate::error::{InputError, Result};
use crate::gallery::{Gallery, Person, Recipe};

/// Name of the file in a directory.
const FILE_NAME: &str = "people.json";
/// Names in a message about people who can't be imported.
const SHOWN: usize = 10;

/// Writes the people `ids`, or everybody; over a file that is there only with `force`.
pub(super) fn export(
    ids: &[String],
    place: &Place,
    output: &Path,
    force: bool,
    log: &AccessLogArgs,
) -> anyhow::Result<()> {
    let kept = place.read()?;
    let log = place.log(log)?;
    let gallery = kept.people().current();
    ids.iter().try_for_each(|id| find(&gallery, id).map(drop))?;
    let (chosen, _) = gallery.subset(|person| ids.is_empty() || ids.contains(&person.id));
    let path = in_directory(output);
    output::ensure_new(&path, force)?;
    let text = file::to_json(&chosen)?;
    atomic_file::replace_private(&path, |to| to.write_all(text.as_bytes()))
        .with_context(|| format!("{} can't be written", printable(&path)))?;
    log.record(Action::Export, chosen.people().iter().map(|person| person.id.as_str()))?;
    output::line(format_args!(
        "wrote {} ({}, margin {}, {} people, {} photos)",
        printable(&path),
        chosen.recipe().model,
        chosen.recipe().margin_px,
        chosen.len(),
        chosen.photo_count()
    ))
}

fn in_directory(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(FILE_NAME) } else { path.to_path_buf() }
}

/// Adds everybody in the file, or nobody.
pub(super) fn import(path: &Path, place: &Place, log: &AccessLogArgs) -> anyhow::Result<()> {
    let path = in_directory(path);
    let new = file::read(&path)?;
    let nobody = || format!("nobody was imported from {}", printable(&path));
    // Before a new place is made: two in the file may have one name.
    join(&Gallery::empty(new.recipe().clone()), &new).with_context(nobody)?;
    let kept = place.open_or_new(new.recipe())?;
    let log = place.log(log)?;
    let old = kept.people().current();
    if !old.is_empty() {
        check_recipes(old.recipe(), new.recipe()).with_context(nobody)?;
    }
    let ids: Vec<String> = new.people().iter().map(|person| person.id.clone()).collect();
    let (people, photos) = (new.len(), new.photo_count());
    let edit = Box::new(move |old: &Gallery| join(old, &new));
    let record = &mut |_: &Gallery| log.record(Action::Enroll, ids.iter().map(String::as_str));
    let joined = kept.edit(edit, record).with_context(nobody)?;
    output::line(format_args!(
        "imported {people} people with {photos} photos; {} has {} people now",
        kept.shown(),
        joined.len()
    ))
}

/// `old` with the people of `new` at the end.
fn join(old: &Gallery, new: &Gallery) -> Result<Gallery> {
    let known: Vec<String> = new.people().iter().filter_map(|person| taken(old, person)).collect();
    if !known.is_empty() {
        let more = known.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        let message = format!(
            "expected people who are not enrolled, found {}{more}: rename or remove them on one side, or export only \
             the others by their ids",
            known[..known.len().min(SHOWN)].join("; ")
        );
        return Err(InputError::Conflict(message).into());
    }
    let joined = if old.is_empty() { Gallery::empty(new.recipe().clone()) } else { old.clone() };
    new.people().iter().try_fold(joined, |joined, person| joined.with_person((**person).clone()))
}

/// Who of `gallery` is in the way of a person.
fn taken(gallery: &Gallery, person: &Person) -> Option<String> {
    let other = gallery.person(&person.id).or_else(|| gallery.person_by_name(&person.name))?;
    Some(format!("{} ({}), enrolled as {} ({})", person.name, person.id, other.name, other.id))
}

/// Embeddings of another model or margin are noise.
fn check_recipes(old: &Recipe, new: &Recipe) -> anyhow::Result<()> {
    ensure!(
        (old.model.as_str(), old.margin_px) == (new.model.as_str(), new.margin_px),
        "expected people of the model {} at margin {}, as the gallery's, found {} at margin {}: enrol their photos \
         instead, with `facerec enroll PEOPLE_DIR --add`",
        old.model,
        old.margin_px,
        new.model,
        new.margin_px
    );
    if old.model_sha256.zip(new.model_sha256).is_some_and(|(old, new)| old != new) {
        output::note(
            "facerec: the two galleries were made by different files of the model: if the people are not recognised, \
             enrol their photos again",
        );
    }
    Ok(())
}
