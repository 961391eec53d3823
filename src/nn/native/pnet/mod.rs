//! P-Net, fused with the image pyramid: area resampling, the three convolutions, the pooling and the heads run row
//! by row, and only cells that reach the threshold are stored. The layers are connected by ring buffers of a few
//! rows; no level is stored as a whole.
//!
//! A first pass in 16-bit integers ([`first_pass`]) finds most cells far below the threshold; only the others are summed
//! directly, in floats ([`direct`]), with the same result to the last bit.
//!
//! Levels are split into bands of rows that run in parallel. Adjacent bands both compute the rows that they share,
//! in the same summation order, so the result does not depend on the split.

#![allow(clippy::needless_pass_by_value, reason = "a view of a buffer is handed over, as a slice is")]

mod bound;
mod direct;
mod first_pass;
mod intervals;
mod scaled;
mod sizes;
mod widths;

use std::ops::Range;

use rayon::prelude::*;

use super::conv::{Conv, LayerActivation};
use super::kernels::{CHANNELS, Kernels, Pooled, ROWS};
use super::layers::{LayerReader, LayerSize};
use super::resample::{AreaRows, RowBuffers};
use crate::error::Result;
use crate::imaging::{RgbView, Window};
use crate::nn::{LevelSize, Proposal};
use direct::{Direct, DirectLayers, DirectRows, grow};
use first_pass::FirstPass;
use intervals::Layer;
use sizes::{POOLED, SECOND, THIRD};
use widths::Widths;

/// Planes of a row of each layer in the first pass.
const LEVEL_PLANES: usize = 3;
const POOLED_PLANES: usize = POOLED / 2;
const SECOND_PLANES: usize = SECOND / 2;
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
    direct: DirectLayers,
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
    level: Vec<i16>,
    pooled: Vec<i16>,
    second: Vec<i16>,
    logits: [Vec<f32>; 2],
    direct: DirectRows,
}

impl Buffers {
    fn clear(&mut self, kernels: Kernels, widths: &Widths) {
        grow(&mut self.level, ROWS * LEVEL_PLANES * widths.plane);
        grow(&mut self.pooled, ROWS * POOLED_PLANES * widths.plane);
        grow(&mut self.second, ROWS * SECOND_PLANES * widths.plane);
        for logits in &mut self.logits {
            grow(logits, widths.plane / 2);
        }
        self.direct.clear(kernels, widths);
    }
}

/// A band's level, resampled row by row, and the first layer on it.
struct Stem<'a> {
    kernels: Kernels,
    source: AreaRows<'a>,
    size: LevelSize,
    widths: &'a Widths,
    next_level_row: usize,
}

