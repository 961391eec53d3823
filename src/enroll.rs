//! Enrolment: from photos of people to embeddings, or the reasons why not.
//!
//! A [`QualityGate`] assesses the photos of one batch in two passes. The first looks at each photo by itself: it is
//! decoded, detected, cropped, measured ([`quality`]) and embedded. The second judges whose photos they are, all
//! together and against the gallery (`identity`). The outcome does not depend on the order of the photos.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::align::AlignedCrop;
use crate::embed::{Embedding, Standardisation};
use crate::error::{Error, Result};
use crate::file_name::FileName;
use crate::gallery::{EnrolledPhoto, Gallery};
use crate::geometry::BBox;
use crate::person_name::PersonName;
use crate::pipeline::{DetectedPhoto, Pipeline};

pub mod directory;
mod face;
mod identity;
pub mod known;
mod likeness;
pub mod listing;
mod params;
pub mod quality;
mod reason;

use face::{FoundFace, find_face};
pub use identity::identity_conflict;
use identity::{by_numbers, judge};
use likeness::{Candidate, vicinity};
pub use params::{FACE_PROBABILITY, GateParams};
pub use reason::{Axis, Reason};

/// The result of assessing a photo.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The photo may be enrolled.
    Accepted {
        /// The photo, to be put into the gallery.
        photo: EnrolledPhoto,
        /// Reasons to reject it that `force` overrode, or for which it is weak.
        overridden: Vec<Reason>,
        /// Other faces in it, which were not taken for the person: boxes in pixels of the upright photo.
        bystanders: Vec<BBox>,
    },
    /// The photo may not be enrolled.
    Rejected {
        /// Why; at least one.
        reasons: Vec<Reason>,
    },
}

impl Outcome {
    /// With the name of the photo's file, where it is accepted.
    #[must_use]
    pub fn named(mut self, file_name: Option<FileName>) -> Self {
        if let Self::Accepted { photo, .. } = &mut self {
            photo.file_name = file_name;
        }
        self
    }

    /// The photo, where it is accepted.
    #[must_use]
    pub fn accepted(&self) -> Option<&EnrolledPhoto> {
        match self {
            Self::Accepted { photo, .. } => Some(photo),
            Self::Rejected { .. } => None,
        }
    }

    /// What is wrong with the photo, whether it was taken all the same or not.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Accepted { overridden, .. } => overridden,
            Self::Rejected { reasons } => reasons,
        }
    }
}

/// What is enrolled besides photos that nothing is wrong with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leniency {
    /// Nothing.
    None,
    /// Of a person without any other photo the best weak one.
    KeepBest,
    /// Every photo with a face; of several faces the main one.
    Force,
}

/// Assesses one batch of photos.
pub struct QualityGate<'a> {
    pipeline: &'a Pipeline,
    gallery: &'a Gallery,
    params: GateParams,
    photos: Vec<Look>,
}

/// What the first pass found.
enum Look {
    /// No face.
    Nothing(Reason),
    Face(Box<Face>),
}

/// A photo of which a face was embedded.
struct Face {
    name: PersonName,
    embedding: Embedding,
    sha256: [u8; 32],
    /// Without those of identity.
    reasons: Vec<Reason>,
    bystanders: Vec<BBox>,
    merit: f32,
    is_sure: bool,
}

impl Face {
    fn candidate(&self, is_settled: bool) -> Candidate<'_> {
        Candidate {
            name: &self.name,
            embedding: &self.embedding,
            sha256: Some(&self.sha256),
            quality: self.merit,
            is_settled,
        }
    }

    /// Whether it may be kept as the best of a person's photos.
    fn is_only_weak(&self) -> bool {
        self.is_sure && !self.reasons.is_empty() && self.reasons.iter().all(Reason::is_weakness)
    }

    fn accepted(&self, more: Vec<Reason>) -> Outcome {
        let mut photo = EnrolledPhoto::new(self.embedding.clone(), Some(self.sha256));
        photo.weak = self.reasons.iter().any(Reason::is_weakness);
        let overridden = self.reasons.iter().cloned().chain(more).collect();
        Outcome::Accepted { photo, overridden, bystanders: self.bystanders.clone() }
    }

    fn rejected(&self, more: Vec<Reason>) -> Outcome {
        Outcome::Rejected { reasons: self.reasons.iter().cloned().chain(more).collect() }
    }

    fn outcome(&self, conflicts: Vec<Reason>) -> Outcome {
        if conflicts.is_empty() { self.accepted(conflicts) } else { self.rejected(conflicts) }
    }
}

impl<'a> QualityGate<'a> {
    /// A gate in front of `gallery`. Photos are cut by its recipe.
    #[must_use]
    pub fn new(pipeline: &'a Pipeline, gallery: &'a Gallery, params: GateParams) -> Self {
        Self { pipeline, gallery, params, photos: Vec::new() }
    }

    /// The first pass over a photo of the person `name`, who may be enrolled already. Returns the crop that was embedded; `None`
    /// where there is no face.
    ///
    /// # Errors
    /// [`Error::Model`] when a network can't be run or its output is invalid.
    pub fn look(&mut self, name: &PersonName, bytes: &[u8]) -> Result<Option<AlignedCrop>> {
        let (look, crop) = match self.find_face(bytes)? {
            Err(reason) => (Look::Nothing(reason), None),
            Ok(FoundFace { crop, reasons, bystanders, merit, is_sure }) => {
                let embedding = self.pipeline.embed_face(&crop, Standardisation::FixedImage)?;
                let (name, sha256) = (name.clone(), Sha256::digest(bytes).into());
                let face = Face { name, embedding, sha256, reasons, bystanders, merit, is_sure };
                (Look::Face(Box::new(face)), Some(crop))
            }
        };
        self.photos.push(look);
        Ok(crop)
    }

