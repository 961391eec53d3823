//! Enrolment: from a photo of one person to an embedding, or the reasons why not.

use std::fmt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::detect::Detection;
use crate::embed::Standardisation;
use crate::error::{Error, InputError, Result};
use crate::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
use crate::pipeline::Pipeline;

/// What a photo must be to be enrolled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateParams {
    /// Least probability of the face, and the probability at which a second face counts; 0 to 1.
    pub min_probability: f32,
    /// Least width and height of the face's box, pixels. A smaller one is blown up more than three
    /// times for the embedder.
    pub min_face_px: f32,
}

impl Default for GateParams {
    fn default() -> Self {
        Self { min_probability: 0.9, min_face_px: 48.0 }
    }
}

/// Why a photo was refused, with what was measured and what is needed.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The bytes can't be used as a photo.
    NotAnImage(String),
    /// The detector found no face.
    NoFace,
    /// More than one sure face.
    SeveralFaces {
        /// How many.
        measured: usize,
    },
    /// The face's box is too small.
    FaceTooSmall {
        /// Its shorter side, pixels.
        measured: f32,
        /// The least, pixels.
        needed: f32,
    },
    /// The detector is not sure that it is a face.
    LowProbability {
        /// Its probability, 0 to 1.
        measured: f32,
        /// The least.
        needed: f32,
    },
}

impl Reason {
    /// The stable name of the reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnImage(_) => "not_an_image",
            Self::NoFace => "no_face",
            Self::SeveralFaces { .. } => "several_faces",
            Self::FaceTooSmall { .. } => "face_too_small",
            Self::LowProbability { .. } => "low_probability",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::NotAnImage(reason) => write!(f, "{reason}"),
            Self::NoFace => write!(f, "expected one face, found none"),
            Self::SeveralFaces { measured } => write!(f, "expected one face, found {measured}"),
            Self::FaceTooSmall { measured, needed } => {
                write!(f, "expected a face of {needed:.0} pixels at least, found {measured:.0}")
            }
            Self::LowProbability { measured, needed } => {
                write!(f, "expected a face probability of {needed} at least, found {measured:.3}")
            }
        }
    }
}

/// Enrols one photo, or says why not.
///
/// # Errors
/// [`Error::Model`] when a network can't be run.
pub fn enroll_photo(
    pipeline: &Pipeline,
    bytes: &[u8],
    recipe: &Recipe,
    gate: GateParams,
) -> Result<std::result::Result<EnrolledPhoto, Reason>> {
    let photo = match pipeline.open(bytes) {
        Ok(photo) => photo,
        Err(Error::Input(reason)) => return Ok(Err(Reason::NotAnImage(reason.to_string()))),
        Err(error) => return Err(error),
    };
    let face = match the_face(&pipeline.detect(&photo)?.faces, gate) {
        Ok(face) => face,
        Err(reason) => return Ok(Err(reason)),
    };
    let Some(crop) = Pipeline::align(&photo, &[face], recipe.margin_px).pop().flatten() else {
        return Ok(Err(Reason::NoFace));
    };
    let embedding = pipeline.embed(&[crop], Standardisation::Once)?.pop();
    let digest = Sha256::digest(bytes).into();
    Ok(embedding.map(|embedding| EnrolledPhoto::new(embedding, Some(digest))).ok_or(Reason::NoFace))
}

/// The one face of a photo that is fit to be enrolled.
fn the_face(faces: &[Detection], gate: GateParams) -> std::result::Result<Detection, Reason> {
    let sure: Vec<&Detection> =
        faces.iter().filter(|face| face.probability >= gate.min_probability).collect();
    let face = match sure[..] {
        [face] => face,
        [] => {
            let best = faces.iter().map(|face| face.probability).max_by(f32::total_cmp);
            return Err(best.map_or(Reason::NoFace, |measured| Reason::LowProbability {
                measured,
                needed: gate.min_probability,
            }));
        }
        _ => return Err(Reason::SeveralFaces { measured: sure.len() }),
    };
    let side = face.bbox.width().min(face.bbox.height());
    if side < gate.min_face_px {
        return Err(Reason::FaceTooSmall { measured: side, needed: gate.min_face_px });
    }
    Ok(*face)
}

/// A photo of a folder of people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderPhoto {
    /// The person: the folder's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// The photos of `folder`: one folder a person, sorted by name; hidden files are left out.
///
/// # Errors
/// [`Error::Data`] when a folder can't be read, or a folder's name is not Unicode.
pub fn folder_photos(folder: &Path) -> Result<Vec<FolderPhoto>> {
    let mut photos = Vec::new();
    for person in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let name = person.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            Error::Data(format!(
                "{}: expected a name in Unicode (UTF-8), found other bytes",
                person.display()
            ))
        })?;
        let files = entries(&person)?.into_iter().filter(|path| path.is_file());
        photos.extend(files.map(|path| FolderPhoto { name: name.to_owned(), path }));
    }
    Ok(photos)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |reason| Error::Data(format!("{} can't be read: {reason}", folder.display()));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// What became of each photo, and the gallery of those that were taken.
#[derive(Debug)]
pub struct FolderReport {
    /// Everyone with at least one photo taken.
    pub gallery: Gallery,
    /// In the order of the photos.
    pub outcomes: Vec<(FolderPhoto, std::result::Result<(), Reason>)>,
}

/// Enrols photos into a new gallery. `progress` is told after each.
///
/// # Errors
/// [`Error::Model`] when a network can't be run, [`Error::Data`] when a file can't be read,
/// [`Error::Input`] for a name that can't be one.
pub fn enroll_folder(
    pipeline: &Pipeline,
    photos: Vec<FolderPhoto>,
    recipe: Recipe,
    gate: GateParams,
    progress: impl Fn(),
) -> Result<FolderReport> {
    let mut people: Vec<(String, Vec<EnrolledPhoto>)> = Vec::new();
    let mut outcomes = Vec::new();
    for photo in photos {
        let bytes = std::fs::read(&photo.path)
            .map_err(|reason| Error::Data(format!("{} can't be read: {reason}", photo.path.display())))?;
        let outcome = enroll_photo(pipeline, &bytes, &recipe, gate)?;
        progress();
        if let Ok(enrolled) = &outcome {
            match people.last_mut() {
                Some((name, photos)) if *name == photo.name => photos.push(enrolled.clone()),
                _ => people.push((photo.name.clone(), vec![enrolled.clone()])),
            }
        }
        outcomes.push((photo, outcome.map(|_| ())));
    }
    let people = people.into_iter().map(|(name, photos)| Person::new(&name, None, photos));
    let gallery = Gallery::new(recipe, people.collect::<Result<_>>()?)?;
    Ok(FolderReport { gallery, outcomes })
}

/// An error for a folder in which nobody could be enrolled.
#[must_use]
pub fn nobody_enrolled(folder: &Path) -> Error {
    InputError::Invalid(format!("nobody could be enrolled from {}", folder.display())).into()
}
