//! Leave-one-out evaluation on one's own photos: TPIR, FPIR and the DET curve.
//!
//! - Each photo of a person with several is searched in the gallery without it: TPIR, the share that gets the right name.
//! - Strangers are given photos, else each person is a stranger to the gallery of all others: FPIR, the share of photos
//!   that gets a name.
//!
//! A trial is kept as the probability that a stranger scores as well, so that every rate is read from the same trials.
//! Faces are judged one by one; that a person is in a photo once is not used.

use std::sync::Arc;

use crate::cohort::{Cohort, Probe, stranger_probability};
use crate::embed::Embedding;
use crate::error::Result;
use crate::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
use crate::person_name::PersonName;

pub mod svg;

/// Minimum number of people: with fewer, a gallery of them says little.
pub const MIN_PEOPLE: usize = 5;
/// Rates of the points of a DET curve: so many a decade, down from 1.
const POINTS_A_DECADE: i32 = 20;
/// Decades of the DET curve.
const DECADES: i32 = 6;

/// A photo of an enrolled person, searched in the gallery without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GenuineTrial {
    /// Probability that a stranger scores as well against this gallery.
    pub stranger_probability: f64,
    /// Whether nobody else scored higher.
    pub is_best: bool,
}

/// The outcome of all searches.
#[derive(Debug, Clone, PartialEq)]
pub struct Trials {
    /// Photos of enrolled people.
    pub genuine: Vec<GenuineTrial>,
    /// For each photo of a stranger, the probability that a stranger scores as well as it did.
    pub strangers: Vec<f64>,
}

/// A share of trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Trials that count.
    pub count: usize,
    /// All trials.
    pub of: usize,
}

impl Share {
    /// From 0 to 1; 0 without trials.
    #[must_use]
    pub fn value(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.count as f64 / self.of as f64 }
    }
}

/// A point of a DET curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetPoint {
    /// The rate of false names that was asked for.
    pub false_name_rate: f64,
    /// Share of strangers' photos that get a name.
    pub fpir: f64,
    /// Share of enrolled people's photos that don't get the right name: 1 - TPIR.
    pub fnir: f64,
}

impl Trials {
    /// Photos of enrolled people that get the right name at a rate of false names.
    #[must_use]
    pub fn tpir(&self, rate: f64) -> Share {
        let named = self.genuine.iter().filter(|trial| trial.is_best && trial.stranger_probability <= rate);
        Share { count: named.count(), of: self.genuine.len() }
    }

    /// Photos of strangers that get a name at a rate of false names.
    #[must_use]
    pub fn fpir(&self, rate: f64) -> Share {
        let named = self.strangers.iter().filter(|probability| **probability <= rate);
        Share { count: named.count(), of: self.strangers.len() }
    }

    /// The DET curve, from the strictest rate to 1.
    #[must_use]
    pub fn det(&self) -> Vec<DetPoint> {
        let point = |step: i32| {
            let rate = 10_f64.powf(f64::from(step - DECADES * POINTS_A_DECADE) / f64::from(POINTS_A_DECADE));
            DetPoint {
                false_name_rate: rate,
                fpir: self.fpir(rate).value(),
                fnir: 1.0 - self.tpir(rate).value(),
            }
        };
        (0..=DECADES * POINTS_A_DECADE).map(point).collect()
    }
}

/// Why there is nothing to evaluate, with what was expected and found.
///
/// # Errors
/// Fewer than [`MIN_PEOPLE`] people, or nobody with two photos.
pub fn check(people: &[Vec<Embedding>]) -> std::result::Result<(), String> {
    let with = |least: usize| people.iter().filter(|photos| photos.len() >= least).count();
    let (found, several) = (with(1), with(2));
    if found < MIN_PEOPLE {
        return Err(format!("expected faces of at least {MIN_PEOPLE} people, found {found}"));
    }
    if several == 0 {
        return Err("expected a person with at least two photos, one to enrol and one to search: found none"
            .to_owned());
    }
    Ok(())
}

