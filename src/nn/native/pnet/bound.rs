//! How far the first pass can be from the second one, for any photo: a bound on the difference of their "face" logits
//! from the weights alone.
//!
//! Both passes are compared with P-Net in exact arithmetic on the same rows of pooled pixels. The intervals of all
//! values follow from those of the pixels. Each float32 operation adds at most half a unit in the last place
//! ([`UNIT`] of its result); errors of a layer go through the next one with the absolute sums of its weights.

use super::super::conv::RawConv;
use super::super::points::{Axis, weight, weights_at_points};

/// Largest relative error of a float32 operation.
const UNIT: f64 = 1.0 / 16_777_216.0;
/// Standardised pixels lie within ±0.99609 and a few units in the last place.
const PIXEL: f64 = 0.997;
/// Covers the products of errors, which the sums below leave out, and the rounding of the bound itself: they are
/// thousands of times smaller.
const RESERVE: f64 = 1.1;

/// Weights and slopes of a layer.
pub(super) type Layer = (RawConv, Vec<f32>);

/// Least and greatest value of each channel.
type Intervals = Vec<(f64, f64)>;

fn magnitude((least, greatest): (f64, f64)) -> f64 {
    least.abs().max(greatest.abs())
}

/// Intervals before the activation.
fn sums(raw: &RawConv, inputs: &Intervals) -> Intervals {
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

/// Intervals after the activation, a little widened for rounding; they hold zero, the value of padding.
fn activated(sums: &Intervals, slopes: &[f32]) -> Intervals {
    let interval = |(&(least, greatest), &slope): (&(f64, f64), &f32)| {
        let at = |sum: f64| if sum > 0.0 { sum } else { sum * f64::from(slope) };
        let (a, b) = (at(least), at(greatest));
        (a.min(b).min(0.0) * 1.001, a.max(b).max(0.0) * 1.001)
    };
    sums.iter().zip(slopes).map(interval).collect()
}

/// Rounding error of each output channel when the taps are summed one after the other.
fn direct_error(raw: &RawConv, inputs: &Intervals) -> Vec<f64> {
    let error = |output: usize| {
        let mut total = 2.0 * f64::from(raw.bias[output]).abs();
        let taps = 9 * raw.in_channels;
        for place in 0..9 {
            for (input, &interval) in inputs.iter().enumerate() {
                let tap = place * raw.in_channels + input;
                let product = weight(raw, output, input, place).abs() * magnitude(interval);
                total += product * (taps - tap + 3) as f64;
            }
        }
        UNIT * total
    };
    (0..raw.out_channels).map(error).collect()
}

/// Rounding error of each output channel by Winograd's transform.
fn winograd_error(raw: &RawConv, inputs: &Intervals, rows: &Axis, columns: &Axis) -> Vec<f64> {
    let rounded_inputs = rows.input_roundings + columns.input_roundings;
    // Magnitude at a point, and that of the sum of absolute terms, for each input channel.
    let at_point = |row: &[f64], column: &[f64], interval: (f64, f64)| {
        let (mut least, mut greatest, mut absolute) = (0.0, 0.0, 0.0);
        for factor in row.iter().flat_map(|a| column.iter().map(move |b| a * b)) {
            let (a, b) = (factor * interval.0, factor * interval.1);
            (least, greatest) = (least + a.min(b), greatest + a.max(b));
            absolute += factor.abs() * magnitude(interval);
        }
        (magnitude((least, greatest)), absolute)
    };
    let points: Vec<Vec<(f64, f64)>> = inputs
        .iter()
        .map(|&interval| {
            let rows = rows.inputs.iter();
            rows.flat_map(|row| columns.inputs.iter().map(move |column| at_point(row, column, interval)))
                .collect()
        })
        .collect();
    let error = |output: usize| {
        let (mut sums, mut errors) = (vec![0.0; points[0].len()], vec![0.0; points[0].len()]);
        for (input, points) in points.iter().enumerate() {
            let weights = weights_at_points(raw, (output, input), rows, columns);
            for (point, (weight, &(value, absolute))) in weights.iter().zip(points).enumerate() {
                let product = weight.abs() * value;
                sums[point] += product;
                // The weight is rounded, the product may be, and each sum from here on.
                errors[point] +=
                    product * (raw.in_channels - input + 3) as f64 + weight.abs() * absolute * rounded_inputs;
            }
        }
        let roundings = rows.output_roundings + columns.output_roundings + 1.0;
        let worst = |row: &Vec<f64>, column: &Vec<f64>| -> f64 {
            let factors = row.iter().flat_map(|a| column.iter().map(move |b| (a * b).abs()));
            factors.zip(sums.iter().zip(&errors)).map(|(f, (sum, error))| f * (error + sum * roundings)).sum()
        };
        let outputs =
            rows.outputs.iter().flat_map(|row| columns.outputs.iter().map(move |column| (row, column)));
        let worst = outputs.map(|(row, column)| worst(row, column)).fold(0.0, f64::max);
        UNIT * (worst + 2.0 * f64::from(raw.bias[output]).abs())
    };
    (0..raw.out_channels).map(error).collect()
}

/// How an error of each channel of the second layer, at all nine places, reaches the logit: the slope between two
/// values of a PReLU lies between 1 and its own.
fn reach(third: &Layer, score: &[f32]) -> Vec<f64> {
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

/// Largest difference between the logits of the two passes.
pub(super) fn logit_bound(
    first: &Layer,
    second: &Layer,
    third: &Layer,
    score: &[f32],
    score_bias: f32,
) -> f64 {
    let steepest = |slope: f32| f64::from(slope).abs().max(1.0);
    let pixels = vec![(-PIXEL, PIXEL); first.0.in_channels];
    let pooled = activated(&sums(&first.0, &pixels), &first.1);
    let middle = activated(&sums(&second.0, &pooled), &second.1);
    let last = sums(&third.0, &middle);
    let reach = reach(third, score);
    let (two, four) = (Axis::two(), Axis::four());
    let pass = |second_error: Vec<f64>, third_error: Vec<f64>| -> f64 {
        let mut total = UNIT * f64::from(score_bias).abs() * 2.0;
        for (channel, error) in second_error.into_iter().enumerate() {
            let rounding = UNIT * magnitude(middle[channel]);
            total += reach[channel] * (steepest(second.1[channel]) * error + rounding);
        }
        for (channel, error) in third_error.into_iter().enumerate() {
            // Rounded by the activation, the product and up to 33 sums.
            let rounding = UNIT * magnitude(last[channel]) * 36.0;
            total += f64::from(score[channel]).abs() * steepest(third.1[channel]) * (error + rounding);
        }
        total
    };
    let direct = pass(direct_error(&second.0, &pooled), direct_error(&third.0, &middle));
    let winograd =
        pass(winograd_error(&second.0, &pooled, &two, &two), winograd_error(&third.0, &middle, &two, &four));
    RESERVE * (direct + winograd)
}
