//! Enrolment of a directory with one subdirectory per person, named as the person, holding the photos.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{GateParams, Outcome, QualityGate, Reason};
use crate::error::{DataError, Operation, Result};
use crate::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
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
    /// Whether it is enrolled.
    pub accepted: bool,
    /// Why not; of an accepted photo, what `force` overrode.
    pub reasons: Vec<Reason>,
}

/// The outcome for each photo, and the gallery of the accepted ones.
#[derive(Debug)]
pub struct EnrollmentReport {
    /// Everyone with at least one accepted photo, in the order of the directorys.
    pub gallery: Gallery,
    /// In the order of the photos.
    pub photos: Vec<PhotoReport>,
}

/// Lists `directory`: in it one directory a person, in each of them files. Hidden ones are left out.
///
/// # Errors
/// [`crate::error::Error::Data`] when `directory` itself can't be read; anything in it that can't be used is
/// [`Skipped`].
pub fn list_people(directory: &Path) -> Result<PeopleListing> {
    let people = entries(directory)
        .map_err(DataError::io(format!("the directory {}", directory.display()), Operation::Read))?;
    let mut contents = PeopleListing::default();
    for path in people {
        match person_of(&path)
            .and_then(|name| Ok((name, entries(&path).map_err(|error| format!("can't be read: {error}"))?)))
        {
            Ok((_, files)) if files.is_empty() => {
                let why = "expected photos in the directory, found none".to_owned();
                contents.skipped.push(Skipped { path, why });
            }
            Ok((name, files)) => contents.add(&name, files),
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

fn person_of(directory: &Path) -> std::result::Result<PersonName, String> {
    if !directory.is_dir() {
        return Err("expected a directory named as a person, found something else".to_owned());
    }
    let name = directory.file_name().and_then(|name| name.to_str());
    let name = name.ok_or("expected a name in Unicode (UTF-8), found other bytes")?;
    PersonName::parse(name).map_err(|error| error.to_string())
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

/// Enrols photos into a new gallery. `progress` is told before the first and after each how many are done,
/// and may cancel; the result is `None` then. Two directorys whose names differ only in their Unicode form
/// are one person.
///
/// # Errors
/// [`crate::error::Error::Model`] when a network can't be run; [`crate::error::Error::Input`] for a name that can't be one.
pub fn enroll_people(
    pipeline: &Pipeline,
    photos: Vec<ListedPhoto>,
    recipe: Recipe,
    params: GateParams,
    force: bool,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<EnrollmentReport>> {
    let empty = Gallery::empty(recipe);
    let mut gate = QualityGate::new(pipeline, &empty, params);
    let mut people: Vec<(PersonName, Vec<EnrolledPhoto>)> = Vec::new();
    let mut reports = Vec::with_capacity(photos.len());
    for photo in photos {
        if progress(reports.len()).is_break() {
            return Ok(None);
        }
        let outcome = match photo_file::read(&photo.path) {
            Ok(bytes) => gate.assess(&photo.name, &bytes, force)?,
            Err(reason) => Outcome::Rejected { reasons: vec![Reason::NotAnImage(reason)] },
        };
        let (accepted, reasons) = match outcome {
            Outcome::Rejected { reasons } => (false, reasons),
            Outcome::Accepted { photo: enrolled, overridden } => {
                match people.iter_mut().find(|(name, _)| *name == photo.name) {
                    Some((_, photos)) => photos.push(enrolled),
                    None => people.push((photo.name.clone(), vec![enrolled])),
                }
                (true, overridden)
            }
        };
        reports.push(PhotoReport { photo, accepted, reasons });
    }
    if progress(reports.len()).is_break() {
        return Ok(None);
    }
    let people = people.into_iter().map(|(name, photos)| Person::new(name, None, photos));
    let gallery = Gallery::new(empty.recipe().clone(), people.collect())?;
    Ok(Some(EnrollmentReport { gallery, photos: reports }))
}