    /// In place of [`QualityGate::look`], for a photo that can't be read.
    pub fn unreadable(&mut self, why: String) {
        self.photos.push(Look::Nothing(Reason::NotAnImage(why)));
    }

    /// The second pass: an outcome for each photo that was looked at, in that order.
    ///
    /// Identity is judged only for photos of sufficient quality, or by leniency: embeddings of poor photos are near to
    /// those of many people. `check` is called in between and may cancel the rest.
    ///
    /// # Errors
    /// What `check` says.
    pub fn judge<E>(
        self,
        leniency: Leniency,
        check: &mut dyn FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<Vec<Outcome>, E> {
        self.judge_with_vicinity(leniency, check).map(|(outcomes, _)| outcomes)
    }

    /// [`QualityGate::judge`], and the people whom the photos were compared with in detail.
    ///
    /// # Errors
    /// What `check` says.
    pub fn judge_with_vicinity<E>(
        self,
        leniency: Leniency,
        check: &mut dyn FnMut() -> std::result::Result<(), E>,
    ) -> std::result::Result<(Vec<Outcome>, Gallery), E> {
        let (params, photos) = (self.params, self.photos);
        let mut outcomes: Vec<Outcome> = photos
            .iter()
            .map(|look| match look {
                Look::Nothing(reason) => Outcome::Rejected { reasons: vec![reason.clone()] },
                Look::Face(face) => face.rejected(Vec::new()),
            })
            .collect();
        let force = leniency == Leniency::Force;
        let keeps_best = leniency == Leniency::KeepBest;
        let is_judged = |face: &Face| force || face.reasons.is_empty() || (keeps_best && face.is_only_weak());
        let compared = faces(&photos).map(|(_, face)| face).filter(|face| is_judged(face));
        let near = vicinity(self.gallery, params, compared.map(|face| (&face.name, &face.embedding)));
        let gallery = &near;
        let judged: Vec<(usize, &Face)> =
            faces(&photos).filter(|(_, face)| force || face.reasons.is_empty()).collect();
        let candidates: Vec<Candidate<'_>> = judged.iter().map(|(_, face)| face.candidate(false)).collect();
        let conflicts = judge(gallery, params, &candidates, force, check)?;
        for ((at, face), conflicts) in judged.into_iter().zip(conflicts) {
            outcomes[at] = if force { face.accepted(conflicts) } else { face.outcome(conflicts) };
        }
        if keeps_best {
            keep_best(gallery, params, &photos, &mut outcomes, check)?;
        }
        Ok((outcomes, near))
    }

    /// The face that counts and what is wrong with it; `Err` where there is none.
    fn find_face(&self, bytes: &[u8]) -> Result<Result<FoundFace, Reason>> {
        let DetectedPhoto { photo, detected, .. } = match self.pipeline.open_and_detect(bytes) {
            Ok(found) => found,
            Err(Error::Input(reason)) => return Ok(Err(Reason::NotAnImage(reason.to_string()))),
            Err(error) => return Err(error),
        };
        let margin_px = self.gallery.recipe().margin_px;
        Ok(find_face(&photo, &detected.faces, margin_px, &self.params).ok_or(Reason::NoFace))
    }
}

fn faces(photos: &[Look]) -> impl Iterator<Item = (usize, &Face)> {
    photos.iter().enumerate().filter_map(|(at, look)| match look {
        Look::Nothing(_) => None,
        Look::Face(face) => Some((at, &**face)),
    })
}

/// Accepts the best weak photo of each person who has none else. Where it is somebody else's, the next best is tried.
fn keep_best<E>(
    gallery: &Gallery,
    params: GateParams,
    photos: &[Look],
    outcomes: &mut [Outcome],
    check: &mut dyn FnMut() -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let is_accepted = |outcome: &Outcome| matches!(outcome, Outcome::Accepted { .. });
    let mut waiting: BTreeMap<&PersonName, Vec<(usize, &Face)>> = BTreeMap::new();
    for (at, face) in faces(photos).filter(|(_, face)| face.is_only_weak()) {
        waiting.entry(&face.name).or_default().push((at, face));
    }
    for (at, face) in faces(photos) {
        if is_accepted(&outcomes[at]) || gallery.person_by_name(&face.name).is_some() {
            waiting.remove(&face.name);
        }
    }
    for choice in waiting.values_mut() {
        choice.sort_by(|(_, a), (_, b)| {
            let better = a.merit.total_cmp(&b.merit);
            better.then_with(|| by_numbers(&a.embedding, &b.embedding)).then_with(|| a.sha256.cmp(&b.sha256))
        });
    }
    loop {
        let picks: Vec<(usize, &Face)> = waiting.values_mut().filter_map(Vec::pop).collect();
        if picks.is_empty() {
            return Ok(());
        }
        let settled = faces(photos).filter(|(at, _)| is_accepted(&outcomes[*at]));
        let judged = picks.iter().map(|(_, face)| face.candidate(false));
        let candidates: Vec<Candidate<'_>> =
            judged.chain(settled.map(|(_, face)| face.candidate(true))).collect();
        let verdicts = judge(gallery, params, &candidates, false, check)?;
        for ((at, face), conflicts) in picks.into_iter().zip(verdicts) {
            outcomes[at] = face.outcome(conflicts);
            if is_accepted(&outcomes[at]) {
                waiting.remove(&face.name);
            }
        }
    }
}

#[cfg(test)]
mod tests;
