//! Convolutions of 3x3 and stride 1 by Winograd's minimal filtering: a quarter of the products of the direct sums, or
//! little more where tiles reach over the edge of the map.
//!
//! Maps are cut into tiles of 4x4 outputs. The 6x6 pixels that a tile reads are transformed to 36 points; at each point
//! the tiles are multiplied with the weights there, as a matrix; the products are transformed to outputs. Tiles are taken
//! a few rows at a time, so that points and products stay in the L2 cache.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

use std::cell::RefCell;

use rayon::prelude::*;

use super::conv::{LayerActivation, RawConv, Target};
use super::gemm::block_width;
use super::kernels::{
    Activation, ConvParams, Kernels, LANES, Maps, POINTS_4X4, SourceLayout, SourceRows, Tile, TileOutput,
};
use super::points::{axis, weights_at_points};

/// Outputs of a tile along both axes.
const SIDE: usize = 4;
/// Pixels that a tile reads along both axes.
const REACH: usize = 6;
/// Largest number of tiles of a part: two register tiles of AVX-512.
const TILES: usize = 28;
/// Largest size of the points of a part, bytes: they stay in the L2 cache beside products and weights.
const POINT_BYTES: usize = 480 * 1024;
const NO_BIAS: [f32; 2 * LANES] = [0.0; 2 * LANES];

thread_local! {
    /// Points and products of a part, of this thread: at most 640 KiB.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// A convolution of 3x3 and stride 1 followed by a ReLU, its weights at the points of a tile: blocks of 32 output
/// channels (the last may have 16); in each block points x input channels x channels of the block.
#[derive(Debug)]
pub(crate) struct WinogradConv {
    weights: Vec<f32>,
    bias: Vec<f32>,
    /// What a pixel outside of the map holds; as long as there are input channels.
    zeros: Vec<f32>,
    params: ConvParams,
}

/// A row of tiles: its place, and the outputs that it writes.
struct Line<'a> {
    map: usize,
    row: usize,
    data: &'a mut [f32],
}

/// Tiles that are multiplied together, in rows of `columns`.
#[derive(Clone, Copy)]
struct Part {
    tiles: usize,
    columns: usize,
    /// Room for so many tiles at each point. It is odd: with a power of two all points would map to the same cache sets.
    room: usize,
}

impl WinogradConv {
    /// Whether a layer can be computed so.
    pub(crate) fn fits(raw: &RawConv, activation: &LayerActivation) -> bool {
        let ConvParams { height, width, stride, .. } = raw.params;
        (height, width, stride) == (3, 3, 1)
            && raw.in_channels.is_multiple_of(LANES)
            && *activation == LayerActivation::Relu
    }

    /// Transforms and packs the weights of a layer that [`Self::fits`].
    pub(crate) fn new(raw: &RawConv) -> Self {
        let inputs = raw.in_channels;
        let channels = raw.out_channels.next_multiple_of(LANES);
        let axis = axis();
        let mut weights = vec![0.0; POINTS_4X4 * inputs * channels];
        for (index, block) in weights.chunks_mut(POINTS_4X4 * inputs * 2 * LANES).enumerate() {
            let (first, width) = (index * 2 * LANES, block.len() / (POINTS_4X4 * inputs));
            let mut of_input = vec![0.0; POINTS_4X4 * width];
            for input in 0..inputs {
                for output in 0..width.min(raw.out_channels - first) {
                    let at_points = weights_at_points(raw, (first + output, input), &axis);
                    let places = of_input[output..].iter_mut().step_by(width);
                    places.zip(at_points).for_each(|(place, weight)| *place = weight as f32);
                }
                let rows = block.chunks_exact_mut(inputs * width).zip(of_input.chunks_exact(width));
                rows.for_each(|(point, weights)| point[input * width..][..width].copy_from_slice(weights));
            }
        }
        let mut bias = raw.bias.clone();
        bias.resize(channels, 0.0);
        Self { weights, bias, zeros: vec![0.0; inputs], params: raw.params }
    }

    /// Number of input channels.
    fn inputs(&self) -> usize {
        self.zeros.len()
    }

    /// Runs the layer over a batch of maps. With `parallel`, the rows of tiles are split between the threads of the pool.
    pub(crate) fn run(
        &self,
        kernels: Kernels,
        maps: Maps<'_>,
        batch: usize,
        target: Target<'_>,
        parallel: bool,
    ) {
        let (height, width) = self.params.output(maps.height, maps.width);
        let Target { data, stride, channel } = target;
        let mut lines = Vec::new();
        for (map, data) in data.chunks_mut(height * width * stride).take(batch).enumerate() {
            let rows = data.chunks_mut(SIDE * width * stride).enumerate();
            lines.extend(rows.map(|(row, data)| Line { map, row, data }));
        }
        let threads = if parallel { rayon::current_num_threads() } else { 1 };
        let share = self.lines_of_part(lines.len(), width.div_ceil(SIDE), threads);
        let run = |lines: &mut [Line<'_>]| {
            SCRATCH.with_borrow_mut(|(points, products)| {
                self.run_part(kernels, maps, lines, (width, stride, channel), (points, products));
            });
        };
        if threads > 1 {
            lines.par_chunks_mut(share).for_each(run);
        } else {
            lines.chunks_mut(share).for_each(run);
        }
    }