impl PNet {
    /// Reads an ONNX file and packs its weights.
    pub(crate) fn load(onnx: &[u8]) -> Result<Self> {
        let mut graph = LayerReader::read("P-Net", onnx)?;
        let (first, second, third) = convolutions(&mut graph)?;
        let (score, _) = graph.layer(LayerSize { out_channels: 2, in_channels: THIRD, side: 1 })?;
        let (regression, _) = graph.layer(LayerSize { out_channels: 4, in_channels: THIRD, side: 1 })?;
        let weights: [f32; THIRD] = std::array::from_fn(|i| score.weights[THIRD + i] - score.weights[i]);
        let score_bias = score.bias[1] - score.bias[0];
        let first_pass = FirstPass::new(&first, &second, &third, &weights, score_bias);
        let pack = |(raw, slopes)| Conv::new(&raw, LayerActivation::PRelu(slopes));
        Ok(Self {
            direct: DirectLayers {
                first: pack(first),
                second: pack(second),
                third: pack(third),
                score: weights,
                score_bias,
            },
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
        let widths = Widths::new(size);
        buffers.clear(kernels, &widths);
        let direct = Direct { layers: &self.direct, kernels, widths: &widths };
        let mut stem = Stem { kernels, source, size, widths: &widths, next_level_row: 2 * band.first };
        let mut proposals = Vec::new();
        // The logit of the threshold, with a margin for rounding: lower differences cannot reach the threshold.
        // Near a score of 1 rounding is coarser than the margin.
        let least = (threshold / (1.0 - threshold)).ln().min(8.0) - 1e-3;
        let mut sum_directly = |row: usize, columns: Range<usize>, rows: &mut DirectRows| {
            direct.cells(row, columns, rows, |x, logit, pixel| {
                let score = logistic(logit);
                if logit >= least && score >= threshold {
                    let (col, row) = (x as u32, row as u32);
                    proposals.push(Proposal { col, row, score, regression: self.regression(pixel) });
                }
            });
        };
        match &self.first_pass {
            Some(pass) if (least - pass.bound).is_finite() => {
                let below = least - pass.bound;
                first_pass_rows(pass, &mut stem, band, buffers, |row, logits, rows| {
                    for run in runs(logits, below) {
                        sum_directly(row, run, rows);
                    }
                });
            }
            _ => {
                for row in band.first..band.end {
                    stem.level_rows(row + 4, false, buffers);
                    sum_directly(row, 0..widths.cells, &mut buffers.direct);
                }
            }
        }
        proposals
    }

    /// The box regression of a cell, from its channels of the third layer.
    fn regression(&self, pixel: &[f32]) -> [f32; 4] {
        std::array::from_fn(|o| {
            let products = pixel.iter().zip(&self.regression[o]).map(|(a, b)| a * b);
            products.sum::<f32>() + self.regression_bias[o]
        })
    }
}

/// Computes the logits of all cells of the band by the first pass, two rows at a time, and calls `take` with the number of each
/// row, its logits and the rows of the second pass.
fn first_pass_rows(
    pass: &FirstPass,
    stem: &mut Stem<'_>,
    band: Band,
    buffers: &mut Buffers,
    mut take: impl FnMut(usize, &[f32], &mut DirectRows),
) {
    let (kernels, widths) = (stem.kernels, stem.widths);
    let plane = widths.plane;
    let (pooled_row, second_row) = (POOLED_PLANES * plane, SECOND_PLANES * plane);
    // With an odd number of rows, the last is computed together with one that is left out.
    for step in 0..(band.end - band.first + 4).next_multiple_of(2) {
        let row = band.first + step;
        if row < band.end + 4 {
            stem.level_rows(row, true, buffers);
            let Buffers { level, pooled, .. } = &mut *buffers;
            let rows = four_rows(level, LEVEL_PLANES * plane, 2 * row);
            let out = &mut pooled[row % ROWS * pooled_row..][..pooled_row];
            let edges = Pooled { odd: widths.first / 2, lower: widths.has_lower(row) };
            pass.pooled_row(kernels, rows, (widths.pooled, plane), edges, out);
        }
        let Buffers { pooled, second, direct, logits: [upper, lower], .. } = &mut *buffers;
        if step < 3 || step % 2 == 0 {
            continue;
        }
        let rows = four_rows(pooled, pooled_row, row - 3);
        // Pairs of rows lie together: their slots count from the first row of the band, which may be odd.
        let out = &mut second[(step - 3) % ROWS * second_row..][..2 * second_row];
        pass.second_rows(kernels, rows, (widths.second, plane), out.split_at_mut(second_row).into());
        if step < 5 {
            continue;
        }
        let rows = four_rows(second, second_row, step - 5);
        pass.logits(kernels, rows, (widths.cells, plane), [upper, lower]);
        take(row - 5, &upper[..widths.cells], direct);
        if row - 4 < band.end {
            take(row - 4, &lower[..widths.cells], direct);
        }
    }
}

/// Reads the three convolutions with their slopes.
fn convolutions(graph: &mut LayerReader) -> Result<(Layer, Layer, Layer)> {
    let first = graph.layer(LayerSize { out_channels: POOLED, in_channels: CHANNELS, side: 3 })?;
    let second = graph.layer(LayerSize { out_channels: SECOND, in_channels: POOLED, side: 3 })?;
    let third = graph.layer(LayerSize { out_channels: THIRD, in_channels: SECOND, side: 3 })?;
    Ok((first, second, third))
}

/// Softmax over two logits, from their difference.
pub(crate) fn logistic(difference: f32) -> f32 {
    1.0 / (1.0 + (-difference).exp())
}

impl Stem<'_> {
    /// Resamples the level rows that pooled row `row` needs: up to `2 * row + 3`, where the level has them.
    fn level_rows(&mut self, row: usize, integers: bool, buffers: &mut Buffers) {
        let last = (2 * row + ROWS).min(self.size.height);
        for y in self.next_level_row..last {
            let floats = buffers.direct.level_row(y);
            let out = &mut floats[..self.size.width * CHANNELS + 1];
            self.source.row(self.kernels, y, &mut buffers.resampling, out);
            if integers {
                let planes = LEVEL_PLANES * self.widths.plane;
                let out = &mut buffers.level[y % ROWS * planes..][..planes];
                let pixels = self.size.width.next_multiple_of(2);
                FirstPass::split(self.kernels, &floats[..pixels * CHANNELS], self.widths.plane, out);
            }
        }
        self.next_level_row = last;
    }
}

/// Four rows of a ring buffer, from row `first` on.
fn four_rows(ring: &[i16], row_len: usize, first: usize) -> [&[i16]; ROWS] {
    std::array::from_fn(|i| &ring[(first + i) % ROWS * row_len..][..row_len])
}

/// The runs of cells whose logits are not below a limit, joined where at most [`GAP`] cells lie between them.
fn runs(logits: &[f32], limit: f32) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next + logits[next..].iter().position(|&logit| logit >= limit)?;
        let mut end = start + 1;
        let reach = |end: usize| &logits[end..logits.len().min(end + GAP + 1)];
        while let Some(more) = reach(end).iter().position(|&logit| logit >= limit) {
            end += more + 1;
        }
        next = end;
        Some(start..end)
    })
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

#[cfg(test)]
mod tests;
