//! Convolutions by im2col: the loops over pixels, blocks of output channels and register tiles, the same for layers of
//! floats and of 16-bit integers.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

use std::cell::RefCell;

use rayon::prelude::*;

use super::kernels::{ConvParams, Kernels, LANES, Maps};

/// Largest im2col block, bytes: it stays in the L2 cache beside the weights.
const IM2COL_BYTES: usize = 256 * 1024;
/// Largest number of pixels of an im2col block. With 64, all of them would map to the same cache sets.
const IM2COL_PIXELS: usize = 56;

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
    static FLOATS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    /// The same for layers of integers.
    static INTEGERS: RefCell<Vec<i16>> = const { RefCell::new(Vec::new()) };
}

/// What a layer multiplies.
pub(crate) trait Operand: Copy + Default + Send + Sync + 'static {
    /// Lends this thread's im2col matrix.
    fn with_matrix<R>(work: impl FnOnce(&mut Vec<Self>) -> R) -> R;
    /// See [`Kernels::im2col`].
    fn im2col(
        kernels: Kernels,
        maps: Maps<'_, Self>,
        params: ConvParams,
        pixels: (usize, usize),
        out: &mut [Self],
    );
}

impl Operand for f32 {
    fn with_matrix<R>(work: impl FnOnce(&mut Vec<Self>) -> R) -> R {
        FLOATS.with_borrow_mut(work)
    }

    fn im2col(
        kernels: Kernels,
        maps: Maps<'_>,
        params: ConvParams,
        (first, count): (usize, usize),
        out: &mut [Self],
    ) {
        kernels.im2col(maps, params, first, count, out);
    }
}

impl Operand for i16 {
    fn with_matrix<R>(work: impl FnOnce(&mut Vec<Self>) -> R) -> R {
        INTEGERS.with_borrow_mut(work)
    }

    fn im2col(
        kernels: Kernels,
        maps: Maps<'_, Self>,
        params: ConvParams,
        (first, count): (usize, usize),
        out: &mut [Self],
    ) {
        kernels.im2col_i16(maps, params, first, count, out);
    }
}

/// Pixels of an im2col matrix that one register tile multiplies.
pub(crate) struct Columns<'a, T> {
    /// The matrix: 16 taps of each of its pixels, then the next 16.
    pub(crate) matrix: &'a [T],
    /// Number of pixels of the matrix.
    pub(crate) matrix_pixels: usize,
    /// First pixel of the tile, in the matrix.
    pub(crate) start: usize,
    /// The same pixel, counted through the batch.
    pub(crate) pixel: usize,
    /// Number of pixels of the tile.
    pub(crate) count: usize,
}

/// A convolution with packed weights: output channels in blocks of 32 (the last may have 16).
pub(crate) trait Gemm: Sync {
    /// What is multiplied.
    type Value: Operand;

    /// Kernel size, stride and padding.
    fn params(&self) -> ConvParams;
    /// Products summed for an output value.
    fn taps(&self) -> usize;
    /// Output channels, padded to a multiple of 16.
    fn channels(&self) -> usize;
    /// Largest number of pixels of a tile.
    fn max_pixels(&self, kernels: Kernels, width: usize) -> usize;
    /// Computes a tile of the channels of the block that starts at `channel`. Output and residual start at the tile's
    /// first pixel and the block's first channel.
    fn tile(
        &self,
        kernels: Kernels,
        channel: usize,
        columns: Columns<'_, Self::Value>,
        dst: (&mut [f32], usize),
        residual: Residual<'_>,
    );
}

/// Width of the block of output channels that starts at `channel`.
pub(crate) fn block_width(channels: usize, channel: usize) -> usize {
    (channels - channel).min(2 * LANES)
}

