//! The identity checks of enrolment: a face must not look like another enrolled person, and a photo must
//! not be enrolled already.

use super::{GateParams, Reason};
use crate::embed::Embedding;
use crate::gallery::search::{is_match, nearest};
use crate::gallery::{EnrolledPhoto, Gallery};
use crate::person_name::PersonName;

/// The nearest photo of the same person.
struct NearestOwnPhoto {
    distance: f32,
    /// `None` for one of the same batch.
    photo_id: Option<String>,
}

/// The nearest other person.
struct NearestOtherPerson {
    distance: f32,
    /// `None` for one of the same batch.
    person_id: Option<String>,
    name: PersonName,
}

/// A photo accepted earlier in the batch.
#[derive(Debug)]
pub(super) struct AcceptedPhoto {
    pub(super) name: PersonName,
    pub(super) embedding: Embedding,
    pub(super) sha256: [u8; 32],
}

/// What the photos of a batch are compared with: the gallery, and the photos accepted before.
pub(super) struct IdentityCheck<'a> {
    pub(super) gallery: &'a Gallery,
    pub(super) params: GateParams,
    pub(super) accepted: Vec<AcceptedPhoto>,
}

/// Re-checks photos of the person `name` that were accepted against an earlier gallery: people may have
/// been enrolled since. Returns the first conflict.
#[must_use]
pub fn identity_conflict(
    gallery: &Gallery,
    params: GateParams,
    name: &PersonName,
    photos: &[EnrolledPhoto],
) -> Option<Reason> {
    let mut check = IdentityCheck { gallery, params, accepted: Vec::new() };
    photos.iter().find_map(|photo| {
        let (embedding, sha256) = (photo.embedding.clone(), photo.source_sha256.unwrap_or_default());
        let reason = check.reasons(name, &embedding, &sha256).into_iter().next();
        check.accepted.push(AcceptedPhoto { name: name.clone(), embedding, sha256 });
        reason
    })
}

impl IdentityCheck<'_> {
    /// Why a photo of `name` is rejected, compared with the gallery and the batch so far: another person
    /// is nearer than the person's own photos and within `other_person_distance`, or the person has
    /// this photo already.
    pub(super) fn reasons(&self, name: &PersonName, face: &Embedding, sha256: &[u8; 32]) -> Vec<Reason> {
        let own = self.nearest_own(name, face, sha256);
        let other = self.nearest_other(name, face).filter(|other| {
            let nearer = own.as_ref().is_none_or(|own| other.distance < own.distance);
            nearer && is_match(other.distance, self.params.other_person_distance)
        });
        let another =
            other.map(|NearestOtherPerson { distance, person_id, name }| Reason::LooksLikeAnotherPerson {
                person_id,
                name,
                measured: distance,
                needed: self.params.other_person_distance,
            });
        let own = own.filter(|own| is_match(own.distance, self.params.same_photo_distance));
        let again = own.map(|NearestOwnPhoto { distance, photo_id }| Reason::SamePhotoAgain {
            photo_id,
            measured: distance,
            needed: self.params.same_photo_distance,
        });
        another.into_iter().chain(again).collect()
    }

    /// The same file has distance 0, whatever its crop was.
    fn nearest_own(&self, name: &PersonName, face: &Embedding, sha256: &[u8; 32]) -> Option<NearestOwnPhoto> {
        let distance = |same_bytes: bool, other: &Embedding| {
            if same_bytes { 0.0 } else { other.cosine_distance(face).max(0.0) }
        };
        let person = self.gallery.person_by_name(name);
        let enrolled = person.into_iter().flat_map(|person| &person.photos).map(|photo| NearestOwnPhoto {
            distance: distance(photo.source_sha256.as_ref() == Some(sha256), &photo.embedding),
            photo_id: Some(photo.id.clone()),
        });
        let batch = self.accepted.iter().filter(|photo| photo.name == *name).map(|photo| NearestOwnPhoto {
            distance: distance(photo.sha256 == *sha256, &photo.embedding),
            photo_id: None,
        });
        enrolled.chain(batch).min_by(|a, b| a.distance.total_cmp(&b.distance))
    }

    fn nearest_other(&self, name: &PersonName, face: &Embedding) -> Option<NearestOtherPerson> {
        // Of the two nearest people one at least has another name.
        let found = nearest(self.gallery, std::slice::from_ref(face), 2);
        let enrolled = found.iter().flatten().filter_map(|candidate| {
            let person = self.gallery.people().get(candidate.person)?;
            (person.name != *name).then(|| NearestOtherPerson {
                distance: candidate.distance.max(0.0),
                person_id: Some(person.id.clone()),
                name: person.name.clone(),
            })
        });
        let batch =
            self.accepted.iter().filter(|photo| photo.name != *name).map(|photo| NearestOtherPerson {
                distance: photo.embedding.cosine_distance(face).max(0.0),
                person_id: None,
                name: photo.name.clone(),
            });
        enrolled.chain(batch).min_by(|a, b| a.distance.total_cmp(&b.distance))
    }
}
