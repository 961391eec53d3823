//! From embeddings to names: who is nearest, and who is near enough.

use super::Gallery;
use crate::embed::Embedding;

/// A person and how far the face is from that person's nearest photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Index into [`Gallery::people`].
    pub person: usize,
    /// Cosine distance, 0 to 2.
    pub distance: f32,
}

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
    /// unknown face and where nobody else is enrolled.
    pub margin: Option<f32>,
}

/// Finds the person of each face of one photo.
#[must_use]
pub fn search(_gallery: &Gallery, _faces: &[Embedding], _params: &MatchParams) -> Vec<FaceMatch> {
    todo!()
}
