//! The distribution of strangers' projected embeddings: a mixture of Gaussians.

use super::block::Matrix;
use super::normal;

/// Maximum number of components of a mixture.
pub const MAX_COMPONENTS: usize = 64;
/// The tail probabilities at which location and scale are matched.
const NEAR: f64 = 1e-3;
const FAR: f64 = 1e-5;
/// Their normal quantiles.
pub(super) const Z_NEAR: f64 = 3.090_232_306_167_813;
const Z_FAR: f64 = 4.264_890_793_922_825;
/// Minimum variance of a similarity, so that no scale is zero.
const MIN_VARIANCE: f64 = 1e-9;
/// Minimum scale, cosine similarity.
const MIN_SCALE: f64 = 1e-4;
/// How exact a quantile is, cosine similarity.
const PRECISION: f64 = 1e-8;
/// Newton's method takes about seven steps; bisection of the widest bracket, 28.
const MAX_STEPS: usize = 40;

/// Where the similarities of a vector to strangers end: the normal distribution with the same upper tail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LocationScale {
    /// Its mean, cosine similarity.
    pub location: f64,
    /// Its standard deviation, cosine similarity.
    pub scale: f64,
}

/// One Gaussian.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Share of the strangers.
    pub weight: f64,
    /// `dims` numbers.
    pub mean: Vec<f32>,
    /// `dims x dims` numbers, symmetric.
    pub covariance: Vec<f32>,
}

/// A mixture of Gaussians.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    gaussians: Vec<Gaussian>,
    dims: usize,
}

/// A component, laid out for computing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gaussian {
    weight: f64,
    pub(super) mean: Vec<f32>,
    pub(super) covariance: Matrix,
}

/// The similarity of one vector to a component's strangers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Similarity {
    pub(super) weight: f64,
    pub(super) mean: f64,
    pub(super) deviation: f64,
}

impl Mixture {
    /// The weights are scaled to a sum of 1.
    ///
    /// # Errors
    /// What was expected and found.
    pub fn new(mut components: Vec<Component>) -> Result<Self, String> {
        if !(1..=MAX_COMPONENTS).contains(&components.len()) {
            return Err(format!("expected 1 to {MAX_COMPONENTS} components, found {}", components.len()));
        }
        let dims = components.first().map_or(0, |component| component.mean.len());
        components.iter().try_for_each(|component| component.check(dims))?;
        let sum: f64 = components.iter().map(|component| component.weight).sum();
        for component in &mut components {
            component.weight /= sum;
        }
        let gaussian = |Component { weight, mean, covariance }: Component| Gaussian {
            weight,
            mean,
            covariance: Matrix::new(&covariance, dims),
        };
        Ok(Self { gaussians: components.into_iter().map(gaussian).collect(), dims })
    }

    /// The components; their weights add up to 1.
    #[must_use]
    pub fn components(&self) -> impl ExactSizeIterator<Item = Component> {
        self.gaussians.iter().map(|Gaussian { weight, mean, covariance }| Component {
            weight: *weight,
            mean: mean.clone(),
            covariance: covariance.columns().collect(),
        })
    }

    pub(super) fn gaussians(&self) -> &[Gaussian] {
        &self.gaussians
    }

    /// Length of the vectors.
    #[must_use]
    pub fn dims(&self) -> usize {
        self.dims
    }

    /// Location and scale of the similarity of `vector` to strangers: those of the normal distribution with the
    /// mixture's quantiles at 1e-3 and 1e-5. Of one component they are mean and standard deviation.
    #[must_use]
    pub fn location_scale(&self, vector: &[f32]) -> LocationScale {
        let [parts] = self.similarities(vector.as_chunks::<1>().0);
        location_scale(&parts)
    }

