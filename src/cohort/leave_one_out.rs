//! Leave-one-out scores: each face of a person against the mean of the others.
//!
//! Without face `i` the mean has the direction of `S - y_i`, where `S` is the sum of the faces that count. Its similarity to strangers
//! with covariance `C` varies by
//!
//! ```text
//! (S - y_i)' C (S - y_i) = S'CS - 2 y_i'CS + y_i'C y_i
//! ```
//!
//! so that one product with the matrix is enough for all faces of a person, beside those of the faces themselves.

use std::cell::OnceCell;

use super::block::{LANES, interleaved};
use super::mixture::{self, Similarity, Z_NEAR, is_far_above};
use super::{Cohort, Probe, own_terms, probe_of};

/// Projected faces of one person.
#[derive(Debug)]
pub struct PersonFaces<'a> {
    cohort: &'a Cohort,
    faces: Vec<Face>,
}

#[derive(Debug)]
struct Face {
    /// Projected, norm 1.
    values: Vec<f32>,
    /// To each component of the strangers.
    parts: Vec<Similarity>,
    /// Made when it is first needed: location and scale take as long as the rest of a photo.
    probe: OnceCell<Probe>,
}

/// The sum of the faces that count.
struct Sum {
    values: Vec<f64>,
    faces: u32,
    parts: Vec<SumPart>,
}

/// The sum of faces and a component of the strangers.
struct SumPart {
    mean: f64,
    /// The covariance times the sum.
    product: Vec<f64>,
    variance: f64,
}

/// A face, and the mean of others.
struct Pair<'a> {
    cohort: &'a Cohort,
    face: &'a Face,
    /// Cosine similarity of the two.
    dot: f64,
    /// Faces of the mean.
    faces: u32,
    /// Similarity of the mean to each component.
    parts: Vec<Similarity>,
}

impl<'a> PersonFaces<'a> {
    /// Of projected faces ([`Cohort::project_each`]).
    #[must_use]
    pub fn new(cohort: &'a Cohort, projected: Vec<Vec<f32>>) -> Self {
        let mut one = Self::of_each(cohort, vec![projected]);
        one.pop().unwrap_or(Self { cohort, faces: Vec::new() })
    }

    /// Of each of several people: the same numbers as one by one, in less time, since faces are measured some at a time.
    #[must_use]
    pub fn of_each(cohort: &'a Cohort, people: Vec<Vec<Vec<f32>>>) -> Vec<Self> {
        let all: Vec<&[f32]> = people.iter().flatten().map(Vec::as_slice).collect();
        let mut parts = Vec::with_capacity(all.len());
        for some in all.chunks(LANES) {
            let vectors = interleaved(some.iter().copied(), cohort.dims());
            parts.extend(cohort.mixture.similarities(&vectors).into_iter().take(some.len()));
        }
        let mut parts = parts.into_iter();
        let face = |(values, parts)| Face { values, parts, probe: OnceCell::new() };
        let faces = |own: Vec<Vec<f32>>| own.into_iter().zip(parts.by_ref()).map(face).collect();
        people.into_iter().map(faces).map(|faces| Self { cohort, faces }).collect()
    }

    /// The faces as they are searched for.
    pub fn probes(&self) -> impl Iterator<Item = &Probe> {
        self.faces.iter().map(Face::probe)
    }

    /// As [`PersonFaces::probes`].
    pub fn into_probes(self) -> impl Iterator<Item = Probe> {
        self.faces.into_iter().map(Face::into_probe)
    }

    /// Whether one of the faces, as a template, is known to reach `least` with each of the others. Only what is clear without
    /// quantiles is known.
    #[must_use]
    pub fn one_is_like_all(&self, least: f64) -> bool {
        self.faces.iter().any(|one| {
            self.faces.iter().all(|other| std::ptr::eq(one, other) || self.are_alike(one, other, least))
        })
    }

    fn are_alike(&self, one: &Face, other: &Face, least: f64) -> bool {
        let likeness: f64 =
            one.values.iter().zip(&other.values).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        is_far_above(&one.parts, likeness)
            && is_far_above(&other.parts, likeness)
            && self.cohort.weighted(1, likeness, [Z_NEAR; 2]) >= least
    }

