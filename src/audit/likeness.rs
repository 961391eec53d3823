//! How alike photos and people are: scores of every photo against the person's other photos and against everybody else.
//!
//! The work is the number of photos times the number of people.

use crate::cohort::leave_one_out::PersonFaces;
use crate::cohort::{Cohort, Probe};
use crate::gallery::{EnrolledPhoto, Gallery};

/// Pairs of people below this score are forgotten: strangers exceed it with a probability of 2 %.
const LEAST_PAIR_SCORE: f64 = 2.0;

/// The score of a photo against another person.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Other {
    /// Index of the person.
    pub(super) person: usize,
    pub(super) score: f64,
}

/// An enrolled photo.
#[derive(Debug)]
pub(super) struct Face {
    /// Index of the person.
    pub(super) person: usize,
    pub(super) photo_id: String,
    /// Whether it is part of the template.
    pub(super) counts: bool,
    /// Whether it was enrolled although its quality is low.
    pub(super) weak: bool,
    /// Score against the mean of the person's other photos that count; `None` where there are none.
    pub(super) own_score: Option<f64>,
    /// The most alike other person.
    pub(super) best_other: Option<Other>,
    probe: Probe,
}

/// Two people.
#[derive(Debug)]
pub(super) struct Pair {
    /// Indices, the lower one first.
    pub(super) people: (usize, usize),
    /// Mean score of the photos of each that count against the template of the other.
    pub(super) score: f64,
}

/// The measured gallery.
#[derive(Debug)]
pub(super) struct Likeness {
    pub(super) faces: Vec<Face>,
    /// Those that are alike at all.
    pub(super) pairs: Vec<Pair>,
}

impl Likeness {
    pub(super) fn measure(gallery: &Gallery, cohort: &Cohort) -> Self {
        let mut people: Vec<Vec<Face>> =
            (0..gallery.len()).map(|person| faces_of(gallery, cohort, person)).collect();
        let mut pairs = Vec::new();
        for second in 1..people.len() {
            for first in 0..second {
                let sums =
                    [(first, second), (second, first)].map(|(of, to)| compare(gallery, &mut people[of], to));
                let (sum, count) = (sums[0].0 + sums[1].0, sums[0].1 + sums[1].1);
                let score = sum / f64::from(count.max(1));
                if score >= LEAST_PAIR_SCORE {
                    pairs.push(Pair { people: (first, second), score });
                }
            }
        }
        Self { faces: people.into_iter().flatten().collect(), pairs }
    }
}

/// The photos of a person, with their own scores.
fn faces_of(gallery: &Gallery, cohort: &Cohort, person: usize) -> Vec<Face> {
    let (Some(enrolled), Some(template)) = (gallery.people().get(person), gallery.template(person)) else {
        return Vec::new();
    };
    let embeddings: Vec<_> = enrolled.photos.iter().map(|photo| &photo.embedding).collect();
    let measured = PersonFaces::new(cohort, cohort.project_each(&embeddings));
    let own_scores = measured.scores(&template.counts);
    let face =
        |((photo, counts), (probe, own_score)): ((&EnrolledPhoto, &bool), (Probe, Option<f64>))| Face {
            person,
            photo_id: photo.id.to_string(),
            counts: *counts,
            weak: photo.weak,
            own_score,
            best_other: None,
            probe,
        };
    let photos = enrolled.photos.iter().zip(&template.counts);
    photos.zip(measured.into_probes().zip(own_scores)).map(face).collect()
}

/// Compares the photos of one person with another: sum and number of the scores of those that count.
fn compare(gallery: &Gallery, faces: &mut [Face], other: usize) -> (f64, u32) {
    let Some(template) = gallery.template(other) else { return (0.0, 0) };
    let (mut sum, mut count) = (0.0, 0);
    for face in faces {
        let score = f64::from(template.template.score(&face.probe));
        if face.counts {
            sum += score;
            count += 1;
        }
        if face.best_other.is_none_or(|best| is_better(gallery, (other, score), best)) {
            face.best_other = Some(Other { person: other, score });
        }
    }
    (sum, count)
}

/// Of equal scores the lower id is the better one, so that the order of people does not matter.
fn is_better(gallery: &Gallery, (person, score): (usize, f64), best: Other) -> bool {
    let id = |person: usize| gallery.people().get(person).map(|person| &person.id);
    score > best.score || (score == best.score && id(person) < id(best.person))
}
