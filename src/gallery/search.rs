//! From embeddings to names: who is nearest, and who is near enough.

use super::Gallery;
pub use super::matrix::Candidate;
use crate::embed::Embedding;

/// Whether two faces of one photo may get the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignment {
    /// No: nearest pairs first, over the whole photo.
    Unique,
    /// Yes: each face by itself, as the Flask service did.
    Independent,
}

/// Settings of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatchParams {
    /// A face is a person's when the cosine distance is below this.
    pub threshold: f32,
    /// How many candidates to list for each face.
    pub top_k: usize,
    /// Whether a person may be given twice.
    pub assignment: Assignment,
}

/// The answer for one face.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceMatch {
    /// The person, or `None` for an unknown face.
    pub matched: Option<Candidate>,
    /// The nearest people, nearest first, `top_k` at most; at least the nearest when anyone is enrolled.
    pub candidates: Vec<Candidate>,
    /// Distance of the nearest *other* person minus the distance of the match; `None` for an
    /// unknown face and where nobody else is enrolled. Below zero where the nearest person was
    /// given to another face of the photo.
    pub margin: Option<f32>,
}

/// Whether a cosine distance is near enough; the one place where that is decided.
#[must_use]
pub fn is_match(distance: f32, threshold: f32) -> bool {
    distance < threshold
}

/// Finds the person of each face of one photo. Of equal distances the person enrolled earlier
/// comes first, and of two faces at the same distance from one person the earlier face gets it.
#[must_use]
pub fn search(gallery: &Gallery, faces: &[Embedding], params: &MatchParams) -> Vec<FaceMatch> {
    // Other faces can take at most `faces - 1` people away, so a face's person is among its
    // `faces` nearest; the margin needs two.
    let wanted = params.top_k.max(faces.len()).max(2);
    let nearest = gallery.matrix().nearest(gallery.people(), faces, wanted);
    let matched = match params.assignment {
        Assignment::Unique => assign_unique(&nearest, params.threshold),
        Assignment::Independent => assign_independent(&nearest, params.threshold),
    };
    nearest
        .into_iter()
        .zip(matched)
        .map(|(mut candidates, matched)| {
            let margin = matched.and_then(|found| margin_of(found, &candidates));
            candidates.truncate(params.top_k.max(1));
            FaceMatch { matched, candidates, margin }
        })
        .collect()
}

fn assign_independent(nearest: &[Vec<Candidate>], threshold: f32) -> Vec<Option<Candidate>> {
    nearest
        .iter()
        .map(|face| face.first().copied().filter(|found| is_match(found.distance, threshold)))
        .collect()
}

/// Nearest pairs first, over the whole photo: each person goes to one face, each face to one person.
fn assign_unique(nearest: &[Vec<Candidate>], threshold: f32) -> Vec<Option<Candidate>> {
    let mut pairs: Vec<(usize, Candidate)> = nearest
        .iter()
        .enumerate()
        .flat_map(|(face, candidates)| candidates.iter().map(move |candidate| (face, *candidate)))
        .filter(|(_, candidate)| is_match(candidate.distance, threshold))
        .collect();
    pairs.sort_unstable_by(|(face_a, a), (face_b, b)| {
        a.distance.total_cmp(&b.distance).then(face_a.cmp(face_b)).then(a.person.cmp(&b.person))
    });
    let mut given = std::collections::HashSet::new();
    let mut matched = vec![None; nearest.len()];
    for (face, candidate) in pairs {
        if let Some(free @ None) = matched.get_mut(face)
            && given.insert(candidate.person)
        {
            *free = Some(candidate);
        }
    }
    matched
}

fn margin_of(found: Candidate, candidates: &[Candidate]) -> Option<f32> {
    let other = candidates.iter().find(|candidate| candidate.person != found.person)?;
    Some(other.distance - found.distance)
}