    /// The score of each face against the mean of the others that count; `None` where no other one does.
    #[must_use]
    pub fn scores(&self, counts: &[bool]) -> Vec<Option<f64>> {
        self.pairs(counts).iter().map(|pair| pair.as_ref().map(Pair::score)).collect()
    }

    /// Whether that score is at least `least`.
    #[must_use]
    pub fn reach(&self, counts: &[bool], least: f64) -> Vec<Option<bool>> {
        self.pairs(counts).iter().map(|pair| pair.as_ref().map(|pair| pair.reaches(least))).collect()
    }

    fn pairs(&self, counts: &[bool]) -> Vec<Option<Pair<'_>>> {
        let sum = Sum::new(self.cohort, self.faces.iter().zip(counts));
        let faces = self.faces.iter().zip(counts);
        faces.map(|(face, counts)| sum.without(self.cohort, face, *counts)).collect()
    }
}

impl Face {
    fn probe(&self) -> &Probe {
        self.probe
            .get_or_init(|| probe_of(self.values.clone(), own_terms(mixture::location_scale(&self.parts))))
    }

    fn into_probe(self) -> Probe {
        let Self { values, parts, probe } = self;
        probe.into_inner().unwrap_or_else(|| probe_of(values, own_terms(mixture::location_scale(&parts))))
    }
}

impl Sum {
    fn new<'a>(cohort: &Cohort, faces: impl Iterator<Item = (&'a Face, &'a bool)>) -> Self {
        let (mut values, mut count) = (vec![0.0; cohort.dims()], 0);
        for (face, _) in faces.filter(|(_, counts)| **counts) {
            values.iter_mut().zip(&face.values).for_each(|(sum, value)| *sum += f64::from(*value));
            count += 1;
        }
        let part = |gaussian: &mixture::Gaussian| {
            let product = gaussian.covariance.times_in_64_bits(&values);
            SumPart { mean: dot(&gaussian.mean, &values), variance: exact_dot(&product, &values), product }
        };
        let parts = cohort.mixture.gaussians().iter().map(part).collect();
        Self { parts, values, faces: count }
    }

    /// The face, and the mean of the others; `None` where there are none.
    fn without<'a>(&self, cohort: &'a Cohort, face: &'a Face, counts: bool) -> Option<Pair<'a>> {
        let faces = self.faces - u32::from(counts);
        if faces == 0 {
            return None;
        }
        let (own, values) = (f64::from(u8::from(counts)), &face.values);
        let others = || self.values.iter().zip(values).map(|(sum, value)| sum - own * f64::from(*value));
        let norm = others().map(|value| value * value).sum::<f64>().sqrt().max(1e-12);
        let likeness: f64 = others().zip(values).map(|(other, value)| other * f64::from(*value)).sum();
        let part = |(sum, part): (&SumPart, &Similarity)| {
            let own_variance = part.deviation * part.deviation - 2.0 * dot(values, &sum.product);
            let variance = (sum.variance + own * own_variance) / (norm * norm);
            Similarity::new(part.weight, (sum.mean - own * part.mean) / norm, variance)
        };
        let parts = self.parts.iter().zip(&face.parts).map(part).collect();
        Some(Pair { cohort, face, dot: likeness / norm, faces, parts })
    }
}

impl Pair<'_> {
    fn score(&self) -> f64 {
        let scales = |parts: &[Similarity]| {
            let found = mixture::location_scale(parts);
            (self.dot - found.location) / found.scale
        };
        self.weighted([scales(&self.parts), scales(&self.face.parts)])
    }

    /// Whether the score is at least `least`, without the quantiles where that is clear.
    fn reaches(&self, least: f64) -> bool {
        let is_clear = self.weighted([Z_NEAR; 2]) >= least
            && is_far_above(&self.parts, self.dot)
            && is_far_above(&self.face.parts, self.dot);
        is_clear || self.score() >= least
    }

    fn weighted(&self, scales: [f64; 2]) -> f64 {
        self.cohort.weighted(self.faces, self.dot, scales)
    }
}

fn dot(a: &[f32], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * b).sum()
}

