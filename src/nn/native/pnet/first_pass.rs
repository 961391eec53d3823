//! The first pass: the "face" logit of all cells with fewer multiplications, by Winograd's minimal filtering. It
//! rounds differently from the direct sums, by less than a bound that `bound` proves. So the cells that it finds below the
//! threshold by more than the bound can be left out; the second pass computes the others by the direct sums.

use super::super::kernels::{
    Activation, BiasPRelu, Kernels, POINTS_2X2, POINTS_2X4, SourceLayout, SourceRows, Tile,
};
use super::super::points::{Axis, weights_at_points};
use super::bound::{Layer, logit_bound};
use super::sizes::{POOLED, SECOND, THIRD};

/// Largest number of tiles of a block.
const TILES: usize = 14;
const NO_BIAS: [f32; THIRD] = [0.0; THIRD];

/// Weights of the first pass.
#[derive(Debug)]
pub(super) struct FirstPass {
    second: PointLayer,
    third: PointLayer,
    score: [f32; THIRD],
    score_bias: f32,
    /// Largest difference from the logit of the second pass.
    pub(super) bound: f32,
}

/// A layer's weights at the points of a tile: points x input channels x output channels.
#[derive(Debug)]
struct PointLayer {
    weights: Vec<f32>,
    layout: SourceLayout,
    inputs: usize,
    bias: Vec<f32>,
    slopes: Vec<f32>,
}

/// Points and products of a block of tiles.
#[derive(Debug)]
pub(super) struct Blocks {
    points: Vec<f32>,
    products: Vec<f32>,
}

impl Default for Blocks {
    fn default() -> Self {
        let floats = POINTS_2X4 * TILES * SECOND;
        Self { points: vec![0.0; floats], products: vec![0.0; 2 * floats] }
    }
}

impl PointLayer {
    fn new((raw, slopes): &Layer, layout: SourceLayout, rows: &Axis, columns: &Axis) -> Self {
        let (inputs, outputs) = (raw.in_channels, raw.out_channels);
        let mut weights = vec![0.0; rows.weights.len() * columns.weights.len() * inputs * outputs];
        for output in 0..outputs {
            for input in 0..inputs {
                let at_points = weights_at_points(raw, (output, input), rows, columns);
                for (point, weight) in at_points.into_iter().enumerate() {
                    weights[(point * inputs + input) * outputs + output] = weight as f32;
                }
            }
        }
        Self { weights, layout, inputs, bias: raw.bias.clone(), slopes: slopes.clone() }
    }

    fn channels(&self) -> usize {
        self.bias.len()
    }

    fn after(&self) -> BiasPRelu<'_> {
        BiasPRelu { bias: &self.bias, slopes: &self.slopes }
    }

    /// Multiplies the points of `tiles` tiles with the weights, point by point.
    fn multiply(&self, kernels: Kernels, blocks: &mut Blocks, tiles: usize) {
        let channels = self.channels();
        for (point, weights) in self.weights.chunks_exact(self.inputs * channels).enumerate() {
            kernels.run(&mut Tile {
                layout: self.layout,
                pixels: tiles,
                width: channels,
                src: &blocks.points,
                start: point * tiles * SECOND,
                rows: SourceRows::straight(1, 0),
                weights,
                bias: &NO_BIAS,
                activation: Activation::None,
                residual: None,
                dst: &mut blocks.products[point * tiles * channels..],
                dst_stride: channels,
            });
        }
    }
}

impl FirstPass {
    pub(super) fn new(
        first: &Layer,
        second: &Layer,
        third: &Layer,
        score: [f32; THIRD],
        score_bias: f32,
    ) -> Self {
        let (two, four) = (Axis::two(), Axis::four());
        Self {
            bound: logit_bound(first, second, third, &score, score_bias) as f32,
            second: PointLayer::new(second, SourceLayout::Point10, &two, &two),
            third: PointLayer::new(third, SourceLayout::Im2col, &two, &four),
            score,
            score_bias,
        }
    }

    /// Computes two rows of `width` pixels of the second layer from four pooled rows.
    pub(super) fn second_rows(
        &self,
        kernels: Kernels,
        pooled: [&[f32]; 4],
        width: usize,
        blocks: &mut Blocks,
        [upper, lower]: [&mut [f32]; 2],
    ) {
        let tiles = kernels.max_pixels(SourceLayout::Point10, SECOND);
        for x in (0..width).step_by(2 * tiles) {
            let rows = pooled.map(|row| &row[x * POOLED..]);
            kernels.winograd_points_2x2(
                rows,
                POOLED,
                tiles,
                &mut blocks.points[..POINTS_2X2 * tiles * SECOND],
            );
            self.second.multiply(kernels, blocks, tiles);
            let out = [&mut upper[x * SECOND..], &mut lower[x * SECOND..]];
            kernels.winograd_outputs_2x2(&blocks.products, tiles, self.second.after(), out);
        }
    }

    /// Computes the logits of two rows of `width` cells from four rows of the second layer.
    pub(super) fn logits(
        &self,
        kernels: Kernels,
        second: [&[f32]; 4],
        width: usize,
        blocks: &mut Blocks,
        [upper, lower]: [&mut [f32]; 2],
    ) {
        let most = kernels.max_pixels(SourceLayout::Im2col, THIRD);
        for x in (0..width).step_by(4 * most) {
            let tiles = (width - x).div_ceil(4).min(most);
            let rows = second.map(|row| &row[x * SECOND..]);
            kernels.winograd_points_2x4(rows, tiles, &mut blocks.points[..POINTS_2X4 * tiles * SECOND]);
            self.third.multiply(kernels, blocks, tiles);
            let out = [&mut upper[x..], &mut lower[x..]];
            kernels.winograd_dots_2x4(&blocks.products, tiles, self.third.after(), &self.score, out);
        }
        for logit in upper[..width].iter_mut().chain(&mut lower[..width]) {
            *logit += self.score_bias;
        }
    }
}
