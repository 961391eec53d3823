//! Gallery, roster, statistics of strangers and attendance of a data directory.

use std::path::Path;
use std::sync::Arc;

use super::super::data::DataDirectory;
use super::super::output::printable;
use super::check::Check;
use crate::attendance::{Channels, SqliteStore};
use crate::config::{DEFAULT_MIN_PROBABILITY, FaceArgs};
use crate::gallery::{Gallery, store};
use crate::models::ModelStore;
use crate::roster::Roster;
use crate::service::replace_roster::unmatched;
use crate::service::strangers::StrangerStatistics;

const GALLERY: &str = "gallery";
const MODEL: &str = "model";
const STATISTICS: &str = "statistics";
const ROSTER: &str = "roster";
const ATTENDANCE: &str = "attendance";

/// All of them. `models` is searched first for models, `strangers` are the service's own statistics.
pub(super) fn all(data: &DataDirectory, models: Option<&Path>, strangers: Option<&Path>) -> Vec<Check> {
    let mut checks = Vec::new();
    let gallery = match open(data) {
        Ok((check, gallery)) => {
            checks.push(check);
            gallery
        }
        Err(check) => {
            checks.push(check);
            None
        }
    };
    if let Some(gallery) = &gallery {
        checks.push(model(gallery, models));
        checks.push(statistics(gallery, models, strangers));
    }
    checks.push(roster(data, gallery.as_ref()));
    checks.push(attendance(data));
    checks
}

/// `None` for the gallery where there is none yet.
fn open(data: &DataDirectory) -> Result<(Check, Option<Gallery>), Check> {
    let (path, directory) = (data.gallery(), printable(data.directory()));
    if !path.exists() {
        let next = format!("`facerec enroll PEOPLE_DIR --data {directory}`, or enrol through the service");
        return Ok((
            Check::warn(GALLERY, format!("{}: none, nobody is enrolled", printable(&path)), next),
            None,
        ));
    }
    let gallery = store::read(&path).map_err(|error| {
        let next = format!("`facerec restore BACKUP --data {directory} --force`, or enrol again");
        Check::fail(GALLERY, error.to_string(), next)
    })?;
    let recipe = gallery.recipe();
    let detail = format!(
        "{} people, {} photos, of the model {} at margin {}",
        gallery.len(),
        gallery.photo_count(),
        recipe.model,
        recipe.margin_px
    );
    Ok((Check::ok(GALLERY, detail), Some(gallery)))
}

/// The gallery's model is needed to compare anything with it.
fn model(gallery: &Gallery, models: Option<&Path>) -> Check {
    let recipe = gallery.recipe();
    let read = ModelStore::new(models).and_then(|store| store.embedder(&recipe.model));
    match read {
        Err(error) => Check::fail(
            MODEL,
            format!("the gallery needs the model {}: {error}", recipe.model),
            format!("`facerec models install {}`", recipe.model),
        ),
        Ok((_, sha256)) if recipe.model_sha256.is_some_and(|made_by| made_by != sha256) => Check::warn(
            MODEL,
            format!("the gallery was made by another file of the model {}", recipe.model),
            "if faces are not recognised, enrol again",
        ),
        Ok(_) => Check::ok(MODEL, format!("{}, which made the gallery, is installed", recipe.model)),
    }
}

fn statistics(gallery: &Gallery, models: Option<&Path>, strangers: Option<&Path>) -> Check {
    let recipe = gallery.recipe();
    let faces = FaceArgs {
        // Asked for, so that their absence is an error.
        false_name_rate: Some(crate::config::DEFAULT_FALSE_NAME_RATE),
        threshold: None,
        strangers: strangers.map(Path::to_path_buf),
        min_probability: DEFAULT_MIN_PROBABILITY,
    };
    let attached =
        StrangerStatistics::load(&faces, models, &recipe.model).and_then(|all| all.attach(gallery.clone()));
    match attached.map(|gallery| gallery.cohort().map(Arc::clone)) {
        Ok(Some(cohort)) => {
            let origin = cohort.origin();
            Check::ok(STATISTICS, format!("of strangers, from {} people: {}", origin.people, origin.source))
        }
        Ok(None) => Check::ok(STATISTICS, "none are needed"),
        Err(error) => {
            let next = format!("`facerec strangers fit PHOTOS_DIR -o FILE --margin-px {}`", recipe.margin_px);
            Check::warn(STATISTICS, error.to_string(), next)
        }
    }
}

fn roster(data: &DataDirectory, gallery: Option<&Gallery>) -> Check {
    let path = data.roster();
    let shown = printable(&path);
    if !path.exists() {
        let next = format!("put one there, with columns Name and ID, as {shown}");
        return Check::warn(ROSTER, "none: people have only the IDs that they were enrolled with", next);
    }
    let roster = match Roster::read_file(&path) {
        Ok(roster) => roster,
        Err(error) => {
            return Check::fail(
                ROSTER,
                format!("{shown}: {error}"),
                "correct the file, or bring an old one back on the page",
            );
        }
    };
    if let [first, others @ ..] = roster.warnings() {
        let more = if others.is_empty() { String::new() } else { format!(" (and {} more)", others.len()) };
        return Check::warn(ROSTER, format!("{shown}: {first}{more}"), format!("correct {shown}"));
    }
    let (names, people) = gallery.map_or((0, 0), |gallery| unmatched(&roster, gallery));
    let detail = format!(
        "{} names; {people} enrolled people have no row, {names} rows have no face",
        roster.rows().len()
    );
    if people + names == 0 {
        return Check::ok(ROSTER, detail);
    }
    let next = format!("`facerec audit --data {}` lists them", printable(data.directory()));
    Check::warn(ROSTER, detail, next)
}

fn attendance(data: &DataDirectory) -> Check {
    let store = SqliteStore::unmigrated(data.directory(), Channels::default());
    if !store.exists() {
        return Check::ok(ATTENDANCE, "none was taken yet");
    }
    let restore = || format!("`facerec restore BACKUP --data {} --force`", printable(data.directory()));
    match store.integrity() {
        Ok(faults) if faults.is_empty() => Check::ok(ATTENDANCE, "the database is whole"),
        Ok(faults) => {
            Check::fail(ATTENDANCE, format!("the database is damaged: {}", faults.join("; ")), restore())
        }
        Err(error) => Check::fail(ATTENDANCE, error.to_string(), restore()),
    }
}