    /// The similarities of each of several vectors, of which there is one number each side by side, to each component.
    pub(super) fn similarities<const L: usize>(&self, vectors: &[[f32; L]]) -> [Vec<Similarity>; L] {
        let of_all: Vec<[Similarity; L]> =
            self.gaussians.iter().map(|gaussian| gaussian.similarities(vectors)).collect();
        std::array::from_fn(|lane| of_all.iter().map(|similarities| similarities[lane]).collect())
    }
}

impl Similarity {
    pub(super) fn new(weight: f64, mean: f64, variance: f64) -> Self {
        Self { weight, mean, deviation: variance.max(MIN_VARIANCE).sqrt() }
    }
}

/// Location and scale of a mixture of normal distributions, as [`Mixture::location_scale`] has them.
pub(super) fn location_scale(parts: &[Similarity]) -> LocationScale {
    let (near, far) = (quantile(parts, NEAR, Z_NEAR), quantile(parts, FAR, Z_FAR));
    let scale = ((far - near) / (Z_FAR - Z_NEAR)).max(MIN_SCALE);
    LocationScale { location: near - Z_NEAR * scale, scale }
}

/// Whether `at` is known to be [`Z_NEAR`] scales or more above the location, without a quantile: it is that far above the mean of each
/// part, so it is not below the quantile of all.
pub(super) fn is_far_above(parts: &[Similarity], at: f64) -> bool {
    parts.iter().all(|part| at >= part.mean + Z_NEAR * part.deviation)
}

impl Component {
    fn check(&self, dims: usize) -> Result<(), String> {
        let (mean, covariance) = (self.mean.len(), self.covariance.len());
        if dims == 0 || mean != dims || covariance != dims * dims {
            return Err(format!(
                "expected a mean of {dims} and a covariance of {dims} x {dims} numbers, found {mean} and {covariance}"
            ));
        }
        let is_finite = self.mean.iter().chain(&self.covariance).all(|value| value.is_finite());
        if !is_finite || self.covariance.iter().step_by(dims + 1).any(|variance| *variance < 0.0) {
            return Err(
                "expected finite means and covariances with positive variances, found others".to_owned()
            );
        }
        if !(1e-9..=1e9).contains(&self.weight) {
            return Err(format!("expected a positive weight, found {}", self.weight));
        }
        Ok(())
    }
}

impl Gaussian {
    /// Mean and standard deviation of the dot product with each of the vectors.
    fn similarities<const L: usize>(&self, vectors: &[[f32; L]]) -> [Similarity; L] {
        let products = self.covariance.times(&vec![0.0; self.mean.len()], vectors);
        let (mut means, mut variances) = ([0.0; L], [0.0; L]);
        for ((mean, product), vector) in self.mean.iter().zip(&products).zip(vectors) {
            for lane in 0..L {
                let value = f64::from(vector[lane]);
                means[lane] += f64::from(*mean) * value;
                variances[lane] += f64::from(product[lane]) * value;
            }
        }
        std::array::from_fn(|lane| Similarity::new(self.weight, means[lane], variances[lane]))
    }
}

