//! How far the logits of the first pass can be from those of the second, for any photo, from the weights alone: when all
//! roundings add up in the worst way on the greatest values that each map can have.

use super::super::points::weight;
use super::intervals::Layer;
use super::scaled::{PIXEL_SCALE, Scaled};
use super::sizes::THIRD;

/// Largest error of a rounded integer.
const HALF: f64 = 0.5;

/// How an error of each channel of the second layer, at all nine places, reaches the logit: the slope between two
/// values of a PReLU lies between 1 and its own.
fn reach(third: &Layer, score: &[f32; THIRD]) -> Vec<f64> {
    let (raw, slopes) = third;
    let through = |input: usize, place: usize| {
        let (mut centre, mut radius) = (0.0, 0.0);
        for (output, (&score, &slope)) in score.iter().zip(slopes).enumerate() {
            let term = f64::from(score) * weight(raw, output, input, place);
            centre += term * (1.0 + f64::from(slope)) / 2.0;
            radius += (term * (1.0 - f64::from(slope)) / 2.0).abs();
        }
        f64::abs(centre) + radius
    };
    (0..raw.in_channels).map(|input| (0..9).map(|place| through(input, place)).sum()).collect()
}

/// Errors of a layer's sums from those of its input.
fn errors(layer: &Scaled<'_>, inputs: &[f64]) -> Vec<f64> {
    let raw = &layer.layer.0;
    let error = |output: usize| {
        let carried = inputs.iter().enumerate().flat_map(|(input, error)| {
            (0..9).map(move |place| weight(raw, output, input, place).abs() * error)
        });
        layer.rounding(output) + carried.sum::<f64>()
    };
    (0..raw.out_channels).map(error).collect()
}

/// Errors after the activation, and after rounding to these scales.
fn activated(layer: &Scaled<'_>, errors: &[f64], scales: &[f64]) -> Vec<f64> {
    let steepest = layer.layer.1.iter().map(|slope| f64::from(slope.abs().max(1.0)));
    errors
        .iter()
        .zip(steepest)
        .zip(scales)
        .map(|((error, slope), scale)| error * slope + HALF / scale)
        .collect()
}

/// Errors of each layer's sums. The rounding of floats is left out: it is a thousandth of that of integers.
pub(super) fn sum_errors([first, second, third]: &[Scaled<'_>; 3]) -> [Vec<f64>; 3] {
    let firsts = errors(first, &vec![HALF / PIXEL_SCALE; first.scales.len()]);
    let seconds = errors(second, &activated(first, &firsts, &second.scales));
    let thirds = errors(third, &activated(second, &seconds, &third.scales));
    [firsts, seconds, thirds]
}

/// Largest difference between the logits of the two passes.
pub(super) fn worst_case(layers: &[Scaled<'_>; 3], score: &[f32; THIRD]) -> f64 {
    let [_, second, third] = layers;
    let [_, seconds, _] = sum_errors(layers);
    let middle = activated(second, &seconds, &third.scales);
    let carried: f64 =
        reach(third.layer, score).iter().zip(&middle).map(|(reach, error)| reach * error).sum();
    let steepest = third.layer.1.iter().map(|slope| slope.abs().max(1.0));
    let own = score.iter().zip(steepest).enumerate();
    let own: f64 =
        own.map(|(output, (score, slope))| f64::from(score.abs() * slope) * third.rounding(output)).sum();
    carried + own
}
