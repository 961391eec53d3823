//! Statistics of strangers: how alike the faces of different people are.
//!
//! A [`Cohort`] stands for many people who are enrolled nowhere. It holds no embedding: a linear projection and a
//! mixture of Gaussians, fitted to the embeddings of those people. With it the cosine similarity of a template `t` and a
//! face `y` becomes a score that means the same for every pair (symmetric score normalisation, s-norm, with the
//! distribution of the cohort in place of its members):
//!
//! ```text
//! y = unit(basis x - center)                                    x: embedding; d numbers
//! t = unit(mean of y_i)                                         n photos
//! z = 0.7/2 [(t.y - m_t)/s_t + (t.y - m_y)/s_y] + 0.3 (t.y - m)/s
//! score = (z - shift) / (spread (1 + photos_spread (1 - 1/n)))
//! ```
//!
//! `m` and `s` of a vector are location and scale of its similarity to strangers ([`Mixture::location_scale`]); without an
//! index they are those of the mean stranger. Scores of strangers have a standard normal distribution, so a score is a
//! false match rate ([`normal`]).

use crate::embed::Embedding;
use crate::nn::EMBEDDING_LEN;
use block::{LANES, Matrix, apart, put};
use mixture::{LocationScale, Mixture};

mod block;
mod calibrate;
mod estimate;
pub mod file;
pub mod fit;
pub mod leave_one_out;
pub mod mixture;
pub mod normal;

/// Share of the normalisation that is common to all vectors. Chosen by cross-validation: it keeps the scale of an
/// unusual vector from being trusted too far.
const COMMON: f64 = 0.3;
/// The share that each of the two vectors has.
const OWN: f64 = 0.5 * (1.0 - COMMON);
/// A face is compared with all `n` people, but people are alike in part: the best of `n` scores is that of `n` to this
/// power independent ones. Chosen by cross-validation over 30 to 700 people and both models (docs/accuracy.md): with 1
/// the share of strangers named falls below the one asked for as the gallery grows, and known people are missed.
const INDEPENDENCE: f64 = 0.9;
/// How far from 1 the norm of a row of the basis may be.
const NORM_TOLERANCE: f64 = 1e-3;

/// What a cohort was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the embedder: `casia` or `vggface2`.
    pub model: String,
    /// Crop margin of the faces, pixels of the 160-pixel crop.
    pub margin_px: u32,
    /// Where the photos come from, for people.
    pub source: String,
    /// How many people there were.
    pub people: u64,
    /// How many photos, one face each.
    pub photos: u64,
}

/// `y = unit(basis x - center)`: the directions in which faces differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// `dims x 512`.
    basis: Matrix,
    center: Vec<f32>,
}

impl Projection {
    /// `basis` has `dims` rows of 512 numbers and norm 1; `center` has `dims` numbers.
    ///
    /// # Errors
    /// What was expected and found.
    pub fn new(basis: &[f32], center: Vec<f32>) -> Result<Self, String> {
        let dims = center.len();
        if !(1..=EMBEDDING_LEN).contains(&dims) || basis.len() != dims * EMBEDDING_LEN {
            return Err(format!(
                "expected a basis of dims x {EMBEDDING_LEN} and a center of dims numbers, found {} and {dims}",
                basis.len()
            ));
        }
        for row in basis.chunks_exact(EMBEDDING_LEN) {
            let norm = norm(row);
            if norm.is_nan() || (norm - 1.0).abs() > NORM_TOLERANCE {
                return Err(format!("expected basis vectors of norm 1, found {norm}"));
            }
        }
        if !center.iter().all(|value| value.is_finite()) {
            return Err("expected a center of finite numbers, found others".to_owned());
        }
        let column = |at: usize| basis.iter().skip(at).step_by(EMBEDDING_LEN).copied();
        let columns: Vec<f32> = (0..EMBEDDING_LEN).flat_map(column).collect();
        Ok(Self { basis: Matrix::new(&columns, dims), center })
    }

    /// Length of a projected vector.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.center.len()
    }

    /// The basis, row by row.
    fn rows(&self) -> impl Iterator<Item = f32> + '_ {
        self.basis.rows()
    }

    /// The projection of an embedding, norm 1. Sums in one fixed order.
    #[must_use]
    pub fn apply(&self, embedding: &Embedding) -> Vec<f32> {
        let sums = self.basis.times(&self.minus_center(), embedding.values().as_chunks::<1>().0);
        unit(sums.into_flattened())
    }

    /// The projections of at most [`LANES`] embeddings; the same numbers as one by one.
    fn apply_to_each(&self, embeddings: &[&Embedding]) -> Vec<Vec<f32>> {
        if let [embedding] = embeddings {
            return vec![self.apply(embedding)];
        }
        let mut vectors = vec![[0.0; LANES]; EMBEDDING_LEN];
        let mut values = [0.0; EMBEDDING_LEN];
        for (lane, embedding) in embeddings.iter().enumerate() {
            embedding.copy_to(&mut values);
            put(&mut vectors, lane, &values);
        }
        let sums = self.basis.times(&self.minus_center(), &vectors);
        apart(&sums, embeddings.len()).map(unit).collect()
    }

    fn minus_center(&self) -> Vec<f32> {
        self.center.iter().map(|value| -value).collect()
    }
}

