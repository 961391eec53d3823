//! P-Net, fused with the image pyramid: area resampling, the three convolutions, the pooling and the heads run row
//! by row, and only cells that reach the threshold are stored. The layers are connected by ring buffers of a few
//! rows; no level is stored as a whole.
//!
//! A first pass ([`first_pass`]) finds most cells far below the threshold with half the multiplications; the second
//! and third layer and the heads are summed directly only for the others, with the same result to the last bit.
//!
//! Levels are split into bands of rows that run in parallel. Adjacent bands both compute the rows that they share,
//! in the same summation order, so the result does not depend on the split.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

mod bound;
mod first_pass;
mod sizes;

use std::ops::Range;

use rayon::prelude::*;

use super::conv::{Conv, LayerActivation};
use super::kernels::{CHANNELS, Kernels, SourceLayout, SourceRows};
use super::layers::{LayerReader, LayerSize};
use super::resample::{AreaRows, RowBuffers};
use crate::error::Result;
use crate::imaging::{RgbView, Window};
use crate::nn::{LevelSize, Proposal};
use first_pass::{Blocks, FirstPass};
use sizes::{POOLED, SECOND, THIRD};

/// Ring buffer of level rows: two output rows of the first 3x3 convolution read four.
const LEVEL_SLOTS: usize = 4;
/// Ring buffer of pooled rows: two rows of cells depend on six.
const POOLED_SLOTS: usize = 6;
/// Ring buffers of rows of the second layer: the first pass reads four at a time.
const SECOND_SLOTS: usize = 4;
/// Upper bound of the pixels of a tile.
const TILE: usize = 16;
/// Each row of a ring buffer is padded by the pixels of two blocks of tiles of the first pass, which read and write past the end.
const PADDING: usize = 64;
/// Runs of cells of the second pass that have at most so many cells between them are computed as one: these cost less
/// than the pixels of the second layer that two runs share.
const GAP: usize = 2;
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
    first_pass: Option<FirstPass>,
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
    /// Rows of the second layer in the second pass, where the first one left cells.
    direct: Vec<f32>,
    blocks: Blocks,
    logits: [Vec<f32>; 2],
}

impl Buffers {
    /// Zeroes the ring buffers: the first pass reads their padding, which must be numbers.
    fn clear(&mut self, widths: &Widths) {
        let zero = |buffer: &mut Vec<f32>, floats: usize| {
            buffer.clear();
            buffer.resize(floats, 0.0);
        };
        zero(&mut self.level, LEVEL_SLOTS * widths.level_row);
        zero(&mut self.pooled, POOLED_SLOTS * widths.pooled_row);
        zero(&mut self.second, SECOND_SLOTS * widths.second_row);
        zero(&mut self.direct, SECOND_SLOTS * widths.second_row);
        for logits in &mut self.logits {
            zero(logits, widths.cells + PADDING);
        }
    }
}