fn exact_dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cohort::file;

    /// Faces of one person, of which some are other people's. Each has `likeness` parts of the person in one of its own.
    fn faces(dims: usize, count: usize, strangers: usize, likeness: f32) -> Vec<Vec<f32>> {
        let number = |at: usize| ((at * 7919 + at / 13 * 31 + 13) % 1009) as f32 / 504.5 - 1.0;
        let face = |face: usize| {
            let own = if face < strangers { 0.0 } else { likeness };
            let values = (0..dims).map(|at| own * number(at + 7) + number((face + 3) * dims + at)).collect();
            super::super::unit(values)
        };
        (0..count).map(face).collect()
    }

    fn cohorts() -> [Cohort; 2] {
        ["casia-margin32", "vggface2-margin0"].map(|name| {
            let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
            file::read(&models.join(format!("strangers-{name}.safetensors"))).unwrap()
        })
    }

    #[test]
    fn the_scores_are_those_of_templates_of_the_others() {
        for cohort in cohorts() {
            for (count, strangers) in [(2, 0), (3, 1), (12, 0), (20, 4)] {
                let projected = faces(cohort.dims(), count, strangers, 1.2);
                let counts: Vec<bool> = (0..count).map(|at| at >= strangers && at % 5 != 4).collect();
                let measured = PersonFaces::new(&cohort, projected.clone());
                for (at, found) in measured.scores(&counts).into_iter().enumerate() {
                    let others = (0..count).filter(|other| *other != at && counts[*other]);
                    let others: Vec<&[f32]> = others.map(|other| projected[other].as_slice()).collect();
                    let expected = (!others.is_empty()).then(|| {
                        let template = cohort.template(others.iter().copied());
                        f64::from(template.score(&cohort.projected_probe(projected[at].clone())))
                    });
                    assert_eq!(found.is_some(), expected.is_some());
                    let (found, expected) = (found.unwrap_or(0.0), expected.unwrap_or(0.0));
                    assert!((found - expected).abs() < 1e-4, "{count} {at}: {found}, expected {expected}");
                }
            }
        }
    }

    #[test]
    fn a_face_reaches_a_score_when_its_score_is_at_least_that() {
        for cohort in cohorts() {
            let projected = faces(cohort.dims(), 20, 4, 1.2);
            let counts: Vec<bool> = (0..20).map(|at| at >= 4).collect();
            let measured = PersonFaces::new(&cohort, projected);
            let scores = measured.scores(&counts);
            for least in (0..100).map(|tenth| f64::from(tenth) / 10.0 - 2.0) {
                let expected: Vec<Option<bool>> =
                    scores.iter().map(|score| score.map(|score| score >= least)).collect();
                assert_eq!(measured.reach(&counts, least), expected, "{least}");
            }
        }
    }

    #[test]
    fn faces_that_are_known_to_be_alike_are() {
        for cohort in cohorts() {
            let mut known = 0;
            for strangers in [0, 1, 4] {
                let measured = PersonFaces::new(&cohort, faces(cohort.dims(), 9, strangers, 3.0));
                let probes: Vec<&Probe> = measured.probes().collect();
                let lowest = |one: &Probe| {
                    let template = cohort.single(one);
                    let others = probes.iter().filter(|other| !std::ptr::eq(**other, one));
                    others.map(|other| f64::from(template.score(other))).fold(f64::INFINITY, f64::min)
                };
                let best = probes.iter().map(|one| lowest(one)).fold(f64::NEG_INFINITY, f64::max);
                for least in [0.0, 1.0, 2.0, 2.5, 3.0, 4.0, 6.0] {
                    let is_known = measured.one_is_like_all(least);
                    assert!(!is_known || best >= least - 1e-4, "{strangers} {least}: {best}");
                    known += u8::from(is_known);
                }
            }
            assert!(known > 0);
        }
    }

    #[test]
    fn the_probes_are_those_of_each_face() {
        for cohort in cohorts() {
            let projected = faces(cohort.dims(), 11, 2, 1.2);
            let people: Vec<Vec<Vec<f32>>> = projected.chunks(3).map(<[Vec<f32>]>::to_vec).collect();
            for measured in
                [vec![PersonFaces::new(&cohort, projected.clone())], PersonFaces::of_each(&cohort, people)]
            {
                let probes: Vec<Probe> = measured.into_iter().flat_map(PersonFaces::into_probes).collect();
                let expected: Vec<Probe> =
                    projected.iter().map(|values| cohort.projected_probe(values.clone())).collect();
                assert_eq!(probes, expected);
            }
        }
    }
}