    /// Rows of tiles of a part: as many as the cache allows, in parts of nearly equal size, one a thread at least.
    fn lines_of_part(&self, lines: usize, columns: usize, threads: usize) -> usize {
        let tiles = (POINT_BYTES / (POINTS_4X4 * self.inputs() * size_of::<f32>())).min(TILES);
        let parts = lines.div_ceil((tiles / columns).max(1)).max(threads);
        lines.div_ceil(parts)
    }

    fn run_part(
        &self,
        kernels: Kernels,
        maps: Maps<'_>,
        lines: &mut [Line<'_>],
        (width, stride, channel): (usize, usize, usize),
        (points, products): (&mut Vec<f32>, &mut Vec<f32>),
    ) {
        let columns = width.div_ceil(SIDE);
        let tiles = lines.len() * columns;
        let part = Part { tiles, columns, room: tiles | 1 };
        grow(points, POINTS_4X4 * self.inputs() * part.room);
        grow(products, POINTS_4X4 * 2 * LANES * part.room);
        self.transform(kernels, maps, lines, part, points);
        for block in (0..self.bias.len()).step_by(2 * LANES) {
            self.multiply(kernels, block, part, points, products);
            let bias = &self.bias[block..block + block_width(self.bias.len(), block)];
            let step = part.room * bias.len();
            for (index, line) in lines.iter_mut().enumerate() {
                let height = line.data.len() / (width * stride);
                for column in 0..columns {
                    let (tile, x) = (index * columns + column, column * SIDE);
                    let out = TileOutput {
                        data: &mut line.data[x * stride + channel + block..],
                        row_stride: width * stride,
                        stride,
                        height,
                        width: (width - x).min(SIDE),
                    };
                    kernels.winograd_outputs_4x4(&products[tile * bias.len()..], step, bias, out);
                }
            }
        }
    }

    /// The points of all tiles of a part: points x input channels in groups of 16 x tiles x 16.
    fn transform(
        &self,
        kernels: Kernels,
        maps: Maps<'_>,
        lines: &[Line<'_>],
        part: Part,
        points: &mut [f32],
    ) {
        for (index, line) in lines.iter().enumerate() {
            for column in 0..part.columns {
                let pixels = self.pixels(maps, line, column);
                let tile = index * part.columns + column;
                kernels.winograd_points_4x4(&pixels, self.inputs(), part.room, &mut points[tile * LANES..]);
            }
        }
    }

    /// The pixels that a tile reads.
    fn pixels<'a>(&'a self, maps: Maps<'a>, line: &Line<'_>, column: usize) -> [&'a [f32]; POINTS_4X4] {
        let channels = self.inputs();
        std::array::from_fn(|place| {
            let y = (line.row * SIDE + place / REACH).wrapping_sub(self.params.pad_height);
            let x = (column * SIDE + place % REACH).wrapping_sub(self.params.pad_width);
            if y < maps.height && x < maps.width {
                let start = ((line.map * maps.height + y) * maps.width + x) * maps.stride;
                &maps.data[start..start + channels]
            } else {
                &self.zeros[..]
            }
        })
    }

    /// Multiplies the points of a part with the weights of a block of output channels: points x tiles x channels.
    fn multiply(&self, kernels: Kernels, block: usize, part: Part, points: &[f32], products: &mut [f32]) {
        let (inputs, width) = (self.inputs(), block_width(self.bias.len(), block));
        let pieces = part.tiles.div_ceil(kernels.max_pixels(SourceLayout::Im2col, width));
        let weights = &self.weights[block * POINTS_4X4 * inputs..][..POINTS_4X4 * inputs * width];
        for (point, weights) in weights.chunks_exact(inputs * width).enumerate() {
            for piece in 0..pieces {
                let (start, end) = (piece * part.tiles / pieces, (piece + 1) * part.tiles / pieces);
                kernels.run(&mut Tile {
                    layout: SourceLayout::Im2col,
                    pixels: end - start,
                    width,
                    src: points,
                    start: (point * inputs * part.room) + start * LANES,
                    rows: SourceRows::straight(inputs / LANES, part.room * LANES),
                    weights,
                    bias: &NO_BIAS,
                    activation: Activation::None,
                    residual: None,
                    dst: &mut products[(point * part.room + start) * width..],
                    dst_stride: width,
                });
            }
        }
    }
}

fn grow(buffer: &mut Vec<f32>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}
