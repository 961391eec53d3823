//! The standard normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// The probability of more than `z`.
#[must_use]
pub fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z / SQRT_2)
}

/// The density at `z`.
#[must_use]
pub fn density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The `z` that is exceeded with `probability`, above 0 and below 1. By bisection: it is only used to prepare tables.
#[must_use]
pub fn upper_quantile(probability: f64) -> f64 {
    let (mut low, mut high) = (-38.0, 38.0);
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if upper_tail(middle) > probability { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of scipy.stats.norm.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (probability, z) in [
            (0.5, 0.0),
            (0.975, -1.959_963_984_540_054),
            (1e-2, 2.326_347_874_040_841),
            (1e-3, 3.090_232_306_167_813),
            (1e-6, 4.753_424_308_822_899),
            (1e-12, 7.034_483_825_301_131),
        ] {
            assert!((upper_quantile(probability) - z).abs() < 1e-9, "{probability}");
            assert!((upper_tail(z) / probability - 1.0).abs() < 1e-9, "{probability}");
        }
    }
}
