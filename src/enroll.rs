//! Enrolment: from a photo of one person to an embedding, or the reasons why not.
//!
//! A [`QualityGate`] assesses the photos of one batch: each is decoded, detected, cropped and embedded,
//! then checked by itself ([`quality`]) and against the gallery and the batch so far (`identity`).

use sha2::{Digest, Sha256};

use crate::align::AlignedCrop;
use crate::detect::Detection;
use crate::detect::main_face::main_face;
use crate::embed::Standardisation;
use crate::error::{Error, Result};
use crate::gallery::{EnrolledPhoto, Gallery};
use crate::imaging::OrientedRgb;
use crate::person_name::PersonName;
use crate::pipeline::{DetectedPhoto, Pipeline};

pub mod directory;
mod identity;
mod params;
pub mod quality;
mod reason;

pub use identity::identity_conflict;
use identity::{AcceptedPhoto, IdentityCheck};
pub use params::GateParams;
use quality::{Pose, sharpness};
pub use reason::{Axis, Reason};

/// The result of assessing a photo.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The photo may be enrolled.
    Accepted {
        /// The photo, to be put into the gallery.
        photo: EnrolledPhoto,
        /// Reasons to reject it that `force` overrode.
        overridden: Vec<Reason>,
    },
    /// The photo may not be enrolled.
    Rejected {
        /// Why; at least one.
        reasons: Vec<Reason>,
    },
}

/// Assesses one batch of photos.
pub struct QualityGate<'a> {
    pipeline: &'a Pipeline,
    identity: IdentityCheck<'a>,
}

impl<'a> QualityGate<'a> {
    /// A gate in front of `gallery`. Photos are cut by its recipe.
    #[must_use]
    pub fn new(pipeline: &'a Pipeline, gallery: &'a Gallery, params: GateParams) -> Self {
        Self { pipeline, identity: IdentityCheck { gallery, params, accepted: Vec::new() } }
    }

    /// Assesses a photo of the person `name`, who may be enrolled already. With `force`, any photo with a
    /// face is accepted; of several faces the main one.
    ///
    /// Identity is checked only for photos of sufficient quality, or with `force`: embeddings of poor
    /// photos are near to those of many people.
    ///
    /// # Errors
    /// [`Error::Model`] when a network can't be run or its output is invalid.
    pub fn assess(&mut self, name: &PersonName, bytes: &[u8], force: bool) -> Result<Outcome> {
        let (crop, mut reasons) = match self.find_face(bytes)? {
            Ok(found) => found,
            Err(reason) => return Ok(Outcome::Rejected { reasons: vec![reason] }),
        };
        if !reasons.is_empty() && !force {
            return Ok(Outcome::Rejected { reasons });
        }
        let embedding = self.pipeline.embed_face(&crop, Standardisation::FixedImage)?;
        let sha256: [u8; 32] = Sha256::digest(bytes).into();
        reasons.extend(self.identity.reasons(name, &embedding, &sha256));
        if !reasons.is_empty() && !force {
            return Ok(Outcome::Rejected { reasons });
        }
        let photo = EnrolledPhoto::new(embedding.clone(), Some(sha256));
        self.identity.accepted.push(AcceptedPhoto { name: name.clone(), embedding, sha256 });
        Ok(Outcome::Accepted { photo, overridden: reasons })
    }

    /// The crop of the face that counts and what is wrong with it; `Err` where there is none.
    fn find_face(&self, bytes: &[u8]) -> Result<Result<(AlignedCrop, Vec<Reason>), Reason>> {
        let DetectedPhoto { photo, detected, .. } = match self.pipeline.open_and_detect(bytes) {
            Ok(found) => found,
            Err(Error::Input(reason)) => return Ok(Err(Reason::NotAnImage(reason.to_string()))),
            Err(error) => return Err(error),
        };
        let Some((face, mut reasons)) = choose(&detected.faces, &photo, &self.identity.params) else {
            return Ok(Err(Reason::NoFace));
        };
        let crop = Pipeline::align_face(&photo, &face, self.identity.gallery.recipe().margin_px);
        let Some(crop) = crop else { return Ok(Err(Reason::NoFace)) };
        reasons.extend(quality_reasons(&face, sharpness(&crop), &self.identity.params));
        Ok(Ok((crop, reasons)))
    }
}

/// The face that counts and what is wrong with that choice: the main one of the sure faces, else of
/// the unsure ones.
fn choose(faces: &[Detection], photo: &OrientedRgb, params: &GateParams) -> Option<(Detection, Vec<Reason>)> {
    let main = |faces| main_face(faces, photo.width(), photo.height()).copied();
    let is_sure = |face: &&Detection| face.probability >= params.min_probability;
    let sure: Vec<Detection> = faces.iter().filter(is_sure).copied().collect();
    let Some(face) = main(&sure) else {
        let face = main(faces)?;
        let (measured, needed) = (face.probability, params.min_probability);
        return Some((face, vec![Reason::LowProbability { measured, needed }]));
    };
    let counts = |other: &&Detection| other.bbox.area() >= params.min_rival_area * face.bbox.area();
    let measured = sure.iter().filter(counts).count();
    let reason = (measured > 1).then_some(Reason::SeveralFaces { measured });
    Some((face, reason.into_iter().collect()))
}

/// What is wrong with a face by itself.
fn quality_reasons(face: &Detection, sharpness: f32, params: &GateParams) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let side = face.bbox.width().min(face.bbox.height());
    if side < params.min_face_px {
        reasons.push(Reason::FaceTooSmall { measured: side, needed: params.min_face_px });
    }
    if sharpness < params.min_sharpness {
        reasons.push(Reason::Blurred { measured: sharpness, needed: params.min_sharpness });
    }
    let pose = Pose::of(&face.landmarks);
    let axes = [
        (Axis::Yaw, pose.yaw, params.max_yaw_deg),
        (Axis::Pitch, pose.pitch, params.max_pitch_deg),
        (Axis::Roll, pose.roll, params.max_roll_deg),
    ];
    let turned = axes.into_iter().map(|(axis, angle, needed)| (axis, angle.abs(), needed));
    let extreme = turned.filter(|(_, measured, needed)| measured > needed);
    reasons.extend(extreme.map(|(axis, measured, needed)| Reason::ExtremePose { axis, measured, needed }));
    reasons
}

#[cfg(test)]
mod tests;