/// What is measured on strangers besides their distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Location and scale of the mean stranger.
    pub common: LocationScale,
    /// Location of strangers' scores before they are standard normal.
    pub shift: f64,
    /// Their scale, against a template of one photo.
    pub spread: f64,
    /// By how much scores against a template of many photos spread wider than those against one of a single photo.
    pub photos_spread: f64,
}

impl Calibration {
    /// Without a correction of the scores.
    #[must_use]
    pub fn uncorrected(common: LocationScale) -> Self {
        Self { common, shift: 0.0, spread: 1.0, photos_spread: 0.0 }
    }

    fn check(self) -> Result<(), String> {
        let LocationScale { location, scale } = self.common;
        if !(-1.0..=1.0).contains(&location) || !(1e-4..=1.0).contains(&scale) {
            return Err(format!(
                "expected common_place from -1 to 1 and common_scale from 0.0001 to 1, found {location} and {scale}"
            ));
        }
        let is_sane = (-2.0..=2.0).contains(&self.shift)
            && (0.5..=2.0).contains(&self.spread)
            && (0.0..=1.0).contains(&self.photos_spread);
        if is_sane {
            return Ok(());
        }
        Err(format!(
            "expected shift from -2 to 2, spread from 0.5 to 2 and photos_spread from 0 to 1, found {}, {} and {}",
            self.shift, self.spread, self.photos_spread
        ))
    }
}

/// A face that is searched for, ready to be scored against templates.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Projected, norm 1.
    pub values: Vec<f32>,
    gain: f32,
    offset: f32,
}

/// The mean face of a person, ready to be scored against probes.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Projected, norm 1.
    pub values: Vec<f32>,
    /// Terms of the score that depend on the template alone.
    pub terms: TemplateTerms,
}

/// `score = dot * (gain + probe.gain * weight) - (offset + probe.offset * weight)`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TemplateTerms {
    gain: f32,
    offset: f32,
    /// How much the probe's own terms count: one over the scale of strangers' scores.
    weight: f32,
}

impl TemplateTerms {
    /// The score of a probe whose dot product with the template is `dot`; of strangers standard normal.
    #[must_use]
    pub fn score(self, probe: &Probe, dot: f32) -> f32 {
        dot * (self.gain + probe.gain * self.weight) - (self.offset + probe.offset * self.weight)
    }
}

impl Template {
    /// The score of a face against the person; of strangers standard normal.
    #[must_use]
    pub fn score(&self, probe: &Probe) -> f32 {
        // In the order of the search, so that the last bits are equal.
        let dot = self.values.iter().zip(&probe.values).fold(0.0, |sum, (a, b)| sum + a * b);
        self.terms.score(probe, dot)
    }
}

/// Statistics of strangers for one embedder and one crop margin.
#[derive(Debug, Clone, PartialEq)]
pub struct Cohort {
    origin: Origin,
    projection: Projection,
    mixture: Mixture,
    calibration: Calibration,
}

impl Cohort {
    /// Puts the parts together.
    ///
    /// # Errors
    /// What was expected and found, where the parts don't fit together.
    pub fn new(
        origin: Origin,
        projection: Projection,
        mixture: Mixture,
        calibration: Calibration,
    ) -> Result<Self, String> {
        if projection.dims() != mixture.dims() {
            let (expected, found) = (projection.dims(), mixture.dims());
            return Err(format!("expected a mixture of {expected} dimensions, found {found}"));
        }
        calibration.check()?;
        Ok(Self { origin, projection, mixture, calibration })
    }

