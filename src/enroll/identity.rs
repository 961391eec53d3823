//! Whether a face is the person it is said to be, as far as that can be known: not another one, and
//! not a photo that is there already.

use super::{GateParams, Reason};
use crate::embed::Embedding;
use crate::gallery::search::{Assignment, MatchParams, is_match, search};
use crate::gallery::{EnrolledPhoto, Gallery};
use crate::person_name;

/// The nearest photo of the person.
struct Own {
    distance: f32,
    /// `None` for one of the same batch.
    photo_id: Option<String>,
}

/// The nearest person of another name.
struct Other {
    distance: f32,
    /// `None` for one of the same batch.
    person_id: Option<String>,
    name: String,
}

/// A photo taken earlier in the batch.
#[derive(Debug)]
pub(super) struct Taken {
    /// Normalised.
    pub(super) name: String,
    pub(super) embedding: Embedding,
    pub(super) sha256: [u8; 32],
}

/// What the photos of a batch are held against.
pub(super) struct Known<'a> {
    pub(super) gallery: &'a Gallery,
    pub(super) params: GateParams,
    pub(super) taken: Vec<Taken>,
}

/// What speaks against photos of the person `name` that were accepted against another gallery than this one:
/// people may have been enrolled since. One of the reasons, for there needs to be only one.
#[must_use]
pub fn identity_conflict(
    gallery: &Gallery,
    params: GateParams,
    name: &str,
    photos: &[EnrolledPhoto],
) -> Option<Reason> {
    let name = person_name::normalize(name);
    let mut known = Known { gallery, params, taken: Vec::new() };
    photos.iter().find_map(|photo| {
        let (embedding, sha256) = (photo.embedding.clone(), photo.source_sha256.unwrap_or_default());
        let reason = known.identity_reasons(&name, &embedding, &sha256).into_iter().next();
        known.taken.push(Taken { name: name.clone().into_owned(), embedding, sha256 });
        reason
    })
}

impl Known<'_> {
    /// What speaks against a photo of `name` (normalised), in the gallery and in the batch so far:
    /// that another person is nearer than the person's own photos, and near enough; that the person
    /// has this photo already.
    pub(super) fn identity_reasons(&self, name: &str, face: &Embedding, sha256: &[u8; 32]) -> Vec<Reason> {
        let own = self.nearest_own(name, face, sha256);
        let other = self.nearest_other(name, face).filter(|other| {
            let nearer = own.as_ref().is_none_or(|own| other.distance < own.distance);
            nearer && is_match(other.distance, self.params.other_person_distance)
        });
        let another = other.map(|Other { distance, person_id, name }| Reason::LooksLikeAnotherPerson {
            person_id,
            name,
            measured: distance,
            needed: self.params.other_person_distance,
        });
        let own = own.filter(|own| is_match(own.distance, self.params.same_photo_distance));
        let again = own.map(|Own { distance, photo_id }| Reason::SamePhotoAgain {
            photo_id,
            measured: distance,
            needed: self.params.same_photo_distance,
        });
        another.into_iter().chain(again).collect()
    }

    /// The same file counts as a distance of 0, however the face was cut out then.
    fn nearest_own(&self, name: &str, face: &Embedding, sha256: &[u8; 32]) -> Option<Own> {
        let distance = |same_bytes: bool, other: &Embedding| {
            if same_bytes { 0.0 } else { other.cosine_distance(face).max(0.0) }
        };
        let person = self.gallery.person_by_name(name);
        let enrolled = person.into_iter().flat_map(|person| &person.photos).map(|photo| Own {
            distance: distance(photo.source_sha256.as_ref() == Some(sha256), &photo.embedding),
            photo_id: Some(photo.id.clone()),
        });
        let batch = self.taken.iter().filter(|taken| taken.name == name).map(|taken| Own {
            distance: distance(taken.sha256 == *sha256, &taken.embedding),
            photo_id: None,
        });
        enrolled.chain(batch).min_by(|a, b| a.distance.total_cmp(&b.distance))
    }

    fn nearest_other(&self, name: &str, face: &Embedding) -> Option<Other> {
        // Of the two nearest people one at least has another name.
        let params = MatchParams { threshold: 0.0, top_k: 2, assignment: Assignment::Independent };
        let found = search(self.gallery, std::slice::from_ref(face), &params);
        let enrolled = found.iter().flat_map(|face| &face.candidates).filter_map(|candidate| {
            let person = self.gallery.people().get(candidate.person)?;
            (person.name != name).then(|| Other {
                distance: candidate.distance.max(0.0),
                person_id: Some(person.id.clone()),
                name: person.name.clone(),
            })
        });
        let batch = self.taken.iter().filter(|taken| taken.name != name).map(|taken| Other {
            distance: taken.embedding.cosine_distance(face).max(0.0),
            person_id: None,
            name: taken.name.clone(),
        });
        enrolled.chain(batch).min_by(|a, b| a.distance.total_cmp(&b.distance))
    }
}