/// Searches every photo. `people` and `strangers` hold the faces of each person; people without any are left out.
///
/// # Errors
/// As [`Gallery::new`].
pub fn evaluate(
    cohort: &Arc<Cohort>,
    people: &[Vec<Embedding>],
    strangers: Option<&[Vec<Embedding>]>,
) -> Result<Trials> {
    let people: Vec<&Vec<Embedding>> = people.iter().filter(|photos| !photos.is_empty()).collect();
    let gallery = gallery(cohort, &people)?;
    let count = gallery.len();
    let mut trials = Trials { genuine: Vec::new(), strangers: Vec::new() };
    for (person, photos) in people.iter().enumerate() {
        for (at, photo) in photos.iter().enumerate() {
            let probe = cohort.probe(photo);
            let best_other = best_score(&gallery, &probe, Some(person));
            if strangers.is_none() {
                trials.strangers.push(stranger_probability(best_other, count - 1));
            }
            let mut rest = (*photos).clone();
            rest.remove(at);
            if rest.is_empty() {
                continue;
            }
            let own = best_score(&self::gallery(cohort, &[&rest])?, &probe, None);
            trials.genuine.push(GenuineTrial {
                stranger_probability: stranger_probability(own, count),
                is_best: own > best_other,
            });
        }
    }
    for photo in strangers.into_iter().flatten().flatten() {
        let best = best_score(&gallery, &cohort.probe(photo), None);
        trials.strangers.push(stranger_probability(best, count));
    }
    Ok(trials)
}

fn gallery(cohort: &Arc<Cohort>, people: &[&Vec<Embedding>]) -> Result<Gallery> {
    let of = cohort.origin();
    let recipe = Recipe { model: of.model.clone(), model_sha256: None, margin_px: of.margin_px };
    let mut enrolled = Vec::with_capacity(people.len());
    for (at, photos) in people.iter().enumerate() {
        let photos = photos.iter().map(|photo| EnrolledPhoto::new(photo.clone(), None)).collect();
        enrolled.push(Person::new(PersonName::parse(&format!("person {at}"))?, None, photos));
    }
    Gallery::new(recipe, enrolled)?.with_cohort(Arc::clone(cohort))
}

/// The highest score of a face against all people but one.
fn best_score(gallery: &Gallery, probe: &Probe, without: Option<usize>) -> f64 {
    let others = (0..gallery.len()).filter(|person| Some(*person) != without);
    let scores = others.filter_map(|person| Some(gallery.template(person)?.template.score(probe)));
    f64::from(scores.fold(f32::NEG_INFINITY, f32::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials() -> Trials {
        let genuine = |stranger_probability, is_best| GenuineTrial { stranger_probability, is_best };
        Trials {
            genuine: vec![genuine(1e-5, true), genuine(5e-3, true), genuine(1e-4, false), genuine(0.3, true)],
            strangers: vec![0.004, 0.02, 0.4, 0.6, 1.0],
        }
    }

    #[test]
    fn shares_are_those_of_the_trials_at_a_rate() {
        let trials = trials();
        for (rate, tpir, fpir) in [(0.001, 1, 0), (0.01, 2, 1), (0.02, 2, 2), (0.5, 3, 3), (1.0, 3, 5)] {
            assert_eq!(trials.tpir(rate), Share { count: tpir, of: 4 }, "{rate}");
            assert_eq!(trials.fpir(rate), Share { count: fpir, of: 5 }, "{rate}");
        }
        assert!((trials.fpir(0.01).value() - 0.2).abs() < 1e-12);
    }

    #[test]
    fn the_curve_rises_to_all_strangers_and_never_misses_more_at_a_laxer_rate() {
        let curve = trials().det();
        assert_eq!(curve.len(), 121);
        assert!(curve.windows(2).all(|pair| pair[0].fpir <= pair[1].fpir && pair[0].fnir >= pair[1].fnir));
        let last = curve[curve.len() - 1];
        assert_eq!((last.false_name_rate, last.fpir, last.fnir), (1.0, 1.0, 0.25));
    }

    #[test]
    fn too_few_people_and_single_photos_are_refused() {
        let mut values = vec![0.0; crate::nn::EMBEDDING_LEN];
        values[0] = 1.0;
        let face = Embedding::new(values).unwrap();
        let people = |count: usize, photos: usize| vec![vec![face.clone(); photos]; count];
        assert_eq!(check(&people(4, 2)).unwrap_err(), "expected faces of at least 5 people, found 4");
        assert!(check(&people(5, 1)).unwrap_err().contains("two photos"));
        assert!(check(&people(5, 2)).is_ok());
    }
}
