//! How far scores of strangers are from a standard normal distribution: measured on people held out of the fit.
//!
//! Read between 1e-2 and 1e-4 only: beyond, what is left are mistakes of the collection, one person under two names.

use std::collections::BTreeMap;

use super::estimate::{StrangerFace, estimate, person_weights};
use super::{Calibration, Cohort, Probe, Template, normal};

/// By how much scores spread wider with many photos, where there are too few people with several photos to measure it.
const DEFAULT_PHOTOS_SPREAD: f64 = 0.025;
const ROUNDS: usize = 4;
const FOLDS: usize = 5;
/// The tail probabilities at which scores are compared with the normal distribution.
const POINTS: [f64; 5] = [1e-2, 3e-3, 1e-3, 3e-4, 1e-4];
/// Scores below this are counted and not kept; the first point lies above.
const LEAST_SCORE: f64 = 1.8;
/// Minimum number of scores above that a calibration is made from.
const MIN_SCORES: usize = 20_000;
/// Photos of the templates with several.
const TEMPLATE_PHOTOS: usize = 3;

/// Scores of pairs of different people, each with a weight.
#[derive(Default)]
struct Scores {
    /// Those above [`LEAST_SCORE`].
    top: Vec<(f64, f64)>,
    /// Weight of all.
    weight: f64,
}

impl Scores {
    fn push(&mut self, score: f64, weight: f64) {
        self.weight += weight;
        if score > LEAST_SCORE {
            self.top.push((score, weight));
        }
    }

    /// The scores that the shares [`POINTS`] of the weight lie above.
    fn tail(&mut self) -> [f64; POINTS.len()] {
        self.top.sort_unstable_by(|(a, _), (b, _)| b.total_cmp(a));
        POINTS.map(|point| {
            let mut above = 0.0;
            let reached = self.top.iter().find(|(_, weight)| {
                above += weight;
                above >= point * self.weight
            });
            reached.map_or(LEAST_SCORE, |(score, _)| *score)
        })
    }
}

/// The calibration of `whole`, which was fitted to `faces`; its own where there are too few faces to measure it.
pub(super) fn calibrate(
    whole: &Cohort,
    faces: &[&StrangerFace],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Calibration, String> {
    let mut people: Vec<usize> = faces.iter().map(|face| face.person).collect();
    people.sort_unstable();
    people.dedup();
    let (mut singles, mut several) = (Scores::default(), Scores::default());
    for round in 0..ROUNDS {
        let folds = assign_folds(&people, round as u64);
        for fold in 0..FOLDS {
            progress(round * FOLDS + fold, ROUNDS * FOLDS);
            let is_held = |face: &&StrangerFace| folds.get(&face.person) == Some(&fold);
            let (held, fitted): (Vec<&StrangerFace>, Vec<&StrangerFace>) =
                faces.iter().copied().partition(is_held);
            collect(&estimate(whole.origin(), &fitted)?, &held, &mut singles, &mut several);
        }
    }
    progress(ROUNDS * FOLDS, ROUNDS * FOLDS);
    let uncorrected = Calibration { photos_spread: DEFAULT_PHOTOS_SPREAD, ..whole.calibration() };
    if singles.top.len() < MIN_SCORES {
        return Ok(uncorrected);
    }
    let found = singles.tail();
    let (shift, spread) = line(POINTS.map(normal::upper_quantile), found);
    let photos_spread = if several.top.len() < MIN_SCORES {
        DEFAULT_PHOTOS_SPREAD
    } else {
        let ratios = several.tail().into_iter().zip(found).map(|(several, single)| several / single);
        let wider = ratios.sum::<f64>() / POINTS.len() as f64 - 1.0;
        (wider / (1.0 - 1.0 / TEMPLATE_PHOTOS as f64)).max(0.0)
    };
    Ok(Calibration { shift, spread, photos_spread, ..uncorrected })
}

/// Scores the people held out against each other.
fn collect(cohort: &Cohort, held: &[&StrangerFace], singles: &mut Scores, several: &mut Scores) {
    let weights = person_weights(held);
    let values: Vec<Vec<f32>> = held.iter().map(|face| cohort.project(&face.embedding)).collect();
    let probes: Vec<Probe> = values.iter().map(|values| cohort.projected_probe(values.clone())).collect();
    let score_all = |scores: &mut Scores, template: &Template, person: usize, weight: f64| {
        for ((probe, face), own) in probes.iter().zip(held).zip(&weights) {
            if face.person != person {
                scores.push(f64::from(template.score(probe)), weight * own);
            }
        }
    };
    let mut photos: BTreeMap<usize, Vec<&[f32]>> = BTreeMap::new();
    for ((values, face), weight) in values.iter().zip(held).zip(&weights) {
        photos.entry(face.person).or_default().push(values);
        score_all(singles, &cohort.template([values.as_slice()]), face.person, *weight);
    }
    for (person, photos) in photos {
        if let Some(photos) = photos.get(..TEMPLATE_PHOTOS) {
            score_all(several, &cohort.template(photos.iter().copied()), person, 1.0);
        }
    }
}

/// Intercept and slope of the line through the points, by least squares.
fn line<const N: usize>(x: [f64; N], y: [f64; N]) -> (f64, f64) {
    let mean = |values: [f64; N]| values.iter().sum::<f64>() / N as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut product, mut square) = (0.0, 0.0);
    for (x, y) in x.into_iter().zip(y) {
        product += (x - mean_x) * (y - mean_y);
        square += (x - mean_x).powi(2);
    }
    let slope = product / square;
    (mean_y - slope * mean_x, slope)
}

/// A fold for each person, the same in every run; folds are equally large, to one.
fn assign_folds(people: &[usize], round: u64) -> BTreeMap<usize, usize> {
    let mut order: Vec<(u64, usize)> =
        people.iter().map(|person| (mix(*person as u64 + (round << 32)), *person)).collect();
    order.sort_unstable();
    order.into_iter().enumerate().map(|(at, (_, person))| (person, at % FOLDS)).collect()
}

/// The finalizer of `SplitMix64`: spreads numbers evenly.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
