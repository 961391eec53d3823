//! The search for the people of one group first.
//!
//! A group is smaller than the gallery, and so is its threshold at the same rate of false names: its people are found in
//! photos in which the whole gallery would leave them unsure. A face that is clearly somebody else's is not given to them.

use std::collections::HashSet;

use super::search::{Candidate, Decision, FaceMatch, MatchParams, search};
use super::{Gallery, Person};
use crate::embed::Embedding;
use crate::error::Result;

/// Finds the person of each face of one photo among those for whom `is_member` says so, and else among all. A face of which
/// somebody else is a match and more alike than any of them is that person's.
///
/// # Errors
/// As [`search`].
pub fn search_group_first(
    gallery: &Gallery,
    is_member: impl Fn(&Person) -> bool,
    faces: &[Embedding],
    params: &MatchParams,
) -> Result<Vec<FaceMatch>> {
    let (group, positions) = gallery.subset(is_member);
    let all = search(gallery, faces, params)?;
    if positions.is_empty() {
        return Ok(all);
    }
    let members: HashSet<usize> = positions.iter().copied().collect();
    let own = search(&group, faces, params)?;
    let both = own.into_iter().map(|face| in_gallery(face, &positions)).zip(all);
    Ok(both.map(|(own, any)| if is_of_another(&own, &any, &members) { any } else { own }).collect())
}

/// The same match with the positions of the whole gallery.
fn in_gallery(mut face: FaceMatch, positions: &[usize]) -> FaceMatch {
    let moved = |candidate: Candidate| {
        let person = positions.get(candidate.person).copied().unwrap_or(candidate.person);
        Candidate { person, ..candidate }
    };
    face.matched = face.matched.map(moved);
    face.candidates = face.candidates.into_iter().map(moved).collect();
    face
}

/// Whether the search among all says better whose face it is. A member whom it names was given to another face of the photo,
/// or is `own` as well.
fn is_of_another(own: &FaceMatch, any: &FaceMatch, members: &HashSet<usize>) -> bool {
    let is_outside = |candidate: &Candidate| !members.contains(&candidate.person);
    match (own.decision, any.decision) {
        (_, Decision::Unknown) | (Decision::Match | Decision::Unsure, Decision::Unsure) => false,
        (Decision::Match, Decision::Match) => {
            any.matched.is_some_and(|found| is_outside(&found)) && is_more_alike(any, own)
        }
        (_, Decision::Match) => any.matched.is_some_and(|found| is_outside(&found)),
        (Decision::Unknown, Decision::Unsure) => any.candidates.first().is_some_and(is_outside),
    }
}

fn is_more_alike(a: &FaceMatch, b: &FaceMatch) -> bool {
    match (a.score, b.score, a.matched, b.matched) {
        (Some(a), Some(b), ..) => a > b,
        (_, _, Some(a), Some(b)) => a.distance < b.distance,
        _ => false,
    }
}
