//! Enrolment of the photos listed in a directory.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::known::{ENROLLED_ALREADY, has_already};
use super::listing::{ListedPhoto, PeopleListing, Skipped};
use super::{GateParams, Leniency, Outcome, QualityGate};
use crate::align::AlignedCrop;
use crate::error::Result;
use crate::gallery::{EnrolledPhoto, Gallery, Person};
use crate::person_name::PersonName;
use crate::photo_file;
use crate::pipeline::Pipeline;

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

/// Enrols photos into `base`, which is empty for a new gallery: all are looked at, then judged together and against those of
/// `base`; photos that their person has already are skipped. Without `force`, a person whose photos are all weak keeps the best one. `crops` gets what was embedded of each
/// file, whether it is taken or not. `progress` is told before the first and after each how many are done,
/// and may cancel; the result is `None` then. Two directories whose names differ only in their Unicode form
/// are one person.
///
/// # Errors
/// [`crate::error::Error::Model`] when a network can't be run; [`crate::error::Error::Input`] for a name that can't be one; what `crops` says.
pub fn enroll_people(
    pipeline: &Pipeline,
    listing: PeopleListing,
    base: &Gallery,
    params: GateParams,
    force: bool,
    crops: &mut dyn FnMut(&Path, AlignedCrop) -> Result<()>,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<Option<EnrollmentReport>> {
    let PeopleListing { people, photos, mut skipped } = listing;
    let mut gate = QualityGate::new(pipeline, base, params);
    for (done, photo) in photos.iter().enumerate() {
        if progress(done).is_break() {
            return Ok(None);
        }
        match photo_file::read(&photo.path) {
            Ok(bytes) => {
                let crop = gate.look(&photo.name, &bytes)?;
                crop.map_or(Ok(()), |crop| crops(&photo.path, crop))?;
            }
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
    let report = |(photo, outcome): (ListedPhoto, Outcome)| {
        let outcome = outcome.named(photo.file_name());
        PhotoReport { photo, outcome }
    };
    let mut photos: Vec<PhotoReport> = photos.into_iter().zip(outcomes).map(report).collect();
    let known = photos.extract_if(.., |report| has_already(&report.outcome)).map(|report| report.photo.path);
    skipped.extend(known.map(|path| Skipped { path, why: ENROLLED_ALREADY.to_owned() }));
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
