//! Basis and mixture of a cohort, from embeddings.
//!
//! Every person has the same weight, whatever the number of photos. The basis holds the directions that keep all but
//! [`LOST_VARIANCE`] of the variance; the mixture is fitted by expectation maximisation, each covariance drawn to the
//! common one.

use std::collections::BTreeSet;

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};

use super::mixture::{Component, LocationScale, Mixture};
use super::{Calibration, Cohort, Origin, Projection};
use crate::embed::Embedding;
use crate::nn::EMBEDDING_LEN;

/// The share of the variance that the basis may lose.
const LOST_VARIANCE: f64 = 1e-4;
/// One component for so many people, up to a limit.
const PEOPLE_PER_COMPONENT: f64 = 150.0;
const MAX_FITTED_COMPONENTS: f64 = 16.0;
/// A component's covariance is drawn to the common one as if by so many people.
const PRIOR_PEOPLE: f64 = 100.0;
const K_MEANS_STEPS: usize = 12;
const EM_STEPS: usize = 12;
/// Added to the diagonal of a covariance before it is factored.
const RIDGE: f64 = 1e-6;

/// A face of a stranger.
#[derive(Debug, Clone, PartialEq)]
pub struct StrangerFace {
    /// Which person: photos of one person share one number.
    pub person: usize,
    /// What the face looks like.
    pub embedding: Embedding,
}

/// Basis and mixture, not calibrated.
///
/// # Errors
/// What was expected and found: embeddings that are all alike have no directions.
pub(super) fn estimate(origin: &Origin, faces: &[&StrangerFace]) -> Result<Cohort, String> {
    let weights = person_weights(faces);
    let projection = fit_projection(faces, &weights)?;
    let (dims, photos) = (projection.dims(), faces.len());
    let projected: Vec<Vec<f32>> = faces.iter().map(|face| projection.apply(&face.embedding)).collect();
    let values = projected.iter().flatten().map(|value| f64::from(*value));
    let points = DMatrix::from_iterator(dims, photos, values);
    let people = count_people(faces.iter().copied());
    let components = (people as f64 / PEOPLE_PER_COMPONENT).round().clamp(1.0, MAX_FITTED_COMPONENTS);
    let mixture = fit_mixture(&points, &weights, components as usize)?;
    let common = mean_location_scale(&mixture, &projected, &weights);
    Cohort::new(origin.clone(), projection, mixture, Calibration::uncorrected(common))
}

/// Location and scale of the mean stranger: arithmetic and geometric mean.
fn mean_location_scale(mixture: &Mixture, faces: &[Vec<f32>], weights: &[f64]) -> LocationScale {
    let (mut location, mut log_scale) = (0.0, 0.0);
    for (face, weight) in faces.iter().zip(weights) {
        let own = mixture.location_scale(face);
        location += weight * own.location;
        log_scale += weight * own.scale.ln();
    }
    LocationScale { location, scale: log_scale.exp() }
}

pub(super) fn count_people<'a>(faces: impl Iterator<Item = &'a StrangerFace>) -> usize {
    faces.map(|face| face.person).collect::<BTreeSet<_>>().len()
}

/// The weight of each face: those of a person add up to one over the number of people.
pub(super) fn person_weights(faces: &[&StrangerFace]) -> Vec<f64> {
    let mut counts = std::collections::BTreeMap::<usize, f64>::new();
    for face in faces {
        *counts.entry(face.person).or_default() += 1.0;
    }
    let people = counts.len() as f64;
    faces.iter().map(|face| 1.0 / (counts.get(&face.person).copied().unwrap_or(1.0) * people)).collect()
}

/// The main directions of the embeddings, and their mean in them.
fn fit_projection(faces: &[&StrangerFace], weights: &[f64]) -> Result<Projection, String> {
    let values = faces.iter().flat_map(|face| face.embedding.values().into_owned()).map(f64::from);
    let mut points = DMatrix::from_iterator(EMBEDDING_LEN, faces.len(), values);
    let mean = &points * DVector::from_column_slice(weights);
    for (mut point, weight) in points.column_iter_mut().zip(weights) {
        point -= &mean;
        point *= weight.sqrt();
    }
    let eigen = SymmetricEigen::new(&points * points.transpose());
    let mut order: Vec<usize> = (0..EMBEDDING_LEN).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let kept = (1.0 - LOST_VARIANCE) * eigen.eigenvalues.sum();
    if !kept.is_finite() || kept < 1e-9 {
        return Err("expected embeddings that differ, found all alike".to_owned());
    }
    let mut variance = 0.0;
    let (mut basis, mut center) = (Vec::new(), Vec::new());
    for at in order {
        let direction = eigen.eigenvectors.column(at);
        center.push(direction.dot(&mean) as f32);
        basis.extend(direction.iter().map(|value| *value as f32));
        variance += eigen.eigenvalues[at];
        if variance >= kept {
            break;
        }
    }
    Projection::new(&basis, center)
}

