//! P-Net, fused with the pyramid: each level goes through area resampling, the three convolutions, the
//! pooling and the heads row by row, and only the cells over the threshold are kept. Between the
//! layers lie rings of three or four rows; a level is never stored.
//!
//! Levels are cut into bands of rows that run in parallel. A band computes the rows it needs above its
//! first cell again, each by the same sums, so that the seams don't show.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

use rayon::prelude::*;

use super::conv::{Conv, LayerActivation};
use super::kernels::{CHANNELS, Kernels, Shape, SourceRows};
use super::layers::{LayerReader, LayerSize};
use super::resample::{AreaRows, RowBuffers};
use crate::error::Result;
use crate::imaging::{RgbView, Window};
use crate::nn::{LevelSize, Proposal};

/// Level rows in their ring: the first layer makes two rows, which need four.
const LEVEL_SLOTS: usize = 4;
/// Pooled rows and rows of the second layer in their rings.
const SLOTS: usize = 3;
/// Channels of the first layer; a pooled pixel is stored in so many floats.
const POOLED: usize = 10;
/// Channels of the second layer.
const SECOND: usize = 16;
/// Channels of the third layer.
const THIRD: usize = 32;
/// Pixels of a tile at most, with room: rings have space for a tile past the end of each row.
const TILE: usize = 16;
/// A band has at least so many rows of cells: the four rows it computes again cost an eighth at most.
const MIN_BAND_ROWS: usize = 32;
/// Bands for each thread, so that the last ones to finish don't leave others idle.
const BANDS_PER_THREAD: usize = 8;

/// P-Net's weights, packed.
#[derive(Debug)]
pub(crate) struct PNet {
    first: Conv,
    second: Conv,
    third: Conv,
    /// Weights of the face's score minus those of the other: the softmax over two is the logistic
    /// function of their difference.
    score: [f32; THIRD],
    score_bias: f32,
    regression: [[f32; THIRD]; 4],
    regression_bias: [f32; 4],
}

/// Rows of cells `[first, end)` of a level.
#[derive(Debug, Clone, Copy)]
struct Band {
    level: usize,
    first: usize,
    end: usize,
}

/// Rings and scratch of one band.
#[derive(Debug, Default)]
struct Buffers {
    resampling: RowBuffers,
    level: Vec<f32>,
    pooled: Vec<f32>,
    second: Vec<f32>,
}

impl PNet {
    /// Packs the weights of an ONNX file.
    pub(crate) fn load(onnx: &[u8]) -> Result<Self> {
        let mut graph = LayerReader::read("P-Net", onnx)?;
        let first = graph.layer(LayerSize { out_channels: POOLED, in_channels: CHANNELS, side: 3 })?;
        let second = graph.layer(LayerSize { out_channels: SECOND, in_channels: POOLED, side: 3 })?;
        let third = graph.layer(LayerSize { out_channels: THIRD, in_channels: SECOND, side: 3 })?;
        let (score, _) = graph.layer(LayerSize { out_channels: 2, in_channels: THIRD, side: 1 })?;
        let (regression, _) = graph.layer(LayerSize { out_channels: 4, in_channels: THIRD, side: 1 })?;
        let pack = |(raw, slopes)| Conv::new(&raw, LayerActivation::PRelu(slopes));
        Ok(Self {
            first: pack(first),
            second: pack(second),
            third: pack(third),
            score: std::array::from_fn(|i| score.weights[THIRD + i] - score.weights[i]),
            score_bias: score.bias[1] - score.bias[0],
            regression: std::array::from_fn(|o| std::array::from_fn(|i| regression.weights[o * THIRD + i])),
            regression_bias: std::array::from_fn(|o| regression.bias[o]),
        })
    }

