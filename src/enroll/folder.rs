//! Enrolling a folder: one folder a person, in it the person's photos.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::{Gate, GateParams, Outcome, Reason};
use crate::error::{DataError, Operation, Result};
use crate::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
use crate::person_name;
use crate::photo_file;
use crate::pipeline::Pipeline;

/// A photo of a folder of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderPhoto {
    /// The person: the folder's name, in the gallery's spelling ([`person_name::parse`]).
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// Something in the folder that can't be a photo of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What.
    pub path: PathBuf,
    /// Why: what was expected and found.
    pub why: String,
}

/// What lies in a folder of people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderContents {
    /// Sorted by the person's folder, then by file.
    pub photos: Vec<FolderPhoto>,
    /// What was left out, hidden files apart.
    pub skipped: Vec<Skipped>,
}

/// What became of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoReport {
    /// Which.
    pub photo: FolderPhoto,
    /// Whether it was taken.
    pub accepted: bool,
    /// Why not; of a photo that was taken, what `force` has overridden.
    pub reasons: Vec<Reason>,
}

/// What became of each photo, and the gallery of those that were taken.
#[derive(Debug)]
pub struct FolderReport {
    /// Everyone with at least one photo taken, in the order of the folders.
    pub gallery: Gallery,
    /// In the order of the photos.
    pub photos: Vec<PhotoReport>,
}

/// Lists `folder`: in it one folder a person, in each of them files. Hidden ones are left out.
///
/// # Errors
/// [`crate::error::Error::Data`] when `folder` itself can't be read; anything in it that can't be used is
/// [`Skipped`].
pub fn list_folder(folder: &Path) -> Result<FolderContents> {
    let people = entries(folder)
        .map_err(DataError::io(format!("the directory {}", folder.display()), Operation::Read))?;
    let mut contents = FolderContents::default();
    for path in people {
        match person_of(&path)
            .and_then(|name| Ok((name, entries(&path).map_err(|error| format!("can't be read: {error}"))?)))
        {
            Ok((_, files)) if files.is_empty() => {
                let why = "expected photos in the folder, found none".to_owned();
                contents.skipped.push(Skipped { path, why });
            }
            Ok((name, files)) => contents.add(&name, files),
            Err(why) => contents.skipped.push(Skipped { path, why }),
        }
    }
    Ok(contents)
}

impl FolderContents {
    /// A file that can't be read is found out when it is read; what is no file is not opened: a pipe
    /// would never end.
    fn add(&mut self, name: &str, files: Vec<PathBuf>) {
        for path in files {
            match std::fs::metadata(&path) {
                Ok(about) if !about.is_file() => {
                    let why = "expected a photo, found no file".to_owned();
                    self.skipped.push(Skipped { path, why });
                }
                _ => self.photos.push(FolderPhoto { name: name.to_owned(), path }),
            }
        }
    }
}

fn person_of(folder: &Path) -> std::result::Result<String, String> {
    if !folder.is_dir() {
        return Err("expected a folder named as a person, found something else".to_owned());
    }
    let name = folder.file_name().and_then(|name| name.to_str());
    let name = name.ok_or("expected a name in Unicode (UTF-8), found other bytes")?;
    person_name::parse(name).map_err(|error| error.to_string())
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// Enrols photos into a new gallery. `progress` is told before the first and after each how many are done,
/// and may break off; the answer is `None` then. Two folders whose names differ only in their Unicode form
/// are one person.
///
/// # Errors
/// [`crate::error::Error::Model`] when a network can't be run; [`crate::error::Error::Input`] for a name that can't be one.
pub fn enroll_folder(
    pipeline: &Pipeline,
    photos: Vec<FolderPhoto>,
    recipe: Recipe,
    params: GateParams,
    force: bool,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<FolderReport>> {
    let empty = Gallery::empty(recipe);
    let mut gate = Gate::new(pipeline, &empty, params);
    let mut people: Vec<(String, Vec<EnrolledPhoto>)> = Vec::new();
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
    let people = people.into_iter().map(|(name, photos)| Person::new(&name, None, photos));
    let gallery = Gallery::new(empty.recipe().clone(), people.collect::<Result<_>>()?)?;
    Ok(Some(FolderReport { gallery, photos: reports }))
}