/// Weights, means and covariances while they are fitted.
struct Gaussian {
    weight: f64,
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
}

/// Expectation maximisation over the columns of `points`, started by k-means.
fn fit_mixture(points: &DMatrix<f64>, weights: &[f64], components: usize) -> Result<Mixture, String> {
    let people = 1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>();
    let mut shares = k_means(points, weights, components);
    let mut gaussians = maximize(points, weights, &shares, people);
    for _ in 1..EM_STEPS {
        shares = expect(points, &gaussians)?;
        gaussians = maximize(points, weights, &shares, people);
    }
    let component = |gaussian: Gaussian| Component {
        weight: gaussian.weight,
        mean: gaussian.mean.iter().map(|value| *value as f32).collect(),
        covariance: gaussian.covariance.iter().map(|value| *value as f32).collect(),
    };
    Mixture::new(gaussians.into_iter().map(component).collect())
}

/// To which component each point belongs: `components x points`, one 1 in each column.
fn k_means(points: &DMatrix<f64>, weights: &[f64], components: usize) -> DMatrix<f64> {
    // Points spread evenly over the list: people come in no order of likeness.
    let start = |at: usize| points.column(at * points.ncols() / components).into_owned();
    let mut means: Vec<DVector<f64>> = (0..components).map(start).collect();
    let mut shares = DMatrix::zeros(components, points.ncols());
    for _ in 0..K_MEANS_STEPS {
        shares.fill(0.0);
        for (mut share, point) in shares.column_iter_mut().zip(points.column_iter()) {
            let distance = |mean: &DVector<f64>| mean.norm_squared() - 2.0 * mean.dot(&point);
            let nearest =
                (0..components).min_by(|a, b| distance(&means[*a]).total_cmp(&distance(&means[*b])));
            share[nearest.unwrap_or_default()] = 1.0;
        }
        for (at, mean) in means.iter_mut().enumerate() {
            let (sum, mass) = weighted_sum(points, weights, &shares, at);
            if mass > 0.0 {
                *mean = sum / mass;
            }
        }
    }
    shares
}

/// Sum of the points of a component, and their weight.
fn weighted_sum(
    points: &DMatrix<f64>,
    weights: &[f64],
    shares: &DMatrix<f64>,
    component: usize,
) -> (DVector<f64>, f64) {
    let parts = DVector::from_iterator(
        weights.len(),
        shares.row(component).iter().zip(weights).map(|(share, weight)| share * weight),
    );
    (points * &parts, parts.sum())
}

/// The components that fit the shares best. `people` is the effective number of people.
fn maximize(points: &DMatrix<f64>, weights: &[f64], shares: &DMatrix<f64>, people: f64) -> Vec<Gaussian> {
    let mut gaussians = Vec::with_capacity(shares.nrows());
    let mut common = DMatrix::zeros(points.nrows(), points.nrows());
    for at in 0..shares.nrows() {
        let (sum, mass) = weighted_sum(points, weights, shares, at);
        let mass = mass.max(1e-6);
        let mean = sum / mass;
        let mut scaled = points.clone();
        let parts = shares.row(at).into_owned();
        for ((mut point, share), weight) in scaled.column_iter_mut().zip(parts.iter()).zip(weights) {
            point -= &mean;
            point *= (share * weight).sqrt();
        }
        let scatter = &scaled * scaled.transpose();
        common += &scatter;
        gaussians.push(Gaussian { weight: mass, mean, covariance: scatter });
    }
    common /= gaussians.iter().map(|gaussian| gaussian.weight).sum::<f64>();
    for gaussian in &mut gaussians {
        let own = gaussian.weight * people;
        gaussian.covariance = (&gaussian.covariance * people + &common * PRIOR_PEOPLE) / (own + PRIOR_PEOPLE);
    }
    gaussians
}

