//! Enrolment of a directory with one subdirectory per person, named as the person, holding the photos.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::known::set_known_aside;
use super::{GateParams, Leniency, Outcome, QualityGate};
use crate::error::{DataError, Operation, Result};
use crate::gallery::{EnrolledPhoto, Gallery, Person};
use crate::person_name::PersonName;
use crate::photo_file;
use crate::pipeline::Pipeline;

/// A photo of a directory of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPhoto {
    /// The person: the directory's name.
    pub name: PersonName,
    /// The file.
    pub path: PathBuf,
}

/// Something in the directory that can't be a photo of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What.
    pub path: PathBuf,
    /// Why: what was expected and found.
    pub why: String,
}

/// What lies in a directory of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeopleListing {
    /// Everyone with a directory, once, sorted by it; also those without a photo in it.
    pub people: Vec<PersonName>,
    /// Sorted by the person's directory, then by file.
    pub photos: Vec<ListedPhoto>,
    /// What was left out, hidden files apart.
    pub skipped: Vec<Skipped>,
}

/// The outcome for one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoReport {
    /// Which.
    pub photo: ListedPhoto,
    /// Whether it is enrolled, and why not.
    pub outcome: Outcome,
}

/// The outcome for each photo, and the gallery with the accepted ones.
#[derive(Debug)]
pub struct EnrollmentReport {
    /// Those who were enrolled before, then everyone with at least one accepted photo, in the order of the directories.
    pub gallery: Gallery,
    /// Everyone with a directory, in the order of the directories.
    pub people: Vec<PersonName>,
    /// In the order of the photos.
    pub photos: Vec<PhotoReport>,
    /// What was left out, hidden files apart.
    pub skipped: Vec<Skipped>,
}

impl EnrollmentReport {
    /// Everyone who ended without a photo, in the order of the directories.
    pub fn left_out(&self) -> impl Iterator<Item = &PersonName> {
        self.people.iter().filter(|name| self.gallery.person_by_name(name).is_none())
    }
}

/// Lists `directory`: in it one directory a person, in each of them files. Hidden ones are left out.
///
/// # Errors
/// [`crate::error::Error::Data`] when `directory` itself can't be read; anything in it that can't be used is
/// [`Skipped`].
pub fn list_people(directory: &Path) -> Result<PeopleListing> {
    let people = entries(directory)
        .map_err(DataError::io(format!("the directory {}", directory.display()), Operation::Read))?;
    let (mut contents, mut names) = (PeopleListing::default(), HashMap::new());
    for path in people {
        match person_of(&path, &names)
            .and_then(|name| Ok((name, entries(&path).map_err(|error| format!("can't be read: {error}"))?)))
        {
            Ok((name, files)) => {
                if files.is_empty() {
                    let why = "expected photos in the directory, found none".to_owned();
                    contents.skipped.push(Skipped { path, why });
                }
                contents.add(&name, files);
                if names.insert(name.key().to_owned(), name.clone()).is_none() {
                    contents.people.push(name);
                }
            }
            Err(why) => contents.skipped.push(Skipped { path, why }),
        }
    }
    Ok(contents)
}

impl PeopleListing {
    /// A file that can't be read is found out when it is read; what is no file is not opened: a pipe
    /// would never end.
    fn add(&mut self, name: &PersonName, files: Vec<PathBuf>) {
        for path in files {
            match std::fs::metadata(&path) {
                Ok(about) if !about.is_file() => {
                    let why = "expected a photo, found no file".to_owned();
                    self.skipped.push(Skipped { path, why });
                }
                _ => self.photos.push(ListedPhoto { name: name.clone(), path }),
            }
        }
    }
}

/// The person of a directory, when `others`, by key, have theirs.
fn person_of(
    directory: &Path,
    others: &HashMap<String, PersonName>,
) -> std::result::Result<PersonName, String> {
    if !directory.is_dir() {
        return Err("expected a directory named as a person, found something else".to_owned());
    }
    let name = directory.file_name().and_then(|name| name.to_str());
    let name = name.ok_or("expected a name in Unicode (UTF-8), found other bytes")?;
    let name = PersonName::parse_new(name).map_err(|error| error.to_string())?;
    match others.get(name.key()) {
        Some(other) if *other != name => Err(format!(
            "expected another name, found that of the directory \"{other}\" in another spelling: put the photos of one \
             person together, or tell two people apart"
        )),
        _ => Ok(name),
    }
}

fn entries(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Enrols photos into `base`, which is empty for a new gallery: all are looked at, then judged together and against those of
/// `base`; photos that their person has already are skipped. Without `force`, a person whose photos are all weak keeps the best one. `progress` is told before the first and after each how many are done,
/// and may cancel; the result is `None` then. Two directories whose names differ only in their Unicode form
/// are one person.
///
/// # Errors
/// [`crate::error::Error::Model`] when a network can't be run; [`crate::error::Error::Input`] for a name that can't be one.
pub fn enroll_people(
    pipeline: &Pipeline,
    listing: PeopleListing,
    base: &Gallery,
    params: GateParams,
    force: bool,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<EnrollmentReport>> {
    let PeopleListing { people, photos, mut skipped } = listing;
    let mut gate = QualityGate::new(pipeline, base, params);
    for (done, photo) in photos.iter().enumerate() {
        if progress(done).is_break() {
            return Ok(None);
        }
        match photo_file::read(&photo.path) {
            Ok(bytes) => gate.look(&photo.name, &bytes)?,
            Err(reason) => gate.unreadable(reason),
        }
    }
    let leniency = if force { Leniency::Force } else { Leniency::KeepBest };
    let all_looked_at = photos.len();
    let mut check = || match progress(all_looked_at) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Cancelled),
    };
    let outcomes = check().and_then(|()| gate.judge(leniency, &mut check));
    let Ok(outcomes) = outcomes else { return Ok(None) };
    let report = |(photo, outcome)| PhotoReport { photo, outcome };
    let mut photos: Vec<PhotoReport> = photos.into_iter().zip(outcomes).map(report).collect();
    set_known_aside(&mut photos, &mut skipped);
    let gallery = with_accepted(base, &photos)?;
    Ok(Some(EnrollmentReport { gallery, people, photos, skipped }))
}

/// `progress` said to stop.
struct Cancelled;

/// The gallery with the accepted photos: those of people who are in it, and new people in the order of the photos.
fn with_accepted(base: &Gallery, photos: &[PhotoReport]) -> Result<Gallery> {
    let mut gallery = base.clone();
    let mut new = Vec::new();
    for (name, photos) in accepted(photos) {
        match base.person_by_name(name) {
            Some(person) => gallery = gallery.with_photos(&person.id, photos)?,
            None => new.push(Arc::new(Person::new(name.clone(), None, photos))),
        }
    }
    let people = gallery.people().iter().cloned().chain(new).collect();
    Gallery::new(base.recipe().clone(), people)
}

/// Everyone with an accepted photo.
fn accepted(photos: &[PhotoReport]) -> Vec<(&PersonName, Vec<EnrolledPhoto>)> {
    let mut people: Vec<(&PersonName, Vec<EnrolledPhoto>)> = Vec::new();
    let mut index: HashMap<&PersonName, usize> = HashMap::new();
    for PhotoReport { photo, outcome } in photos {
        let Outcome::Accepted { photo: enrolled, .. } = outcome else { continue };
        let at = *index.entry(&photo.name).or_insert_with(|| {
            people.push((&photo.name, Vec::new()));
            people.len() - 1
        });
        people[at].1.push(enrolled.clone());
    }
    people
}