/// A band's level, resampled row by row, and the first layer on it.
struct Stem<'a> {
    kernels: Kernels,
    source: AreaRows<'a>,
    size: LevelSize,
    widths: Widths,
    next_level_row: usize,
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
        let weights: [f32; THIRD] = std::array::from_fn(|i| score.weights[THIRD + i] - score.weights[i]);
        let score_bias = score.bias[1] - score.bias[0];
        let first_pass = FirstPass::new(&first, &second, &third, weights, score_bias);
        let pack = |(raw, slopes)| Conv::new(&raw, LayerActivation::PRelu(slopes));
        Ok(Self {
            first: pack(first),
            second: pack(second),
            third: pack(third),
            score: weights,
            score_bias,
            regression: std::array::from_fn(|o| std::array::from_fn(|i| regression.weights[o * THIRD + i])),
            regression_bias: std::array::from_fn(|o| regression.bias[o]),
            first_pass: Some(first_pass),
        })
    }

    /// Without the first pass: all cells are summed directly. The results are the same.
    pub(crate) fn without_first_pass(self) -> Self {
        Self { first_pass: None, ..self }
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
        buffers.clear(&widths);
        let mut stem = Stem { kernels, source, size, widths, next_level_row: 2 * band.first };
        let mut proposals = Vec::new();
        // The logit of the threshold, with a margin for rounding: lower differences cannot reach the threshold.
        // Near a score of 1 rounding is coarser than the margin.
        let least = (threshold / (1.0 - threshold)).ln().min(8.0) - 1e-3;
        let mut cells = Cells { least, threshold, proposals: &mut proposals };
        match &self.first_pass {
            Some(pass) if (least - pass.bound).is_finite() => {
                self.run_two_passes(pass, &mut stem, band, &mut cells, buffers);
            }
            _ => self.run_directly(&mut stem, band, &mut cells, buffers),
        }
        proposals
    }

    /// Sums all cells of the band directly.
    fn run_directly(&self, stem: &mut Stem<'_>, band: Band, cells: &mut Cells<'_>, buffers: &mut Buffers) {
        for row in band.first..band.end + 4 {
            self.pooled_row(stem, row, buffers);
            let (pooled, second) = (&buffers.pooled, &mut buffers.second);
            if row >= band.first + 2 {
                self.second_row(stem, row - 2, 0..stem.widths.second, pooled, second);
            }
            if row >= band.first + 4 {
                self.cell_row(stem, row - 4, 0..stem.widths.cells, second, cells);
            }
        }
    }

    /// Computes the logits of all cells of the band by the first pass, two rows at a time, and then directly the cells that
    /// may reach the threshold.
    fn run_two_passes(
        &self,
        pass: &FirstPass,
        stem: &mut Stem<'_>,
        band: Band,
        cells: &mut Cells<'_>,
        buffers: &mut Buffers,
    ) {
        let (pooled_row, second_row) = (stem.widths.pooled_row, stem.widths.second_row);
        let below = cells.least - pass.bound;
        // With an odd number of rows, the last is computed together with one that is left out.
        for step in 0..(band.end - band.first + 4).next_multiple_of(2) {
            let row = band.first + step;
            if row < band.end + 4 {
                self.pooled_row(stem, row, buffers);
            }
            let Buffers { pooled, second, direct, blocks, logits: [upper, lower], .. } = &mut *buffers;
            if step < 3 || step % 2 == 0 {
                continue;
            }
            let rows = four_rows(pooled, pooled_row, row - 3);
            // Pairs of rows lie together: their slots count from the first row of the band, which may be odd.
            let slot = (step - 3) % SECOND_SLOTS;
            let out = &mut second[slot * second_row..][..2 * second_row];
            let out = out.split_at_mut(second_row).into();
            pass.second_rows(stem.kernels, rows, stem.widths.second, blocks, out);
            if step < 5 {
                continue;
            }
            let rows = four_rows(second, second_row, step - 5);
            pass.logits(stem.kernels, rows, stem.widths.cells, blocks, [upper, lower]);
            for (row, logits) in [(row - 5, &*upper), (row - 4, &*lower)] {
                if row == band.end {
                    continue;
                }
                // A logit that is no number does not prove anything.
                let left = |x: usize| logits[x].is_nan() || logits[x] >= below;
                for run in runs(stem.widths.cells, left) {
                    for second in row..row + 3 {
                        self.second_row(stem, second, run.start..run.end + 2, pooled, direct);
                    }
                    self.cell_row(stem, row, run, direct, cells);
                }
            }
        }
    }

    /// Computes rows `2 * row` and `2 * row + 1` of the first layer and pools them. If the level ends between them,
    /// only the upper one is pooled (`ceil_mode`).
    fn pooled_row(&self, stem: &mut Stem<'_>, row: usize, buffers: &mut Buffers) {
        stem.level_rows(row, buffers);
        let Stem { kernels, size, widths, .. } = stem;
        let (level, pooled) = (&buffers.level, &mut buffers.pooled);
        let has_lower = 2 * row + 1 < size.height - 2;
        let out = &mut pooled[row % POOLED_SLOTS * widths.pooled_row..][..widths.pooled_row];
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
                    self.first.run_tile(*kernels, SourceLayout::Rgb, (level, start, ring), tile, line);
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
        out[widths.pooled * POOLED..].fill(0.0);
    }

    /// Computes columns of row `row` of the second layer.
    fn second_row(
        &self,
        stem: &Stem<'_>,
        row: usize,
        columns: Range<usize>,
        pooled: &[f32],
        second: &mut [f32],
    ) {
        let (kernels, widths) = (stem.kernels, &stem.widths);
        let slot = row % POOLED_SLOTS;
        let ring = SourceRows::in_ring(3, widths.pooled_row, slot, POOLED_SLOTS);
        let out = &mut second[row % SECOND_SLOTS * widths.second_row..][..widths.second_row];
        let tile = kernels.fitting_pixels(SourceLayout::Channels10, SECOND, columns.len());
        for x in columns.step_by(tile) {
            let start = slot * widths.pooled_row + x * POOLED;
            let out = &mut out[x * SECOND..];
            self.second.run_tile(kernels, SourceLayout::Channels10, (pooled, start, ring), tile, out);
        }
    }

    /// Computes columns of a row of the third layer and the heads, and appends the cells that reach the threshold.
    fn cell_row(
        &self,
        stem: &Stem<'_>,
        row: usize,
        columns: Range<usize>,
        second: &[f32],
        cells: &mut Cells<'_>,
    ) {
        let (kernels, widths) = (stem.kernels, &stem.widths);
        let slot = row % SECOND_SLOTS;
        let ring = SourceRows::in_ring(3, widths.second_row, slot, SECOND_SLOTS);
        let tile = kernels.fitting_pixels(SourceLayout::Channels16, THIRD, columns.len());
        let (mut pixels, mut scores) = ([0f32; TILE * THIRD], [0f32; TILE]);
        for x in columns.clone().step_by(tile) {
            let start = slot * widths.second_row + x * SECOND;
            self.third.run_tile(kernels, SourceLayout::Channels16, (second, start, ring), tile, &mut pixels);
            let count = tile.min(columns.end - x);
            kernels.dot32(&pixels, &self.score, self.score_bias, &mut scores[..count]);
            for (j, &difference) in scores[..count].iter().enumerate() {
                if difference < cells.least {
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
                let (col, row) = ((x + j) as u32, row as u32);
                cells.proposals.push(Proposal { col, row, score, regression });
            }
        }
    }
}

