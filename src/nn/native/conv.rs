//! Convolutions and dense layers: weights packed for the inner kernel, and the loops around it.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

use std::cell::RefCell;

use rayon::prelude::*;

use super::kernels::{Activation, ConvParams, Kernels, LANES, Maps, Shape, SourceRows, Tile};

/// Floats that a block of gathered columns may hold: 256 KiB, so that it stays in the L2 cache beside
/// the weights it meets.
const COLUMN_FLOATS: usize = 64 * 1024;
/// Pixels of a block of gathered columns at most; 64 would put all of them on the same cache sets.
const COLUMN_PIXELS: usize = 56;

/// What a layer does to its sums, with the slopes of all its channels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LayerActivation {
    /// Nothing.
    None,
    /// Negative values become 0.
    Relu,
    /// Negative values are multiplied by the channel's slope.
    PRelu(Vec<f32>),
}

/// The weights of a convolution as ONNX has them.
#[derive(Debug, Clone)]
pub(crate) struct RawConv {
    /// `out x in x height x width` numbers.
    pub(crate) weights: Vec<f32>,
    /// One number for each output channel.
    pub(crate) bias: Vec<f32>,
    /// Output channels.
    pub(crate) out_channels: usize,
    /// Input channels.
    pub(crate) in_channels: usize,
    /// Kernel size, stride and padding.
    pub(crate) window: ConvParams,
}

/// A convolution with its weights packed: output channels in blocks of 32 (the last may be 16), in
/// each block the taps in the order (window row, window column, input channel), for each tap the
/// weights of the block's channels side by side. Channels past the last are zero.
#[derive(Debug)]
pub(crate) struct Conv {
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: LayerActivation,
    taps: usize,
    pub(crate) window: ConvParams,
}

/// Sixteen or thirty-two output channels of a [`Conv`].
struct Block<'a> {
    channel: usize,
    width: usize,
    weights: &'a [f32],
    bias: &'a [f32],
    activation: Activation<'a>,
}

/// Where a layer writes: the first channels of pixels `stride` floats apart.
pub(crate) struct Target<'a> {
    /// The numbers.
    pub(crate) data: &'a mut [f32],
    /// Floats from pixel to pixel.
    pub(crate) stride: usize,
    /// First channel written.
    pub(crate) channel: usize,
}

/// What is added to a layer's sums before its activation: numbers, and the stride from pixel to pixel.
pub(crate) type Residual<'a> = Option<(&'a [f32], usize)>;