/// Runs a layer over a batch of maps whose channels are a multiple of 16. With `parallel`, the work is split between
/// the threads of the pool.
pub(crate) fn run<G: Gemm>(
    layer: &G,
    kernels: Kernels,
    maps: Maps<'_, G::Value>,
    batch: usize,
    target: Target<'_>,
    residual: Residual<'_>,
    parallel: bool,
) {
    let (height, width) = layer.params().output(maps.height, maps.width);
    let pixels = batch * height * width;
    let threads = if parallel { rayon::current_num_threads() } else { 1 };
    let tile = layer.max_pixels(kernels, 2 * LANES);
    let column = layer.taps() * size_of::<G::Value>();
    let block_pixels = (IM2COL_BYTES / column / tile).clamp(1, IM2COL_PIXELS / tile) * tile;
    let Target { data, stride, channel } = target;
    let data = &mut data[..pixels * stride];
    if threads > 1 && pixels < 2 * tile && layer.channels() > 2 * LANES {
        run_by_blocks(layer, kernels, maps, pixels, Target { data, stride, channel }, residual);
        return;
    }
    let mut blocks = pixels.div_ceil(block_pixels);
    if threads > 1 {
        blocks = blocks.next_multiple_of(threads);
    }
    let chunk = pixels.div_ceil(blocks);
    let run = |(index, data): (usize, &mut [f32])| {
        let part = (index * chunk, data.len() / stride);
        G::Value::with_matrix(|matrix| {
            let matrix = gather(layer, kernels, maps, part, matrix);
            for start in (0..layer.channels()).step_by(2 * LANES) {
                let residual = residual.map(|(data, stride)| (&data[part.0 * stride + start..], stride));
                let target = Target { data, stride, channel: channel + start };
                multiply(layer, kernels, start, (matrix, part), target, residual);
            }
        });
    };
    if threads > 1 {
        data.par_chunks_mut(chunk * stride).enumerate().for_each(run);
    } else {
        data.chunks_mut(chunk * stride).enumerate().for_each(run);
    }
}

/// As [`run`], for few pixels: the output channels are split between the threads.
fn run_by_blocks<G: Gemm>(
    layer: &G,
    kernels: Kernels,
    maps: Maps<'_, G::Value>,
    pixels: usize,
    target: Target<'_>,
    residual: Residual<'_>,
) {
    let starts: Vec<usize> = (0..layer.channels()).step_by(2 * LANES).collect();
    let share = starts.len().div_ceil(rayon::current_num_threads());
    let parts: Vec<Vec<f32>> = starts
        .par_chunks(share)
        .map(|starts| {
            G::Value::with_matrix(|matrix| {
                let matrix = gather(layer, kernels, maps, (0, pixels), matrix);
                let mut part = vec![0.0; starts.len() * pixels * 2 * LANES];
                for (&start, data) in starts.iter().zip(part.chunks_exact_mut(pixels * 2 * LANES)) {
                    let target = Target { data, stride: 2 * LANES, channel: 0 };
                    let residual = residual.map(|(data, stride)| (&data[start..], stride));
                    multiply(layer, kernels, start, (matrix, (0, pixels)), target, residual);
                }
                part
            })
        })
        .collect();
    let blocks = parts.iter().flat_map(|part| part.chunks_exact(pixels * 2 * LANES));
    for (&start, block) in starts.iter().zip(blocks) {
        let width = block_width(layer.channels(), start);
        for (pixel, values) in block.chunks_exact(2 * LANES).enumerate() {
            let place = pixel * target.stride + target.channel + start;
            target.data[place..place + width].copy_from_slice(&values[..width]);
        }
    }
}

/// The im2col matrix of `part`: the first pixel of the batch, and the number of pixels.
fn gather<'a, G: Gemm>(
    layer: &G,
    kernels: Kernels,
    maps: Maps<'_, G::Value>,
    part: (usize, usize),
    matrix: &'a mut Vec<G::Value>,
) -> &'a [G::Value] {
    let len = layer.taps() * part.1;
    if matrix.len() < len {
        matrix.resize(len, G::Value::default());
    }
    G::Value::im2col(kernels, maps, layer.params(), part, &mut matrix[..len]);
    &matrix[..len]
}

/// Multiplies an im2col matrix with one block of channels, in tiles of nearly equal size.
fn multiply<G: Gemm>(
    layer: &G,
    kernels: Kernels,
    block: usize,
    (matrix, (first, pixels)): (&[G::Value], (usize, usize)),
    target: Target<'_>,
    residual: Residual<'_>,
) {
    let tiles = pixels.div_ceil(layer.max_pixels(kernels, block_width(layer.channels(), block)));
    for index in 0..tiles {
        let (start, end) = (index * pixels / tiles, (index + 1) * pixels / tiles);
        let columns =
            Columns { matrix, matrix_pixels: pixels, start, pixel: first + start, count: end - start };
        let dst = &mut target.data[start * target.stride + target.channel..];
        let residual = residual.map(|(data, stride)| (&data[start * stride..], stride));
        layer.tile(kernels, block, columns, (dst, target.stride), residual);
    }
}
