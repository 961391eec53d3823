//! Convolutions and dense layers: weight packing, and the loops around the GEMM microkernel.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

use std::ops::Range;

use super::gemm::{self, Columns, Gemm, block_width};
pub(crate) use super::gemm::{Residual, Target};
use super::kernels::{Activation, ConvParams, Kernels, LANES, Maps, SourceLayout, SourceRows, Tile};

/// Activation of a layer, with the slopes of all its channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LayerActivation {
    /// Identity.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x` if positive, else `x` times the slope of the channel.
    PRelu(Vec<f32>),
}

impl LayerActivation {
    /// With slopes for `channels` channels, those that are padding too.
    pub(crate) fn padded(mut self, channels: usize) -> Self {
        if let Self::PRelu(slopes) = &mut self {
            slopes.resize(channels, 0.0);
        }
        self
    }

    /// The activation of a tile of these channels.
    pub(crate) fn of(&self, channels: Range<usize>) -> Activation<'_> {
        match self {
            Self::None => Activation::None,
            Self::Relu => Activation::Relu,
            Self::PRelu(slopes) => Activation::PRelu(&slopes[channels]),
        }
    }
}

/// Weights of a convolution in ONNX layout.
#[derive(Debug, Clone)]
pub(crate) struct RawConv {
    /// `out x in x height x width` floats (OIHW).
    pub(crate) weights: Vec<f32>,
    /// One per output channel.
    pub(crate) bias: Vec<f32>,
    /// Output channels.
    pub(crate) out_channels: usize,
    /// Input channels.
    pub(crate) in_channels: usize,
    /// Kernel size, stride and padding.
    pub(crate) params: ConvParams,
}

/// A convolution with packed weights: output channels in blocks of 32 (the last may have 16); in each block the
/// taps in the order (kernel row, kernel column, input channel); for each tap the weights of the block's channels,
/// contiguous. Channels are padded with zero weights to a multiple of 16.
#[derive(Debug)]
pub(crate) struct Conv {
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: LayerActivation,
    taps: usize,
    pub(crate) params: ConvParams,
}

/// A block of 16 or 32 output channels of a [`Conv`].
struct Block<'a> {
    channel: usize,
    width: usize,
    weights: &'a [f32],
    bias: &'a [f32],
    activation: Activation<'a>,
}

impl Conv {
    /// Packs the weights.
    pub(crate) fn new(raw: &RawConv, activation: LayerActivation) -> Self {
        let params = raw.params;
        let area = params.height * params.width;
        let taps = area * raw.in_channels;
        let channels = raw.out_channels.next_multiple_of(LANES);
        let mut weights = Vec::with_capacity(channels * taps);
        let mut channel = 0;
        while channel < channels {
            let width = block_width(channels, channel);
            for place in 0..area {
                for input in 0..raw.in_channels {
                    weights.extend((channel..channel + width).map(|output| {
                        let index = (output * raw.in_channels + input) * area + place;
                        if output < raw.out_channels { raw.weights[index] } else { 0.0 }
                    }));
                }
            }
            channel += width;
        }
        let mut bias = raw.bias.clone();
        bias.resize(channels, 0.0);
        Self { weights, bias, activation: activation.padded(channels), taps, params }
    }

    /// Number of output channels, padded to a multiple of 16. All of them are written.
    pub(crate) fn channels(&self) -> usize {
        self.bias.len()
    }

    fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        (0..self.channels()).step_by(2 * LANES).map(|channel| self.block(channel))
    }

    /// The block that starts at `channel`.
    fn block(&self, channel: usize) -> Block<'_> {
        let width = block_width(self.channels(), channel);
        Block {
            channel,
            width,
            weights: &self.weights[channel * self.taps..(channel + width) * self.taps],
            bias: &self.bias[channel..channel + width],
            activation: self.activation.of(channel..channel + width),
        }
    }

    /// Runs the layer by im2col; see [`gemm::run`].
    pub(crate) fn run(
        &self,
        kernels: Kernels,
        maps: Maps<'_>,
        batch: usize,
        target: Target<'_>,
        residual: Residual<'_>,
        parallel: bool,
    ) {
        gemm::run(self, kernels, maps, batch, target, residual, parallel);
    }

    /// Runs the layer over one map without padding and without im2col: rows are read in place. `maps.data` starts at
    /// the map and is one tile longer than the map.
    pub(crate) fn run_in_place(
        &self,
        kernels: Kernels,
        layout: SourceLayout,
        maps: Maps<'_>,
        target: Target<'_>,
    ) {
        let (height, width) = self.params.output(maps.height, maps.width);
        let row = maps.width * maps.stride;
        for y in 0..height {
            let line = &mut target.data[y * width * target.stride..][..width * target.stride];
            for block in self.blocks() {
                let target = Target { data: line, stride: target.stride, channel: target.channel };
                let rows = SourceRows::straight(self.params.height, row);
                run_row(
                    kernels,
                    layout,
                    &block,
                    (maps.data, y * self.params.stride * row, rows),
                    width,
                    target,
                );
            }
        }
    }

    /// Computes one tile of `pixels` pixels from a ring buffer of source rows (source, start and rows), which is one
    /// tile longer than its rows. `data` receives [`Conv::channels`] floats per pixel.
    pub(crate) fn run_tile(
        &self,
        kernels: Kernels,
        layout: SourceLayout,
        (src, start, rows): (&[f32], usize, SourceRows),
        pixels: usize,
        data: &mut [f32],
    ) {
        let stride = self.channels();
        for block in self.blocks() {
            kernels.run(&mut Tile {
                layout,
                pixels,
                width: block.width,
                src,
                start,
                rows,
                weights: block.weights,
                bias: block.bias,
                activation: block.activation,
                residual: None,
                dst: &mut data[block.channel..],
                dst_stride: stride,
            });
        }
    }
}

impl Gemm for Conv {
    type Value = f32;

    fn params(&self) -> ConvParams {
        self.params
    }

    fn taps(&self) -> usize {
        self.taps
    }

    fn channels(&self) -> usize {
        self.bias.len()
    }

    fn max_pixels(&self, kernels: Kernels, width: usize) -> usize {
        kernels.max_pixels(SourceLayout::Im2col, width)
    }

    fn tile(
        &self,
        kernels: Kernels,
        channel: usize,
        columns: Columns<'_, f32>,
        (dst, dst_stride): (&mut [f32], usize),
        residual: Residual<'_>,
    ) {
        let block = self.block(channel);
        kernels.run(&mut Tile {
            layout: SourceLayout::Im2col,
            pixels: columns.count,
            width: block.width,
            src: columns.matrix,
            start: columns.start * LANES,
            rows: SourceRows::straight(self.taps / LANES, columns.matrix_pixels * LANES),
            weights: block.weights,
            bias: block.bias,
            activation: block.activation,
            residual,
            dst,
            dst_stride,
        });
    }
}

/// Computes one block of channels of one output row. A last tile that is not full is computed into a scratch
/// tile and copied.
fn run_row(
    kernels: Kernels,
    layout: SourceLayout,
    block: &Block<'_>,
    (src, start, rows): (&[f32], usize, SourceRows),
    width: usize,
    target: Target<'_>,
) {
    let pixels = kernels.max_pixels(layout, block.width);
    let channel = target.channel + block.channel;
    let mut scratch = [0f32; 16 * 2 * LANES];
    for x in (0..width).step_by(pixels) {
        let left = (width - x).min(pixels);
        let (dst, dst_stride) = if left == pixels {
            (&mut target.data[x * target.stride + channel..], target.stride)
        } else {
            (&mut scratch[..], 2 * LANES)
        };
        kernels.run(&mut Tile {
            layout,
            pixels,
            width: block.width,
            src,
            start: start + x * layout.pixel_stride(),
            rows,
            weights: block.weights,
            bias: block.bias,
            activation: block.activation,
            residual: None,
            dst,
            dst_stride,
        });
        if left < pixels {
            for (j, values) in scratch.chunks_exact(2 * LANES).take(left).enumerate() {
                let place = (x + j) * target.stride + channel;
                target.data[place..place + block.width].copy_from_slice(&values[..block.width]);
            }
        }
    }
}