/// The share of each component in each point.
fn expect(points: &DMatrix<f64>, gaussians: &[Gaussian]) -> Result<DMatrix<f64>, String> {
    let mut shares = DMatrix::zeros(gaussians.len(), points.ncols());
    for (at, gaussian) in gaussians.iter().enumerate() {
        let ridge = DMatrix::identity(points.nrows(), points.nrows()) * RIDGE;
        let root = Cholesky::new(&gaussian.covariance + ridge)
            .ok_or("expected embeddings with a positive covariance, found others")?
            .unpack();
        let mut centered = points.clone();
        centered.column_iter_mut().for_each(|mut point| point -= &gaussian.mean);
        if !root.solve_lower_triangular_mut(&mut centered) {
            return Err("expected embeddings with a positive covariance, found others".to_owned());
        }
        let constant = gaussian.weight.ln() - root.diagonal().iter().map(|value| value.ln()).sum::<f64>();
        for (share, point) in shares.row_mut(at).iter_mut().zip(centered.column_iter()) {
            *share = constant - 0.5 * point.norm_squared();
        }
    }
    for mut share in shares.column_iter_mut() {
        let most = share.max();
        share.iter_mut().for_each(|value| *value = (*value - most).exp());
        let sum = share.sum();
        share /= sum;
    }
    Ok(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two faces of each of 30 people, in six directions; `models/convert/fit_cohort.py` was given the same.
    fn faces() -> Vec<StrangerFace> {
        let value = |face: usize, at: usize| {
            let part = |k: usize| {
                let (i, j, k) = ((face + 1) as f64, (at + 1) as f64, (k + 1) as f64);
                (i * k * k * 1.7).sin() * (k * j * 0.7).sin()
            };
            ((0..6_usize).map(part).sum::<f64>() + 0.3) as f32
        };
        let embedding =
            |face| Embedding::new((0..EMBEDDING_LEN).map(|at| value(face, at)).collect()).unwrap();
        (0..60).map(|face| StrangerFace { person: face / 2, embedding: embedding(face) }).collect()
    }

    fn origin() -> Origin {
        Origin {
            model: "casia".to_owned(),
            margin_px: 32,
            source: "synthetic".to_owned(),
            people: 0,
            photos: 0,
        }
    }

    /// The figures are the script's.
    #[test]
    fn the_fit_is_that_of_the_script() {
        let faces = faces();
        let cohort = estimate(&origin(), &faces.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!((cohort.dims(), cohort.mixture().components().len()), (7, 1));
        let expected = [
            (0.000_151_9, 0.396_763_6),
            (0.001_760_6, 0.421_164_2),
            (-0.001_320_5, 0.390_944_7),
            (0.000_159_3, 0.401_315_8),
        ];
        for (face, (location, scale)) in faces.iter().zip(expected) {
            let found = cohort.mixture().location_scale(&cohort.project(&face.embedding));
            assert!(
                (found.location - location).abs() < 1e-4 && (found.scale - scale).abs() < 1e-4,
                "{found:?}"
            );
        }
        assert!((cohort.calibration().common.scale - 0.4135).abs() < 1e-4);
        let template = cohort.template([cohort.project(&faces[0].embedding).as_slice()]);
        for (face, score) in faces.iter().zip([2.489_52, -0.793_737, -1.155_277, 0.826_107]) {
            assert!((f64::from(template.score(&cohort.probe(&face.embedding))) - score).abs() < 1e-3);
        }
    }

    #[test]
    fn faces_that_are_all_alike_have_no_directions() {
        let face = faces().swap_remove(0);
        let alike: Vec<StrangerFace> = (0..5).map(|person| StrangerFace { person, ..face.clone() }).collect();
        let message = estimate(&origin(), &alike.iter().collect::<Vec<_>>()).unwrap_err();
        assert_eq!(message, "expected embeddings that differ, found all alike");
    }

    #[test]
    fn two_separate_crowds_become_two_components() {
        // 2 x 20 points around (3, 0) and (-3, 0), on small circles.
        let point = |at: usize| {
            let angle = at as f64 * 2.0;
            let center = if at.is_multiple_of(2) { 3.0 } else { -3.0 };
            [center + 0.3 * angle.cos(), 0.3 * angle.sin()]
        };
        let points = DMatrix::from_iterator(2, 40, (0..40).flat_map(point));
        let mixture = fit_mixture(&points, &[1.0 / 40.0; 40], 2).unwrap();
        let mut found: Vec<(f64, f32)> =
            mixture.components().map(|part| (part.weight, part.mean[0])).collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1));
        for ((weight, mean), expected) in found.into_iter().zip([-3.0, 3.0]) {
            assert!((weight - 0.5).abs() < 1e-3 && (mean - expected).abs() < 0.1, "{weight} {mean}");
        }
    }
}