/// Softmax over two logits, from their difference.
pub(crate) fn logistic(difference: f32) -> f32 {
    1.0 / (1.0 + (-difference).exp())
}

/// The threshold of cells, and where those that reach it go.
struct Cells<'a> {
    /// A lower bound of the logits of the cells that reach the threshold.
    least: f32,
    threshold: f32,
    proposals: &'a mut Vec<Proposal>,
}

impl Stem<'_> {
    /// Resamples the level rows that pooled row `row` needs: up to `2 * row + 3`, where the level has them.
    fn level_rows(&mut self, row: usize, buffers: &mut Buffers) {
        let last = (2 * row + LEVEL_SLOTS).min(self.size.height);
        for y in self.next_level_row..last {
            let ring = &mut buffers.level[y % LEVEL_SLOTS * self.widths.level_row..][..self.widths.level_row];
            let out = &mut ring[..self.size.width * CHANNELS + 1];
            self.source.row(self.kernels, y, &mut buffers.resampling, out);
        }
        self.next_level_row = last;
    }
}

/// Four rows of a ring buffer, from row `first` on.
fn four_rows(ring: &[f32], row_floats: usize, first: usize) -> [&[f32]; 4] {
    let slots = ring.len() / row_floats;
    std::array::from_fn(|i| &ring[(first + i) % slots * row_floats..][..row_floats])
}

/// The runs of cells that are left, joined where at most [`GAP`] cells lie between them.
fn runs(cells: usize, left: impl Fn(usize) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = (next..cells).find(|&x| left(x))?;
        let mut end = start + 1;
        while let Some(more) = (end..cells.min(end + GAP + 1)).find(|&x| left(x)) {
            end = more + 1;
        }
        next = end;
        Some(start..end)
    })
}

/// Pixels in a row of each layer, and floats in a row of each ring buffer.
struct Widths {
    first: usize,
    pooled: usize,
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
            pooled,
            second: pooled - 2,
            cells: pooled - 4,
            level_row: (level + PADDING) * CHANNELS,
            pooled_row: (pooled + PADDING) * POOLED,
            second_row: (pooled + PADDING) * SECOND,
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
