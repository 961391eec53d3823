//! Convolutions and dense layers: weight packing, and the loops around the GEMM microkernel.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

use std::cell::RefCell;

use rayon::prelude::*;

use super::kernels::{Activation, ConvParams, Kernels, LANES, Maps, SourceLayout, SourceRows, Tile};

/// Largest im2col block, floats: 256 KiB stay in the L2 cache beside the weights.
const IM2COL_FLOATS: usize = 64 * 1024;
/// Largest number of pixels of an im2col block. With 64, all of them would map to the same cache sets.
const IM2COL_PIXELS: usize = 56;

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

/// Output of a layer: channels `channel..` of pixels that lie `stride` floats apart.
pub(crate) struct Target<'a> {
    /// The output buffer.
    pub(crate) data: &'a mut [f32],
    /// Floats from one pixel to the next.
    pub(crate) stride: usize,
    /// First channel written.
    pub(crate) channel: usize,
}

/// Residual input, added before the activation: values, and floats from one pixel to the next.
pub(crate) type Residual<'a> = Option<(&'a [f32], usize)>;

thread_local! {
    /// The im2col matrix of this thread: at most 256 KiB, more only if one tile needs more.
    static IM2COL_BUFFER: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
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
        Self { weights, bias, activation, taps, params }
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

    /// Runs the layer by im2col over a batch of maps whose channels are a multiple of 16. With `parallel`, the work
    /// is split between the threads of the pool.
    pub(crate) fn run(
        &self,
        kernels: Kernels,
        maps: Maps<'_>,
        batch: usize,
        target: Target<'_>,
        residual: Residual<'_>,
        parallel: bool,
    ) {
        let (height, width) = self.params.output(maps.height, maps.width);
        let pixels = batch * height * width;
        let threads = if parallel { rayon::current_num_threads() } else { 1 };
        let tile = kernels.max_pixels(SourceLayout::Im2col, 2 * LANES);
        let block_pixels = (IM2COL_FLOATS / self.taps / tile).clamp(1, IM2COL_PIXELS / tile) * tile;
        let Target { data, stride, channel } = target;
        let data = &mut data[..pixels * stride];
        if threads > 1 && pixels < 2 * tile && self.channels() > 2 * LANES {
            self.run_by_blocks(kernels, maps, pixels, Target { data, stride, channel }, residual);
            return;
        }
        let mut blocks = pixels.div_ceil(block_pixels);
        if threads > 1 {
            blocks = blocks.next_multiple_of(threads);
        }
        let chunk = pixels.div_ceil(blocks);
        let run = |(index, data): (usize, &mut [f32])| {
            let (first, count) = (index * chunk, data.len() / stride);
            IM2COL_BUFFER.with_borrow_mut(|matrix| {
                self.im2col(kernels, maps, first, count, matrix);
                for block in self.blocks() {
                    let residual = residual.map(|(data, stride)| (&data[first * stride..], stride));
                    let target = Target { data, stride, channel: channel + block.channel };
                    run_im2col(kernels, &block, matrix, count, target, residual);
                }
            });
        };
        if threads > 1 {
            data.par_chunks_mut(chunk * stride).enumerate().for_each(run);
        } else {
            data.chunks_mut(chunk * stride).enumerate().for_each(run);
        }
    }

    /// As [`Self::run`], for few pixels: the output channels are split between the threads.
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
                IM2COL_BUFFER.with_borrow_mut(|matrix| {
                    self.im2col(kernels, maps, 0, pixels, matrix);
                    let mut part = vec![0.0; starts.len() * pixels * 2 * LANES];
                    for (start, data) in starts.iter().zip(part.chunks_exact_mut(pixels * 2 * LANES)) {
                        let block = self.block(*start);
                        let target = Target { data, stride: 2 * LANES, channel: 0 };
                        let residual = residual.map(|(data, stride)| (&data[block.channel..], stride));
                        run_im2col(kernels, &Block { channel: 0, ..block }, matrix, pixels, target, residual);
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

    fn im2col(&self, kernels: Kernels, maps: Maps<'_>, first: usize, count: usize, matrix: &mut Vec<f32>) {
        let len = self.taps * count;
        if matrix.len() < len {
            matrix.resize(len, 0.0);
        }
        kernels.im2col(maps, self.params, first, count, &mut matrix[..len]);
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

/// Multiplies an im2col matrix of `pixels` pixels with one block of channels, in tiles of nearly equal size.
fn run_im2col(
    kernels: Kernels,
    block: &Block<'_>,
    matrix: &[f32],
    pixels: usize,
    target: Target<'_>,
    residual: Residual<'_>,
) {
    let tiles = pixels.div_ceil(kernels.max_pixels(SourceLayout::Im2col, block.width));
    let taps = block.weights.len() / block.width;
    for index in 0..tiles {
        let (first, end) = (index * pixels / tiles, (index + 1) * pixels / tiles);
        kernels.run(&mut Tile {
            layout: SourceLayout::Im2col,
            pixels: end - first,
            width: block.width,
            src: matrix,
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