    /// For each level its cells with `score >= threshold`, in row-major order.
    pub(crate) fn run(
        &self,
        kernels: Kernels,
        photo: RgbView<'_>,
        levels: &[LevelSize],
        threshold: f32,
    ) -> Vec<Vec<Proposal>> {
        let bands = bands(levels);
        let run = |buffers: &mut Buffers, band: &Band| {
            self.run_band(kernels, photo, levels[band.level], *band, threshold, buffers)
        };
        let found: Vec<Vec<Proposal>> = bands.par_iter().map_init(Buffers::default, run).collect();
        let mut answer = vec![Vec::new(); levels.len()];
        for (band, mut proposals) in bands.iter().zip(found) {
            answer[band.level].append(&mut proposals);
        }
        answer
    }

    fn run_band(
        &self,
        kernels: Kernels,
        photo: RgbView<'_>,
        size: LevelSize,
        band: Band,
        threshold: f32,
        buffers: &mut Buffers,
    ) -> Vec<Proposal> {
        let whole = Window { x0: 0, y0: 0, x1: photo.width, y1: photo.height };
        let source = AreaRows::new(photo, whole, size.width, size.height);
        let widths = Widths::new(size.width);
        let Buffers { resampling, level, pooled, second } = buffers;
        level.resize(LEVEL_SLOTS * widths.level_row, 0.0);
        pooled.resize(SLOTS * widths.pooled_row, 0.0);
        second.resize(SLOTS * widths.second_row, 0.0);
        let mut proposals = Vec::new();
        let mut next_level_row = 2 * band.first;
        for row in band.first..band.end + 4 {
            // Pooled row `row` needs level rows up to `2 * row + 3`, where the level has them.
            let last = (2 * row + LEVEL_SLOTS).min(size.height);
            for y in next_level_row..last {
                let ring = &mut level[y % LEVEL_SLOTS * widths.level_row..][..widths.level_row];
                source.row(kernels, y, resampling, &mut ring[..size.width * CHANNELS + 1]);
            }
            next_level_row = last;
            self.pooled_row(kernels, size, &widths, row, level, pooled);
            if row >= band.first + 2 {
                self.second_row(kernels, &widths, row - 2, pooled, second);
            }
            if row >= band.first + 4 {
                let cells = CellRow { row: row - 4, threshold, proposals: &mut proposals };
                self.cell_row(kernels, &widths, second, cells);
            }
        }
        proposals
    }

    /// Rows `2 * row` and `2 * row + 1` of the first layer, pooled. Where the level ends between them,
    /// the lower one doesn't count.
    fn pooled_row(
        &self,
        kernels: Kernels,
        size: LevelSize,
        widths: &Widths,
        row: usize,
        level: &[f32],
        pooled: &mut [f32],
    ) {
        let has_lower = 2 * row + 1 < size.height - 2;
        let out = &mut pooled[row % SLOTS * widths.pooled_row..][..widths.pooled_row];
        // The scalar and AVX2 kernels do 3 and 6 pixels: 12 is the next multiple of both and of 2.
        let tile = kernels.max_pixels(Shape::Rgb, SECOND);
        let strip = if tile == 14 { 14 } else { 12 };
        let mut rows = [[0f32; TILE * SECOND]; 2];
        for x in (0..widths.first).step_by(strip) {
            for (below, line) in rows.iter_mut().enumerate().take(1 + usize::from(has_lower)) {
                let slot = (2 * row + below) % LEVEL_SLOTS;
                let ring = SourceRows::in_ring(3, widths.level_row, slot, LEVEL_SLOTS);
                for part in (0..strip).step_by(tile) {
                    let start = slot * widths.level_row + (x + part) * CHANNELS;
                    let line = &mut line[part * SECOND..];
                    self.first.run_tile(kernels, Shape::Rgb, (level, start, ring), tile, line);
                }
                // Past the last column there is nothing to be the larger one.
                if let Some(past) = line.chunks_exact_mut(SECOND).take(strip).nth(widths.first - x) {
                    past.fill(f32::NEG_INFINITY);
                }
            }
            let [upper, lower] = &rows;
            let lower = if has_lower { lower } else { upper };
            let out = &mut out[x / 2 * POOLED..];
            kernels.pool_pairs(&upper[..strip * SECOND], &lower[..strip * SECOND], out);
        }
    }

