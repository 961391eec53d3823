//! Convolutions of 16-bit integers. A map is scaled by its largest value, each output channel by its weights, such
//! that no sum of products can overflow 32 bits.

use super::conv::{LayerActivation, RawConv};
use super::gemm::{self, Columns, Gemm, Residual, Target, block_width};
use super::kernels::{ConvParams, IntegerTile, Kernels, LANES, Maps, SourceLayout};

/// Largest magnitude of a quantised map. With 12 bits, those of the weights are as many as those of the maps or more
/// in every layer of `FaceNet`.
const LARGEST_VALUE: i32 = 4095;
/// Largest sum of the magnitudes of the weights of an output channel: times [`LARGEST_VALUE`], it is below 2^31.
const LARGEST_SUM: i32 = i32::MAX / LARGEST_VALUE;
/// Values past the end of a batch that the last tile may read: the taps of a row are padded to pairs.
const SLACK: usize = 1;

/// Maps of integers: one batch, and what a unit stands for in each map of it.
#[derive(Debug, Default)]
pub(crate) struct IntegerMaps {
    data: Vec<i16>,
    scales: Vec<f32>,
}

impl IntegerMaps {
    /// Quantises `batch` maps of `floats` floats each.
    pub(crate) fn quantise(&mut self, kernels: Kernels, data: &[f32], floats: usize, batch: usize) {
        if self.data.len() < floats * batch + SLACK {
            self.data.resize(floats * batch + SLACK, 0);
        }
        self.scales.clear();
        for (map, out) in data.chunks_exact(floats).zip(self.data.chunks_exact_mut(floats)).take(batch) {
            let largest = kernels.max_abs(map);
            let factor = LARGEST_VALUE as f32 / largest;
            // A map of zeros, or of numbers so small that the factor overflows, is one of zeros.
            let factor = if factor.is_finite() { factor } else { 0.0 };
            kernels.quantise(map, factor, out);
            self.scales.push(largest / LARGEST_VALUE as f32);
        }
    }

    /// The maps, as `maps` describes them, for a layer to read.
    pub(crate) fn read_as<'a>(&'a self, maps: Maps<'_>) -> ScaledMaps<'a> {
        let Maps { height, width, channels, stride, .. } = maps;
        ScaledMaps {
            values: Maps { data: &self.data, height, width, channels, stride },
            scales: &self.scales,
        }
    }
}

/// A batch of quantised maps, and what a unit stands for in each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScaledMaps<'a> {
    values: Maps<'a, i16>,
    scales: &'a [f32],
}

/// A convolution of integers, packed in the blocks of [`super::conv::Conv`]; in each block, for every two taps of a kernel
/// row (padded by a zero weight if they are odd) and each vector of 16 channels, both weights of each channel.
#[derive(Debug)]
pub(crate) struct IntegerConv {
    weights: Vec<i16>,
    /// What a unit of each channel's weights stands for.
    scales: Vec<f32>,
    bias: Vec<f32>,
    activation: LayerActivation,
    /// Padded to pairs in each kernel row.
    taps: usize,
    params: ConvParams,
}

impl IntegerConv {
    /// Quantises and packs the weights.
    pub(crate) fn new(raw: &RawConv, activation: &LayerActivation) -> Self {
        let area = raw.params.height * raw.params.width;
        let row = raw.params.width * raw.in_channels;
        let padded_row = row.next_multiple_of(2);
        let taps = raw.params.height * padded_row;
        let channels = raw.out_channels.next_multiple_of(LANES);
        let factors: Vec<f32> = raw.weights.chunks_exact(area * raw.in_channels).map(weight_factor).collect();
        let weight = |output: usize, tap: usize| {
            let (y, tap) = (tap / padded_row, tap % padded_row);
            if tap >= row || output >= raw.out_channels {
                return 0;
            }
            let (place, input) = (y * raw.params.width + tap / raw.in_channels, tap % raw.in_channels);
            let index = (output * raw.in_channels + input) * area + place;
            (raw.weights[index] * factors[output]).round() as i16
        };
        let mut weights = Vec::with_capacity(channels * taps);
        for start in (0..channels).step_by(2 * LANES) {
            let width = block_width(channels, start);
            for pair in (0..taps).step_by(2) {
                for output in start..start + width {
                    weights.extend([weight(output, pair), weight(output, pair + 1)]);
                }
            }
        }
        let mut scales: Vec<f32> = factors.iter().map(|f| if *f > 0.0 { 1.0 / f } else { 0.0 }).collect();
        let mut bias = raw.bias.clone();
        scales.resize(channels, 0.0);
        bias.resize(channels, 0.0);
        let activation = activation.clone().padded(channels);
        Self { weights, scales, bias, activation, taps, params: raw.params }
    }

    /// Number of output channels, padded to a multiple of 16. All of them are written.
    pub(crate) fn channels(&self) -> usize {
        self.bias.len()
    }

    /// Kernel size, stride and padding.
    pub(crate) fn params(&self) -> ConvParams {
        self.params
    }

