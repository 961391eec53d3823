//! Intervals of all values of P-Net, for any photo, from the weights alone.

use super::super::conv::RawConv;
use super::super::points::weight;

/// Standardised pixels lie within ±0.99609 and a few units in the last place.
pub(super) const PIXEL: f64 = 0.997;

/// Weights and slopes of a layer.
pub(super) type Layer = (RawConv, Vec<f32>);

/// Least and greatest value of each channel.
pub(super) type Intervals = Vec<(f64, f64)>;

pub(super) fn magnitude((least, greatest): (f64, f64)) -> f64 {
    least.abs().max(greatest.abs())
}

pub(super) fn middle((least, greatest): (f64, f64)) -> f64 {
    f64::midpoint(least, greatest)
}

/// Half of the width.
pub(super) fn radius((least, greatest): (f64, f64)) -> f64 {
    (greatest - least) / 2.0
}

/// Intervals before the activation.
pub(super) fn sums(raw: &RawConv, inputs: &Intervals) -> Intervals {
    let interval = |output: usize| {
        let bias = f64::from(raw.bias[output]);
        let mut total = (bias, bias);
        for (input, &(least, greatest)) in inputs.iter().enumerate() {
            for place in 0..9 {
                let weight = weight(raw, output, input, place);
                let (a, b) = (weight * least, weight * greatest);
                total = (total.0 + a.min(b), total.1 + a.max(b));
            }
        }
        total
    };
    (0..raw.out_channels).map(interval).collect()
}

/// Intervals after the activation; they hold zero.
pub(super) fn activated(sums: &Intervals, slopes: &[f32]) -> Intervals {
    let interval = |(&(least, greatest), &slope): (&(f64, f64), &f32)| {
        let at = |sum: f64| if sum > 0.0 { sum } else { sum * f64::from(slope) };
        let (a, b) = (at(least), at(greatest));
        (a.min(b).min(0.0), a.max(b).max(0.0))
    };
    sums.iter().zip(slopes).map(interval).collect()
}