thread_local! {
    /// Gathered columns. One a thread, at most 256 KiB (more only where one tile needs more).
    static COLUMNS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

impl Conv {
    /// Packs the weights.
    pub(crate) fn new(raw: &RawConv, activation: LayerActivation) -> Self {
        let window = raw.window;
        let area = window.height * window.width;
        let taps = area * raw.in_channels;
        let channels = raw.out_channels.next_multiple_of(LANES);
        let mut weights = Vec::with_capacity(channels * taps);
        let mut channel = 0;
        while channel < channels {
            let width = (channels - channel).min(2 * LANES);
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
        let activation = match activation {
            LayerActivation::PRelu(mut slopes) => {
                slopes.resize(channels, 0.0);
                LayerActivation::PRelu(slopes)
            }
            other => other,
        };
        Self { weights, bias, activation, taps, window }
    }

    /// Output channels with the padding to a multiple of 16: what is written of each pixel.
    pub(crate) fn channels(&self) -> usize {
        self.bias.len()
    }

    fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        (0..self.channels()).step_by(2 * LANES).map(|channel| self.block(channel))
    }

    /// The block that starts at `channel`.
    fn block(&self, channel: usize) -> Block<'_> {
        let width = (self.channels() - channel).min(2 * LANES);
        Block {
            channel,
            width,
            weights: &self.weights[channel * self.taps..(channel + width) * self.taps],
            bias: &self.bias[channel..channel + width],
            activation: match &self.activation {
                LayerActivation::None => Activation::None,
                LayerActivation::Relu => Activation::Relu,
                LayerActivation::PRelu(slopes) => Activation::PRelu(&slopes[channel..channel + width]),
            },
        }
    }

    /// Runs the layer over a batch of maps whose channels are a multiple of 16. With `spread`, idle
    /// threads take part.
    pub(crate) fn run(
        &self,
        kernels: Kernels,
        maps: Maps<'_>,
        batch: usize,
        target: Target<'_>,
        residual: Residual<'_>,
        spread: bool,
    ) {
        let (height, width) = self.window.output(maps.height, maps.width);
        let pixels = batch * height * width;
        let threads = if spread { rayon::current_num_threads() } else { 1 };
        let tile = kernels.max_pixels(Shape::Columns, 2 * LANES);
        let fit = (COLUMN_FLOATS / self.taps / tile).clamp(1, COLUMN_PIXELS / tile) * tile;
        let Target { data, stride, channel } = target;
        let data = &mut data[..pixels * stride];
        if threads > 1 && pixels < 2 * tile && self.channels() > 2 * LANES {
            self.run_by_blocks(kernels, maps, pixels, Target { data, stride, channel }, residual);
            return;
        }
        let mut chunks = pixels.div_ceil(fit);
        if threads > 1 {
            chunks = chunks.next_multiple_of(threads);
        }
        let chunk = pixels.div_ceil(chunks);
        let run = |(index, data): (usize, &mut [f32])| {
            let (first, count) = (index * chunk, data.len() / stride);
            COLUMNS.with_borrow_mut(|columns| {
                self.im2col(kernels, maps, first, count, columns);
                for block in self.blocks() {
                    let residual = residual.map(|(data, stride)| (&data[first * stride..], stride));
                    let target = Target { data, stride, channel: channel + block.channel };
                    run_columns(kernels, &block, columns, count, target, residual);
                }
            });
        };
        if threads > 1 {
            data.par_chunks_mut(chunk * stride).enumerate().for_each(run);
        } else {
            data.chunks_mut(chunk * stride).enumerate().for_each(run);
        }
    }

    /// The same for few pixels: threads share out the output channels.
    fn run_by_blocks(
        &self,
        kernels: Kernels,
        maps: Maps<'_>,
        pixels: usize,
        target: Target<'_>,
        residual: Residual<'_>,
    ) {
        let starts: Vec<usize> = (0..self.channels()).step_by(2 * LANES).collect();
        let share = starts.len().div_ceil(rayon::current_num_threads());
        let parts: Vec<Vec<f32>> = starts
            .par_chunks(share)
            .map(|starts| {
                COLUMNS.with_borrow_mut(|columns| {
                    self.im2col(kernels, maps, 0, pixels, columns);
                    let mut part = vec![0.0; starts.len() * pixels * 2 * LANES];
                    for (start, data) in starts.iter().zip(part.chunks_exact_mut(pixels * 2 * LANES)) {
                        let block = self.block(*start);
                        let target = Target { data, stride: 2 * LANES, channel: 0 };
                        let residual = residual.map(|(data, stride)| (&data[block.channel..], stride));
                        run_columns(
                            kernels,
                            &Block { channel: 0, ..block },
                            columns,
                            pixels,
                            target,
                            residual,
                        );
                    }
                    part
                })
            })
            .collect();
        let blocks = parts.iter().flat_map(|part| part.chunks_exact(pixels * 2 * LANES));
        for (start, block) in starts.iter().zip(blocks) {
            let width = (self.channels() - start).min(2 * LANES);
            for (pixel, values) in block.chunks_exact(2 * LANES).enumerate() {
                let place = pixel * target.stride + target.channel + start;
                target.data[place..place + width].copy_from_slice(&values[..width]);
            }
        }
    }

    fn im2col(&self, kernels: Kernels, maps: Maps<'_>, first: usize, count: usize, columns: &mut Vec<f32>) {
        let len = self.taps * count;
        if columns.len() < len {
            columns.resize(len, 0.0);
        }
        kernels.im2col(maps, self.window, first, count, &mut columns[..len]);
    }

    /// Runs the layer over one map without padding that is read in place, row by row. `maps.data`
    /// starts at the map and has room for one tile more than the map.
    pub(crate) fn run_in_place(&self, kernels: Kernels, shape: Shape, maps: Maps<'_>, target: Target<'_>) {
        let (height, width) = self.window.output(maps.height, maps.width);
        let row = maps.width * maps.stride;
        for y in 0..height {
            let line = &mut target.data[y * width * target.stride..][..width * target.stride];
            for block in self.blocks() {
                let target = Target { data: line, stride: target.stride, channel: target.channel };
                let rows = SourceRows::straight(self.window.height, row);
                run_row(
                    kernels,
                    shape,
                    &block,
                    (maps.data, y * self.window.stride * row, rows),
                    width,
                    target,
                );
            }
        }
    }

    /// One row of `width` pixels out of a ring of source rows: source, start and rows. The source has room
    /// for one tile more; `data` is filled with pixels of [`Conv::channels`] floats, in whole tiles.
    pub(crate) fn run_tile(
        &self,
        kernels: Kernels,
        shape: Shape,
        (src, start, rows): (&[f32], usize, SourceRows),
        pixels: usize,
        data: &mut [f32],
    ) {
        let stride = self.channels();
        for block in self.blocks() {
            kernels.run(&mut Tile {
                shape,
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

/// One block of channels over gathered columns, in tiles of nearly equal size.
fn run_columns(
    kernels: Kernels,
    block: &Block<'_>,
    columns: &[f32],
    pixels: usize,
    target: Target<'_>,
    residual: Residual<'_>,
) {
    let tiles = pixels.div_ceil(kernels.max_pixels(Shape::Columns, block.width));
    let taps = block.weights.len() / block.width;
    for index in 0..tiles {
        let (first, end) = (index * pixels / tiles, (index + 1) * pixels / tiles);
        kernels.run(&mut Tile {
            shape: Shape::Columns,
            pixels: end - first,
            width: block.width,
            src: columns,
            start: first * LANES,
            rows: SourceRows::straight(taps / LANES, pixels * LANES),
            weights: block.weights,
            bias: block.bias,
            activation: block.activation,
            residual: residual.map(|(data, stride)| (&data[first * stride + block.channel..], stride)),
            dst: &mut target.data[first * target.stride + target.channel..],
            dst_stride: target.stride,
        });
    }
}

/// One block of channels over one output row; the last tile, where it is not full, goes through a
/// scratch tile.
fn run_row(
    kernels: Kernels,
    shape: Shape,
    block: &Block<'_>,
    (src, start, rows): (&[f32], usize, SourceRows),
    width: usize,
    target: Target<'_>,
) {
    let pixels = kernels.max_pixels(shape, block.width);
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
            shape,
            pixels,
            width: block.width,
            src,
            start: start + x * shape.step(),
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