    /// What it was made from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Length of a projected vector.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.projection.dims()
    }

    /// The distribution of strangers.
    #[must_use]
    pub fn mixture(&self) -> &Mixture {
        &self.mixture
    }

    /// The correction of scores.
    #[must_use]
    pub fn calibration(&self) -> Calibration {
        self.calibration
    }

    /// The projection of an embedding, norm 1.
    #[must_use]
    pub fn project(&self, embedding: &Embedding) -> Vec<f32> {
        self.projection.apply(embedding)
    }

    /// The projection of each embedding, norm 1: the same numbers as one by one, in a fraction of the time.
    #[must_use]
    pub fn project_each(&self, embeddings: &[&Embedding]) -> Vec<Vec<f32>> {
        embeddings.chunks(LANES).flat_map(|some| self.projection.apply_to_each(some)).collect()
    }

    /// A face to search for.
    #[must_use]
    pub fn probe(&self, embedding: &Embedding) -> Probe {
        self.projected_probe(self.project(embedding))
    }

    /// A face to search for, projected already.
    #[must_use]
    pub fn projected_probe(&self, values: Vec<f32>) -> Probe {
        let terms = own_terms(self.mixture.location_scale(&values));
        probe_of(values, terms)
    }

    /// The template of projected faces of one person. Their order changes last bits at most.
    #[must_use]
    pub fn template<'a>(&self, faces: impl IntoIterator<Item = &'a [f32]>) -> Template {
        let (mut sums, mut photos) = (vec![0.0_f64; self.dims()], 0_u32);
        for face in faces {
            sums.iter_mut().zip(face).for_each(|(sum, value)| *sum += f64::from(*value));
            photos += 1;
        }
        let norm = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt().max(1e-12);
        let values: Vec<f32> = sums.into_iter().map(|sum| (sum / norm) as f32).collect();
        let (gain, offset) = own_terms(self.mixture.location_scale(&values));
        let terms = self.template_terms(gain, offset, photos);
        Template { values, terms }
    }

    /// The template of this one face.
    #[must_use]
    pub fn single(&self, probe: &Probe) -> Template {
        let terms = self.template_terms(f64::from(probe.gain), f64::from(probe.offset), 1);
        Template { values: probe.values.clone(), terms }
    }

    fn template_terms(&self, gain: f64, offset: f64, photos: u32) -> TemplateTerms {
        let Calibration { common, shift, .. } = self.calibration;
        let weight = self.weight(photos);
        let gain = weight * (gain + COMMON / common.scale);
        let offset = weight * (offset + COMMON * common.location / common.scale + shift);
        TemplateTerms { gain: gain as f32, offset: offset as f32, weight: weight as f32 }
    }

    /// One over the scale of strangers' scores against a template of so many photos.
    fn weight(&self, photos: u32) -> f64 {
        let Calibration { spread, photos_spread, .. } = self.calibration;
        1.0 / (spread * (1.0 + photos_spread * (1.0 - 1.0 / f64::from(photos.max(1)))))
    }

    /// The score of a cosine similarity that is so many scales above what strangers' similarity to each of the two vectors is like,
    /// against a template of so many photos.
    fn weighted(&self, photos: u32, dot: f64, scales: [f64; 2]) -> f64 {
        let Calibration { common, shift, .. } = self.calibration;
        let common = COMMON * (dot - common.location) / common.scale;
        self.weight(photos) * (OWN * (scales[0] + scales[1]) + common - shift)
    }

    /// The probability that faces of different people are at least as alike as these two.
    #[must_use]
    pub fn false_match_probability(&self, a: &Embedding, b: &Embedding) -> f64 {
        let template = self.template([self.project(a).as_slice()]);
        normal::upper_tail(f64::from(template.score(&self.probe(b))))
    }
}

/// The terms of a vector's own normalisation: factor of the similarity, and what is subtracted.
fn own_terms(LocationScale { location, scale }: LocationScale) -> (f64, f64) {
    let gain = OWN / scale;
    (gain, location * gain)
}

fn probe_of(values: Vec<f32>, (gain, offset): (f64, f64)) -> Probe {
    Probe { gain: gain as f32, offset: offset as f32, values }
}

/// The probability that a stranger reaches `score` with at least one of `people` templates: `1 - (1 - p)^trials`, where
/// `p` is the false match rate of the score and `trials` the independent ones among the comparisons.
#[must_use]
pub fn stranger_probability(score: f64, people: usize) -> f64 {
    -((-normal::upper_tail(score)).ln_1p() * independent_trials(people)).exp_m1()
}

/// The score that a share `rate` of strangers reaches with at least one of `people` templates.
#[must_use]
pub fn threshold(rate: f64, people: usize) -> f64 {
    normal::upper_quantile(-((-rate).ln_1p() / independent_trials(people.max(1))).exp_m1())
}

/// How many independent comparisons a search among `people` amounts to.
fn independent_trials(people: usize) -> f64 {
    (people as f64).powf(INDEPENDENCE)
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// The vector of norm 1.
fn unit(mut values: Vec<f32>) -> Vec<f32> {
    let scale = (1.0 / norm(&values).max(1e-12)) as f32;
    for value in &mut values {
        *value *= scale;
    }
    values
}

#[cfg(test)]
mod tests;
