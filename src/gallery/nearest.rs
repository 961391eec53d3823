//! The people with the nearest photos, exactly: the coarse parts of all embeddings say who may be among them, and those are compared by
//! [`Embedding::cosine_distance`].

use std::sync::Arc;

use rayon::prelude::*;

use super::people::{People, Run};
use super::person::Person;
use crate::embed::{Bounds, Embedding, FACES_A_PASS, Packed, PackedFace};

/// From so many photos on all cores search: with fewer, one is done before another has begun.
const SHARED_FROM: usize = 20_000;

/// A person and how far the face is from that person's nearest photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Index into [`Gallery::people`](super::Gallery::people).
    pub person: usize,
    /// Cosine distance, 0 to 2.
    pub distance: f32,
}

/// For each face the `wanted` nearest people, nearest first; of equal distances the earlier person first. People who are not nearer than
/// `within` may be left out; the smaller that is, the less is read.
pub(super) fn nearest(
    people: &People,
    faces: &[Embedding],
    wanted: usize,
    within: f32,
) -> Vec<Vec<Candidate>> {
    let mut found = Vec::with_capacity(faces.len());
    for block in faces.chunks(FACES_A_PASS) {
        for (face, bounds) in block.iter().zip(all_bounds(people, block, within)) {
            found.push(rank(people, face, &bounds, wanted));
        }
    }
    found
}

/// For each of at most [`FACES_A_PASS`] faces: what is known of each person, or [`Bounds::NONE`] where that is not nearer than `within`. One
/// pass over the embeddings.
fn all_bounds(people: &People, faces: &[Embedding], within: f32) -> Vec<Vec<Bounds>> {
    let least = 1.0 - within;
    let packed: Vec<PackedFace> = faces.iter().map(|face| PackedFace::new(&face.values())).collect();
    let of_run = |run: &Run| -> Vec<[Bounds; FACES_A_PASS]> {
        let all = run.embeddings();
        let person = |(at, embeddings): (usize, &Arc<Packed>)| {
            let mut best = [Bounds::NONE; FACES_A_PASS];
            all.get(at + 2).into_iter().for_each(|next_but_one| next_but_one.fetch());
            embeddings.bounds(all.get(at + 1).map(Arc::as_ref), &packed, least, &mut best);
            best
        };
        all.iter().enumerate().map(person).collect()
    };
    let runs: Vec<Vec<[Bounds; FACES_A_PASS]>> = if people.photo_count() < SHARED_FROM {
        people.runs().iter().map(|run| of_run(run)).collect()
    } else {
        people.runs().par_iter().map(|run| of_run(run)).collect()
    };
    let of_face = |at: usize| runs.iter().flatten().map(|person| person[at]).collect();
    (0..faces.len()).map(of_face).collect()
}

/// The nearest people by exact distance, out of those whose bounds leave it open.
fn rank(people: &People, face: &Embedding, bounds: &[Bounds], wanted: usize) -> Vec<Candidate> {
    // Each of the `wanted` nearest is at least as near as the `wanted`th by what is certain.
    let cut = match wanted.checked_sub(1) {
        Some(last) if wanted < bounds.len() => {
            let mut order: Vec<f32> = bounds.iter().map(|bounds| bounds.least).collect();
            *order.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1
        }
        _ => f32::NEG_INFINITY,
    };
    let open = bounds.iter().enumerate().filter(|(_, bounds)| bounds.most >= cut && **bounds != Bounds::NONE);
    let exact = |(at, _): (usize, &Bounds)| {
        Some(Candidate { person: at, distance: distance_to(people.get(at)?, face) })
    };
    let mut candidates: Vec<Candidate> = open.filter_map(exact).collect();
    candidates.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.person.cmp(&b.person)));
    candidates.truncate(wanted);
    candidates
}

/// The cosine distance to the nearest photo of a person.
fn distance_to(person: &Person, face: &Embedding) -> f32 {
    let distances = person.photos.iter().map(|photo| photo.embedding.cosine_distance(face));
    distances.fold(f32::INFINITY, f32::min)
}
