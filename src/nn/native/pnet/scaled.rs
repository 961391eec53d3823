//! A layer in 16-bit integers: the scales of its maps, its weights at the points of the transform, and how much their rounding
//! changes its sums.
//!
//! Scales follow from the intervals of all values, so that nothing overflows for any photo and no pass over the data is
//! needed to choose them. Integers count from the middle of a channel's interval: they need no sign for one whose values have
//! none.

use super::super::kernels::{PairLayer, PairLayout, PairOutput, ROWS};
use super::super::points::weight;
use super::intervals::{Intervals, Layer, PIXEL, activated, magnitude, middle, radius, sums};

/// What a standardised pixel of 1 becomes. The difference of two pixels, a point of the transform, fits 16 bits.
pub(super) const PIXEL_SCALE: f64 = 16384.0;
/// Magnitude of the greatest integer of a map: the difference of two fits 16 bits, with room for rounding.
const MAP_LIMIT: f64 = 16000.0;
/// Magnitude of the greatest sum, with room for rounding below 2^31.
const SUM_LIMIT: f64 = 2.0e9;
/// Magnitude of the greatest weight.
const WEIGHT_LIMIT: f64 = 32767.0;
/// Magnitudes below this are taken for this one: channels of zeros have finite scales, too.
const LEAST: f64 = 1e-6;

/// A layer, and what one becomes in each channel of its input.
pub(super) struct Scaled<'a> {
    pub(super) layer: &'a Layer,
    pub(super) scales: Vec<f64>,
    /// Of the input.
    pub(super) inputs: Intervals,
    /// Of the sums, before the activation.
    pub(super) sums: Intervals,
}

/// What one becomes in the channels of a map.
fn map_scale(interval: (f64, f64)) -> f64 {
    MAP_LIMIT / radius(interval).max(LEAST)
}

/// Weights of the three rows of a kernel at the points of the transform. Those of the last point have their sign turned, for
/// products to be added.
fn at_points([a, b, c]: [f64; 3]) -> [f64; ROWS] {
    [a, f64::midpoint(a + c, b), f64::midpoint(a + c, -b), -c]
}

impl<'a> Scaled<'a> {
    /// A layer on standardised pixels.
    pub(super) fn on_pixels(layer: &'a Layer) -> Self {
        let inputs = vec![(-PIXEL, PIXEL); layer.0.in_channels];
        let sums = sums(&layer.0, &inputs);
        Self { layer, scales: vec![PIXEL_SCALE; inputs.len()], inputs, sums }
    }

    /// The layer after another.
    pub(super) fn after(layer: &'a Layer, before: &Scaled<'_>) -> Self {
        let inputs = activated(&before.sums, &before.layer.1);
        let scales = inputs.iter().map(|&interval| map_scale(interval)).collect();
        let sums = sums(&layer.0, &inputs);
        Self { layer, scales, inputs, sums }
    }

    /// What its input is to be made of the sums of the layer before it: factors and offsets.
    pub(super) fn input_scales(&self) -> Vec<(f64, f64)> {
        (0..self.scales.len()).map(|input| (self.scales[input], self.zero(input))).collect()
    }

    /// The integer of an input of zero.
    fn zero(&self, input: usize) -> f64 {
        (-middle(self.inputs[input]) * self.scales[input]).round()
    }

    /// Weights of an input channel in column `x` at the points, before they are scaled for the sums.
    fn weights(&self, output: usize, input: usize, x: usize) -> [f64; ROWS] {
        let raw = &self.layer.0;
        at_points([0, 1, 2].map(|y| weight(raw, output, input, 3 * y + x))).map(|w| w / self.scales[input])
    }

    /// Input channels and columns.
    fn columns(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        (0..self.layer.0.in_channels).flat_map(|input| (0..3).map(move |x| (input, x)))
    }

    /// What one becomes in the sums of a channel.
    pub(super) fn sum_scale(&self, output: usize) -> f64 {
        let weights = self.columns().flat_map(|(input, x)| self.weights(output, input, x));
        let most = weights.map(f64::abs).fold(f64::MIN_POSITIVE, f64::max);
        (SUM_LIMIT / magnitude(self.sums[output]).max(LEAST)).min(WEIGHT_LIMIT / most)
    }

    /// Largest error of the sums of a channel because its weights are rounded.
    pub(super) fn rounding(&self, output: usize) -> f64 {
        let scale = self.sum_scale(output);
        let (mut upper, mut lower) = (0.0, 0.0);
        for (input, x) in self.columns() {
            let [a, b, c, d] = self.weights(output, input, x).map(|w| (w * scale).round() / scale - w);
            let most = magnitude(self.inputs[input]) * self.scales[input];
            // The error of the weight of each of the rows that a sum depends on.
            upper += most * (a.abs() + (b - c).abs() + (b + c - a).abs());
            lower += most * ((b + c + d).abs() + (b - c).abs() + d.abs());
        }
        f64::max(upper, lower)
    }

    /// The bias of a channel, scaled, less what the weights make of inputs of zero: a constant is seen at the second point only,
    /// twice. Rounding of the weights does not change the sums of such inputs.
    fn bias(&self, output: usize, scale: f64) -> f64 {
        let of_zeros = self.columns().map(|(input, x)| {
            let [_, weight, ..] = self.weights(output, input, x);
            2.0 * (weight * scale).round() * self.zero(input)
        });
        f64::from(self.layer.0.bias[output]) * scale - of_zeros.sum::<f64>()
    }

    /// Packs the layer. `outputs` are factor and offset of the activation's output for each channel; `halves` the input
    /// channels and columns of both halves of a tap.
    pub(super) fn pack(
        &self,
        layout: PairLayout,
        outputs: &[(f64, f64)],
        halves: impl Fn(usize) -> [Option<(usize, usize)>; 2],
    ) -> PairLayer {
        let (raw, slopes) = self.layer;
        let scales: Vec<f64> = (0..raw.out_channels).map(|output| self.sum_scale(output)).collect();
        let biases =
            scales.iter().enumerate().map(|(output, &scale)| self.bias(output, scale).round() as i32);
        let outputs = outputs.iter().zip(&scales).zip(slopes).map(|(((output, offset), scale), &slope)| {
            let positive = output / scale;
            let negative = positive * f64::from(slope);
            PairOutput { positive: positive as f32, negative: negative as f32, offset: *offset as f32 }
        });
        PairLayer::new(layout, biases.collect(), outputs.collect(), |output, tap| {
            let halves = halves(tap).map(|half| {
                let weights = half.map_or([0.0; ROWS], |(input, x)| self.weights(output, input, x));
                weights.map(|weight| (weight * scales[output]).round() as i16)
            });
            std::array::from_fn(|point| halves.map(|half| half[point]))
        })
    }
}