    /// Row `row` of the second layer.
    fn second_row(&self, kernels: Kernels, widths: &Widths, row: usize, pooled: &[f32], second: &mut [f32]) {
        let slot = row % SLOTS;
        let ring = SourceRows::in_ring(3, widths.pooled_row, slot, SLOTS);
        let out = &mut second[slot * widths.second_row..][..widths.second_row];
        let tile = kernels.max_pixels(Shape::Ten, SECOND);
        for x in (0..widths.second).step_by(tile) {
            let start = slot * widths.pooled_row + x * POOLED;
            let out = &mut out[x * SECOND..];
            self.second.run_tile(kernels, Shape::Ten, (pooled, start, ring), tile, out);
        }
    }

    /// A row of the third layer, and of it the cells that may be faces.
    fn cell_row(&self, kernels: Kernels, widths: &Widths, second: &[f32], cells: CellRow<'_>) {
        let slot = cells.row % SLOTS;
        let ring = SourceRows::in_ring(3, widths.second_row, slot, SLOTS);
        let tile = kernels.max_pixels(Shape::Sixteen, THIRD);
        // Below this difference the logistic function can't reach the threshold; rounding has room.
        let least = (cells.threshold / (1.0 - cells.threshold)).ln() - 1e-3;
        let (mut pixels, mut scores) = ([0f32; TILE * THIRD], [0f32; TILE]);
        for x in (0..widths.cells).step_by(tile) {
            let start = slot * widths.second_row + x * SECOND;
            self.third.run_tile(kernels, Shape::Sixteen, (second, start, ring), tile, &mut pixels);
            let count = tile.min(widths.cells - x);
            kernels.dot32(&pixels, &self.score, self.score_bias, &mut scores[..count]);
            for (j, &difference) in scores[..count].iter().enumerate() {
                if difference < least {
                    continue;
                }
                let score = logistic(difference);
                if score.is_nan() || score < cells.threshold {
                    continue;
                }
                let pixel = &pixels[j * THIRD..(j + 1) * THIRD];
                let regression = std::array::from_fn(|o| {
                    let products = pixel.iter().zip(&self.regression[o]).map(|(a, b)| a * b);
                    products.sum::<f32>() + self.regression_bias[o]
                });
                let (col, row) = ((x + j) as u32, cells.row as u32);
                cells.proposals.push(Proposal { col, row, score, regression });
            }
        }
    }
}

/// The softmax over two scores, from their difference.
pub(crate) fn logistic(difference: f32) -> f32 {
    1.0 / (1.0 + (-difference).exp())
}

/// A row of cells to be judged, and where the proposals go.
struct CellRow<'a> {
    row: usize,
    threshold: f32,
    proposals: &'a mut Vec<Proposal>,
}

/// Pixels in a row of each layer, and floats in a row of each ring.
struct Widths {
    first: usize,
    second: usize,
    cells: usize,
    level_row: usize,
    pooled_row: usize,
    second_row: usize,
}

impl Widths {
    fn new(level: usize) -> Self {
        let first = level - 2;
        let pooled = first.div_ceil(2);
        Self {
            first,
            second: pooled - 2,
            cells: pooled - 4,
            level_row: (level + TILE) * CHANNELS,
            pooled_row: (pooled + TILE) * POOLED,
            second_row: (pooled + TILE) * SECOND,
        }
    }
}

/// Cuts the levels into bands: one a level on one thread, else pieces of about equal work.
fn bands(levels: &[LevelSize]) -> Vec<Band> {
    let threads = rayon::current_num_threads();
    let total: usize = levels.iter().map(|level| level.width * level.height).sum();
    let share = if threads == 1 { usize::MAX } else { total / (threads * BANDS_PER_THREAD) };
    let mut bands = Vec::new();
    for (level, size) in levels.iter().enumerate() {
        let (_, rows) = size.cells();
        let most = (rows / MIN_BAND_ROWS).max(1);
        let count = (size.width * size.height).div_ceil(share.max(1)).clamp(1, most);
        bands.extend((0..count).map(|i| Band {
            level,
            first: i * rows / count,
            end: (i + 1) * rows / count,
        }));
    }
    bands
}