/// The value that the mixture exceeds with `probability`, whose normal quantile is `z`. Newton's method on the
/// logarithm of the tail, with bisection where it leaves the bracket: the quantile lies between those of the components.
fn quantile(parts: &[Similarity], probability: f64, z: f64) -> f64 {
    let (mut low, mut high) = parts.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), part| {
        let own = part.mean + z * part.deviation;
        (low.min(own), high.max(own))
    });
    let mut at = high;
    for _ in 0..MAX_STEPS {
        let (mut tail, mut density) = (0.0, 0.0);
        for part in parts {
            let u = (at - part.mean) / part.deviation;
            tail += part.weight * normal::upper_tail(u);
            density += part.weight * normal::density(u) / part.deviation;
        }
        if tail > probability {
            low = at;
        } else {
            high = at;
        }
        let newton = at + (tail / probability).ln() * tail / density;
        // The comparison is also false for a step that is not a number.
        let next = if newton >= low && newton <= high { newton } else { 0.5 * (low + high) };
        if (next - at).abs() < PRECISION {
            return next;
        }
        at = next;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(weight: f64, mean: f32, variance: f32) -> Component {
        Component { weight, mean: vec![mean, 0.0], covariance: vec![variance, 0.0, 0.0, variance] }
    }

    #[test]
    fn one_component_gives_its_mean_and_deviation() {
        let mixture = Mixture::new(vec![component(1.0, 0.25, 0.04)]).unwrap();
        let found = mixture.location_scale(&[1.0, 0.0]);
        assert!((found.location - 0.25).abs() < 1e-6 && (found.scale - 0.2).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn the_quantile_of_two_components_is_where_their_tails_add_up() {
        let mixture = Mixture::new(vec![component(3.0, 0.0, 0.01), component(1.0, 0.3, 0.04)]).unwrap();
        let [parts] = mixture.similarities(&[[1.0], [0.0]]);
        for probability in [0.2, 1e-2, 1e-5] {
            let at = quantile(&parts, probability, normal::upper_quantile(probability));
            let tail = 0.75 * normal::upper_tail(at / 0.1) + 0.25 * normal::upper_tail((at - 0.3) / 0.2);
            assert!((tail / probability - 1.0).abs() < 1e-4, "{probability}: {tail}");
        }
    }

    #[test]
    fn several_vectors_at_once_have_the_similarities_of_each() {
        let number = |at: usize| ((at * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
        let of = |seed: usize| {
            let mut covariance = vec![0.0; 49];
            for (at, value) in covariance.iter_mut().enumerate() {
                let (i, j) = (at / 7, at % 7);
                *value = if i == j { 3.0 } else { 0.2 * number(i * j + i + j + seed) };
            }
            Component { weight: 1.0, mean: (0..7).map(|at| number(at + seed)).collect(), covariance }
        };
        let mixture = Mixture::new(vec![of(3), of(50)]).unwrap();
        let vectors: Vec<Vec<f32>> =
            (0..5).map(|seed| (0..7).map(|at| number(at + 9 * seed)).collect()).collect();
        let lanes = super::super::block::interleaved(vectors.iter().map(Vec::as_slice), 7);
        for (found, vector) in mixture.similarities(&lanes).iter().zip(&vectors) {
            let [alone] = mixture.similarities(vector.as_chunks::<1>().0);
            assert_eq!(*found, alone);
        }
    }

    #[test]
    fn what_is_known_to_be_far_above_is_so() {
        let mixture = Mixture::new(vec![component(3.0, 0.0, 0.01), component(1.0, 0.3, 0.04)]).unwrap();
        let [parts] = mixture.similarities(&[[1.0], [0.0]]);
        let found = location_scale(&parts);
        let least = 0.3 + Z_NEAR * 0.2;
        assert!(!is_far_above(&parts, least - 1e-4) && is_far_above(&parts, least + 1e-4));
        assert!(least - 1e-4 >= found.location + Z_NEAR * found.scale);
    }

    #[test]
    fn the_constants_are_quantiles_of_the_normal_distribution() {
        assert!((normal::upper_quantile(NEAR) - Z_NEAR).abs() < 1e-9);
        assert!((normal::upper_quantile(FAR) - Z_FAR).abs() < 1e-9);
    }

    #[test]
    fn components_of_wrong_sizes_and_values_are_refused() {
        let changed = |change: &dyn Fn(&mut Component)| {
            let mut component = component(1.0, 0.1, 0.01);
            change(&mut component);
            Mixture::new(vec![component])
        };
        assert!(changed(&|_| ()).is_ok());
        assert!(changed(&|c| c.covariance.truncate(3)).is_err());
        assert!(changed(&|c| c.mean.clear()).is_err());
        assert!(changed(&|c| c.mean[0] = f32::NAN).is_err());
        assert!(changed(&|c| c.covariance[3] = -1.0).is_err());
        assert!(changed(&|c| c.weight = 0.0).is_err());
        assert!(Mixture::new(vec![]).is_err());
    }
}
