//! Which photos of a person count for the template. The others (a bystander, another student's photo, a blurred crop) are
//! excluded as outliers, or set aside: kept, listed, and not part of the mean.
//!
//! The result does not depend on the order of the photos.

use crate::cohort::leave_one_out::PersonFaces;
use crate::cohort::{Cohort, Probe, Template};

/// A photo counts when it scores this against the mean of the others that count.
const KEEP: f32 = 2.5;
/// Minimum number of photos among which an outlier can be told.
const MIN_PHOTOS: usize = 3;
/// The sets of photos that count settle after two or three rounds.
const MAX_ROUNDS: usize = 8;

/// For each projected photo of each person, whether it counts; of each person at least one does.
pub(super) fn counting(cohort: &Cohort, people: &[Vec<Vec<f32>>]) -> Vec<Vec<bool>> {
    let has_many = |photos: &&Vec<Vec<f32>>| photos.len() >= MIN_PHOTOS;
    let of_many = people.iter().filter(has_many).cloned().collect();
    let mut of_many = PersonFaces::of_each(cohort, of_many).into_iter();
    let counts = |photos: &Vec<Vec<f32>>| {
        let faces = if has_many(&photos) { of_many.next() } else { None };
        faces.map_or_else(|| vec![true; photos.len()], |faces| counting_of(cohort, &faces, photos.len()))
    };
    people.iter().map(counts).collect()
}

/// For each of so many photos of one person.
fn counting_of(cohort: &Cohort, faces: &PersonFaces<'_>, photos: usize) -> Vec<bool> {
    let mut counts =
        if faces.one_is_like_all(f64::from(KEEP)) { vec![true; photos] } else { core_of(cohort, faces) };
    for _ in 0..MAX_ROUNDS {
        // The only photo that counts has nothing to be held against.
        let next: Vec<bool> =
            faces.reach(&counts, f64::from(KEEP)).into_iter().map(|like| like.unwrap_or(true)).collect();
        if next == counts || !next.contains(&true) {
            break;
        }
        counts = next;
    }
    counts
}

/// The largest set of photos that are like one of them; of equally large sets, that of the highest scores.
fn core_of(cohort: &Cohort, faces: &PersonFaces<'_>) -> Vec<bool> {
    let probes: Vec<&Probe> = faces.probes().collect();
    let singles: Vec<Template> = probes.iter().map(|probe| cohort.single(probe)).collect();
    let mut best: Option<(usize, f64, Vec<bool>)> = None;
    for (at, single) in singles.iter().enumerate() {
        let scores = probes
            .iter()
            .enumerate()
            .map(|(other, probe)| if other == at { f32::MAX } else { single.score(probe) });
        let scores: Vec<f32> = scores.collect();
        let like: Vec<bool> = scores.iter().map(|score| *score >= KEEP).collect();
        let size = like.iter().filter(|like| **like).count();
        let sum: f64 = scores
            .iter()
            .filter(|score| (KEEP..f32::MAX).contains(score))
            .map(|score| f64::from(*score))
            .sum();
        let is_better = best.as_ref().is_none_or(|(best_size, best_sum, _)| {
            size > *best_size || (size == *best_size && sum > *best_sum)
        });
        if is_better {
            best = Some((size, sum, like));
        }
    }
    match best {
        Some((size, _, like)) if size > 1 => like,
        // No two photos are alike: there is no telling which ones are right.
        _ => vec![true; probes.len()],
    }
}