    /// Runs the layer over quantised maps by im2col, whose channels are a multiple of 16; see [`gemm::run`].
    pub(crate) fn run(
        &self,
        kernels: Kernels,
        maps: ScaledMaps<'_>,
        batch: usize,
        target: Target<'_>,
        residual: Residual<'_>,
        parallel: bool,
    ) {
        let ScaledMaps { values, scales } = maps;
        let (height, width) = self.params.output(values.height, values.width);
        let scaled = Scaled { conv: self, scales, map_pixels: height * width };
        gemm::run(&scaled, kernels, values, batch, target, residual, parallel);
    }

    /// Runs the layer over quantised maps without padding and without im2col: rows are read in place.
    pub(crate) fn run_in_place(
        &self,
        kernels: Kernels,
        layout: SourceLayout,
        maps: ScaledMaps<'_>,
        Target { data, stride, channel: first_channel }: Target<'_>,
    ) {
        let ScaledMaps { values, scales } = maps;
        let (height, width) = self.params.output(values.height, values.width);
        let row = values.width * values.stride;
        let tiles = width.div_ceil(kernels.max_integer_pixels(layout));
        let lines = data.chunks_exact_mut(width * stride).take(scales.len() * height);
        for (index, line) in lines.enumerate() {
            let (map, y) = (index / height, index % height);
            let start = (map * values.height + y * self.params.stride) * row;
            for (tile, channel) in self.tiles_of_row(tiles) {
                let (first, end) = (tile * width / tiles, (tile + 1) * width / tiles);
                let start = start + first * layout.pixel_stride();
                let source = Source { layout, data: values.data, start, row_stride: row };
                let scales = &[scales[map]; LANES][..end - first];
                let dst = &mut line[first * stride + first_channel + channel..];
                self.run_tile(kernels, channel, &source, scales, (dst, stride), None);
            }
        }
    }

    /// The tiles of a row of pixels and the first channels of the blocks, in the order in which they are computed.
    fn tiles_of_row(&self, tiles: usize) -> impl Iterator<Item = (usize, usize)> {
        let blocks = (0..self.channels()).step_by(2 * LANES);
        blocks.flat_map(move |channel| (0..tiles).map(move |tile| (tile, channel)))
    }

    /// Computes one tile of the block that starts at `channel`.
    fn run_tile(
        &self,
        kernels: Kernels,
        channel: usize,
        source: &Source<'_>,
        pixel_scales: &[f32],
        (dst, dst_stride): (&mut [f32], usize),
        residual: Residual<'_>,
    ) {
        let Self { weights, scales, bias, activation, taps, .. } = self;
        let channels = channel..channel + block_width(bias.len(), channel);
        kernels.run_integer(&mut IntegerTile {
            layout: source.layout,
            width: channels.len(),
            src: source.data,
            start: source.start,
            row_stride: source.row_stride,
            weights: &weights[channel * taps..channels.end * taps],
            pixel_scales,
            scales: &scales[channels.clone()],
            bias: &bias[channels.clone()],
            activation: activation.of(channels),
            residual,
            dst,
            dst_stride,
        });
    }
}

/// What the weights of a channel are multiplied by before they are rounded: as much as 16 bits and [`LARGEST_SUM`]
/// allow. Rounding adds at most a half to each magnitude.
fn weight_factor(weights: &[f32]) -> f32 {
    let largest = weights.iter().fold(0f32, |best, weight| best.max(weight.abs()));
    let sum: f64 = weights.iter().map(|weight| f64::from(weight.abs())).sum();
    let room = f64::from(LARGEST_SUM) - weights.len() as f64;
    // A little less, for the rounding of the product itself.
    let factor = (f64::from(i16::MAX - 1) / f64::from(largest)).min(room / sum) as f32;
    if factor.is_finite() { factor } else { 0.0 }
}

/// Where a tile reads.
struct Source<'a> {
    layout: SourceLayout,
    data: &'a [i16],
    start: usize,
    row_stride: usize,
}

/// A layer together with the scales of the maps that it reads.
struct Scaled<'a> {
    conv: &'a IntegerConv,
    scales: &'a [f32],
    /// Output pixels of a map.
    map_pixels: usize,
}

impl Gemm for Scaled<'_> {
    type Value = i16;

    fn params(&self) -> ConvParams {
        self.conv.params
    }

    fn taps(&self) -> usize {
        self.conv.taps
    }

    fn channels(&self) -> usize {
        self.conv.channels()
    }

    fn max_pixels(&self, kernels: Kernels, _width: usize) -> usize {
        kernels.max_integer_pixels(SourceLayout::Im2col)
    }

    fn tile(
        &self,
        kernels: Kernels,
        channel: usize,
        columns: Columns<'_, i16>,
        dst: (&mut [f32], usize),
        residual: Residual<'_>,
    ) {
        let mut pixel_scales = [0f32; LANES];
        let pixel_scales = &mut pixel_scales[..columns.count];
        for (j, scale) in pixel_scales.iter_mut().enumerate() {
            *scale = self.scales[(columns.pixel + j) / self.map_pixels];
        }
        let source = Source {
            layout: SourceLayout::Im2col,
            data: columns.matrix,
            start: columns.start * LANES,
            row_stride: columns.matrix_pixels * LANES,
        };
        self.conv.run_tile(kernels, channel, &source, pixel_scales, dst, residual);
    }
}

#[cfg(test)]
mod tests;
