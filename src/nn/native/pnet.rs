//! P-Net, fused with the image pyramid: area resampling, the three convolutions, the pooling and the heads run row
//! by row, and only cells that reach the threshold are stored. The layers are connected by ring buffers of three or
//! four rows; no level is stored as a whole.
//!
//! Levels are split into bands of rows that run in parallel. Adjacent bands both compute the rows that they share,
//! in the same summation order, so the result does not depend on the split.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

use rayon::prelude::*;

use super::conv::{Conv, LayerActivation};
use super::kernels::{CHANNELS, Kernels, SourceLayout, SourceRows};
use super::layers::{LayerReader, LayerSize};
use super::resample::{AreaRows, RowBuffers};
use crate::error::Result;
use crate::imaging::{RgbView, Window};
use crate::nn::{LevelSize, Proposal};

/// Ring buffer of level rows: two output rows of the first 3x3 convolution read four.
const LEVEL_SLOTS: usize = 4;
/// Ring buffers of pooled rows and of rows of the second layer: a 3x3 convolution reads three.
const SLOTS: usize = 3;
/// Channels of the first layer, and floats of a pooled pixel.
const POOLED: usize = 10;
/// Channels of the second layer.
const SECOND: usize = 16;
/// Channels of the third layer.
const THIRD: usize = 32;
/// Upper bound of the pixels of a tile. Each row of a ring buffer is padded by one tile.
const TILE: usize = 16;
/// Minimum number of rows of cells of a band: the four rows that adjacent bands both compute cost an eighth at most.
const MIN_BAND_ROWS: usize = 32;
/// Bands per thread, for load balancing.
const BANDS_PER_THREAD: usize = 8;

/// P-Net, weights packed.
#[derive(Debug)]
pub(crate) struct PNet {
    first: Conv,
    second: Conv,
    third: Conv,
    /// Weights of the "face" logit minus those of "no face": the softmax over two logits is the logistic function
    /// of their difference.
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

/// Ring buffers of one band.
#[derive(Debug, Default)]
struct Buffers {
    resampling: RowBuffers,
    level: Vec<f32>,
    pooled: Vec<f32>,
    second: Vec<f32>,
}

impl PNet {
    /// Reads an ONNX file and packs its weights.
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

    /// The cells with `score >= threshold` of each level, in row-major order.
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
        let mut proposals_of = vec![Vec::new(); levels.len()];
        for (band, mut proposals) in bands.iter().zip(found) {
            proposals_of[band.level].append(&mut proposals);
        }
        proposals_of
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

    /// Computes rows `2 * row` and `2 * row + 1` of the first layer and pools them. If the level ends between them,
    /// only the upper one is pooled (`ceil_mode`).
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
        // The scalar and AVX2 microkernels have tiles of 3 and 6 pixels: 12 is a multiple of both and of 2.
        let tile = kernels.max_pixels(SourceLayout::Rgb, SECOND);
        let strip = if tile == 14 { 14 } else { 12 };
        let mut rows = [[0f32; TILE * SECOND]; 2];
        for x in (0..widths.first).step_by(strip) {
            for (below, line) in rows.iter_mut().enumerate().take(1 + usize::from(has_lower)) {
                let slot = (2 * row + below) % LEVEL_SLOTS;
                let ring = SourceRows::in_ring(3, widths.level_row, slot, LEVEL_SLOTS);
                for part in (0..strip).step_by(tile) {
                    let start = slot * widths.level_row + (x + part) * CHANNELS;
                    let line = &mut line[part * SECOND..];
                    self.first.run_tile(kernels, SourceLayout::Rgb, (level, start, ring), tile, line);
                }
                // Padding past the last column never wins the maximum.
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

    /// Computes row `row` of the second layer.
    fn second_row(&self, kernels: Kernels, widths: &Widths, row: usize, pooled: &[f32], second: &mut [f32]) {
        let slot = row % SLOTS;
        let ring = SourceRows::in_ring(3, widths.pooled_row, slot, SLOTS);
        let out = &mut second[slot * widths.second_row..][..widths.second_row];
        let tile = kernels.max_pixels(SourceLayout::Channels10, SECOND);
        for x in (0..widths.second).step_by(tile) {
            let start = slot * widths.pooled_row + x * POOLED;
            let out = &mut out[x * SECOND..];
            self.second.run_tile(kernels, SourceLayout::Channels10, (pooled, start, ring), tile, out);
        }
    }

    /// Computes a row of the third layer and the heads, and appends the cells that reach the threshold.
    fn cell_row(&self, kernels: Kernels, widths: &Widths, second: &[f32], cells: CellRow<'_>) {
        let slot = cells.row % SLOTS;
        let ring = SourceRows::in_ring(3, widths.second_row, slot, SLOTS);
        let tile = kernels.max_pixels(SourceLayout::Channels16, THIRD);
        // The logit of the threshold, with a margin for rounding: lower differences cannot reach the threshold.
        let least = (cells.threshold / (1.0 - cells.threshold)).ln() - 1e-3;
        let (mut pixels, mut scores) = ([0f32; TILE * THIRD], [0f32; TILE]);
        for x in (0..widths.cells).step_by(tile) {
            let start = slot * widths.second_row + x * SECOND;
            self.third.run_tile(kernels, SourceLayout::Channels16, (second, start, ring), tile, &mut pixels);
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

/// Softmax over two logits, from their difference.
pub(crate) fn logistic(difference: f32) -> f32 {
    1.0 / (1.0 + (-difference).exp())
}

/// A row of cells, and where its proposals go.
struct CellRow<'a> {
    row: usize,
    threshold: f32,
    proposals: &'a mut Vec<Proposal>,
}

/// Pixels in a row of each layer, and floats in a row of each ring buffer.
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

/// Splits the levels into bands: one per level on one thread, else bands of about equal work.
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
