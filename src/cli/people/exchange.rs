//! `facerec people export` and `import`: people of one gallery into another.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::super::command_log::CommandLog;
use super::super::data::DataDirectory;
use super::super::output::{self, printable};
use super::file;
use super::read::find;
use crate::access_log::Action;
use crate::atomic_file;
use crate::config::AccessLogArgs;
use crate::gallery::{Gallery, Recipe};

/// Name of the file in a directory.
const FILE_NAME: &str = "people.json";
/// Names in a message about people who can't be imported.
const SHOWN: usize = 10;

/// Writes the people `ids`, or everybody; over a file that is there only with `force`.
pub(super) fn export(
    ids: &[String],
    data: &DataDirectory,
    output: &Path,
    force: bool,
    log: &AccessLogArgs,
) -> anyhow::Result<()> {
    let log = CommandLog::open(log)?;
    let gallery = data.read_gallery()?;
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
pub(super) fn import(path: &Path, data: &DataDirectory, log: &AccessLogArgs) -> anyhow::Result<()> {
    let path = in_directory(path);
    let new = file::read(&path)?;
    let _lock = data.lock()?;
    let log = CommandLog::open(log)?;
    let old =
        if data.gallery().exists() { data.read_gallery()? } else { Gallery::empty(new.recipe().clone()) };
    let joined = join(old, &new).with_context(|| format!("nobody was imported from {}", printable(&path)))?;
    data.write_gallery(&joined, || {
        log.record(Action::Enroll, new.people().iter().map(|person| person.id.as_str()))
    })?;
    output::line(format_args!(
        "imported {} people with {} photos; {} has {} people now",
        new.len(),
        new.photo_count(),
        data.gallery().display(),
        joined.len()
    ))
}

/// `old` with the people of `new` at the end.
fn join(old: Gallery, new: &Gallery) -> anyhow::Result<Gallery> {
    let old = if old.is_empty() { Gallery::empty(new.recipe().clone()) } else { old };
    check_recipes(old.recipe(), new.recipe())?;
    let known: Vec<String> = new.people().iter().filter_map(|person| taken(&old, person)).collect();
    if !known.is_empty() {
        let more = known.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        bail!(
            "expected people who are not enrolled, found {}{more}: rename or remove them on one side, or export only \
             the others by their ids",
            known[..known.len().min(SHOWN)].join("; ")
        );
    }
    let mut joined = old;
    for person in new.people() {
        joined = joined.with_person((**person).clone()).with_context(|| person.name.to_string())?;
    }
    Ok(joined)
}

/// Who of `gallery` is in the way of a person.
fn taken(gallery: &Gallery, person: &crate::gallery::Person) -> Option<String> {
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
