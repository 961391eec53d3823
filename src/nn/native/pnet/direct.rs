//! The second pass: cells by direct sums of floats. Pooled pixels and those of the second layer are computed in short strips
//! when the first cell needs them, and kept for the others.

use std::ops::Range;

use super::super::conv::Conv;
use super::super::kernels::{CHANNELS, Kernels, SourceLayout, SourceRows};
use super::sizes::{POOLED, SECOND, THIRD};
use super::widths::Widths;

/// Ring buffer of level rows: two rows of cells depend on fourteen.
pub(super) const LEVEL_SLOTS: usize = 16;
/// Ring buffer of pooled rows: two rows of cells depend on six.
const POOLED_SLOTS: usize = 6;
/// Ring buffer of rows of the second layer: two rows of cells depend on four.
const SECOND_SLOTS: usize = 4;
/// Upper bound of the pixels of a tile.
const TILE: usize = 16;
/// Pixels of the second layer that are computed at least.
const SHORTEST: usize = 4;

/// The three convolutions and the "face" head.
#[derive(Debug)]
pub(super) struct DirectLayers {
    pub(super) first: Conv,
    pub(super) second: Conv,
    pub(super) third: Conv,
    /// Weights of the "face" logit minus those of "no face": the softmax over two logits is the logistic function
    /// of their difference.
    pub(super) score: [f32; THIRD],
    pub(super) score_bias: f32,
}

/// A ring buffer of rows, each computed strip by strip.
#[derive(Debug, Default)]
struct LazyRows {
    data: Vec<f32>,
    /// For each slot and strip one more than the row whose pixels are there.
    computed: Vec<usize>,
    /// Pixels of a strip.
    strip: usize,
    strips: usize,
    slots: usize,
    /// Floats of a row.
    row_len: usize,
}

impl LazyRows {
    fn clear(&mut self, slots: usize, row_len: usize, strip: usize, pixels: usize) {
        (self.slots, self.row_len, self.strip, self.strips) = (slots, row_len, strip, pixels.div_ceil(strip));
        grow(&mut self.data, slots * row_len);
        self.computed.clear();
        self.computed.resize(slots * self.strips, 0);
    }

    /// The first pixels of the strips of `row` that hold `columns` and are not computed. They count as computed from here on.
    fn missing(&mut self, row: usize, columns: Range<usize>) -> impl Iterator<Item = usize> + use<> {
        let (slot, strip) = (row % self.slots * self.strips, self.strip);
        let strips = columns.start / strip..columns.end.div_ceil(strip).min(self.strips);
        let computed = &mut self.computed[slot..slot + self.strips];
        let missing: Vec<usize> =
            strips.filter(|&i| std::mem::replace(&mut computed[i], row + 1) != row + 1).collect();
        missing.into_iter().map(move |i| i * strip)
    }

    fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.data[row % self.slots * self.row_len..][..self.row_len]
    }

    /// Where `floats` floats after the start of `row` lie, and the three rows from there on.
    fn rows(&self, row: usize, floats: usize) -> (&[f32], usize, SourceRows) {
        let slot = row % self.slots;
        let rows = SourceRows::in_ring(3, self.row_len, slot, self.slots);
        (&self.data, slot * self.row_len + floats, rows)
    }
}

/// Makes a buffer at least so long. What it holds may be from other rows: only pixels past the end of a row are made of it.
pub(super) fn grow<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}

/// Ring buffers of the second pass.
#[derive(Debug, Default)]
pub(super) struct DirectRows {
    level: Vec<f32>,
    level_row: usize,
    pooled: LazyRows,
    second: LazyRows,
}

impl DirectRows {
    pub(super) fn clear(&mut self, kernels: Kernels, widths: &Widths) {
        self.level_row = widths.level_row;
        grow(&mut self.level, LEVEL_SLOTS * widths.level_row);
        self.pooled.clear(POOLED_SLOTS, widths.pooled_row, first_strip(kernels) / 2, widths.pooled);
        let strip = kernels.fitting_pixels(SourceLayout::Channels10, SECOND, SHORTEST);
        self.second.clear(SECOND_SLOTS, widths.second_row, strip, widths.second);
    }

    /// A row of the level, to be filled.
    pub(super) fn level_row(&mut self, row: usize) -> &mut [f32] {
        &mut self.level[row % LEVEL_SLOTS * self.level_row..][..self.level_row]
    }
}

/// Pixels of the first layer that are computed at a time.
fn first_strip(kernels: Kernels) -> usize {
    // The scalar and AVX2 microkernels have tiles of 3 and 6 pixels: 12 is a multiple of both and of 2.
    if kernels.max_pixels(SourceLayout::Rgb, SECOND) == 14 { 14 } else { 12 }
}

/// Sums cells of a band directly.
pub(super) struct Direct<'a> {
    pub(super) layers: &'a DirectLayers,
    pub(super) kernels: Kernels,
    pub(super) widths: &'a Widths,
}

impl Direct<'_> {
    /// Computes cells of a row and calls `take` with the column, the logit and the third layer's channels of each.
    pub(super) fn cells(
        &self,
        row: usize,
        columns: Range<usize>,
        rows: &mut DirectRows,
        mut take: impl FnMut(usize, f32, &[f32]),
    ) {
        for second in row..row + 3 {
            self.second(second, columns.start..columns.end + 2, rows);
        }
        let tile = self.kernels.fitting_pixels(SourceLayout::Channels16, THIRD, columns.len());
        let (mut pixels, mut logits) = ([0f32; TILE * THIRD], [0f32; TILE]);
        for x in columns.clone().step_by(tile) {
            let source = rows.second.rows(row, x * SECOND);
            self.layers.third.run_tile(self.kernels, SourceLayout::Channels16, source, tile, &mut pixels);
            let count = tile.min(columns.end - x);
            self.kernels.dot32(&pixels, &self.layers.score, self.layers.score_bias, &mut logits[..count]);
            for (j, (&logit, pixel)) in logits[..count].iter().zip(pixels.chunks_exact(THIRD)).enumerate() {
                take(x + j, logit, pixel);
            }
        }
    }

    /// Computes the columns of a row of the second layer that are missing.
    fn second(&self, row: usize, columns: Range<usize>, rows: &mut DirectRows) {
        for x in rows.second.missing(row, columns) {
            let strip = rows.second.strip;
            for pooled in row..row + 3 {
                self.pooled(pooled, x..(x + strip + 2).min(self.widths.pooled), rows);
            }
            let source = rows.pooled.rows(row, x * POOLED);
            let out = &mut rows.second.row_mut(row)[x * SECOND..];
            self.layers.second.run_tile(self.kernels, SourceLayout::Channels10, source, strip, out);
        }
    }

    /// Computes the columns of a pooled row that are missing, from rows `2 * row` and `2 * row + 1` of the first layer. If
    /// the level ends between them, only the upper one is pooled (`ceil_mode`).
    fn pooled(&self, row: usize, columns: Range<usize>, rows: &mut DirectRows) {
        let DirectRows { level, level_row, pooled, .. } = rows;
        let has_lower = self.widths.has_lower(row);
        let (strip, tile) = (first_strip(self.kernels), self.kernels.max_pixels(SourceLayout::Rgb, SECOND));
        let mut lines = [[0f32; TILE * SECOND]; 2];
        for x in pooled.missing(row, columns) {
            for (below, line) in lines.iter_mut().enumerate().take(1 + usize::from(has_lower)) {
                let slot = (2 * row + below) % LEVEL_SLOTS;
                let ring = SourceRows::in_ring(3, *level_row, slot, LEVEL_SLOTS);
                for part in (0..strip).step_by(tile) {
                    let source = (&level[..], slot * *level_row + (2 * x + part) * CHANNELS, ring);
                    let line = &mut line[part * SECOND..];
                    self.layers.first.run_tile(self.kernels, SourceLayout::Rgb, source, tile, line);
                }
                // Padding past the last column never wins the maximum.
                if let Some(past) = line.chunks_exact_mut(SECOND).take(strip).nth(self.widths.first - 2 * x) {
                    past.fill(f32::NEG_INFINITY);
                }
            }
            let [upper, lower] = &lines;
            let lower = if has_lower { lower } else { upper };
            let mut out = [0f32; TILE / 2 * POOLED + SECOND];
            self.kernels.pool_pairs(&upper[..strip * SECOND], &lower[..strip * SECOND], &mut out);
            let floats = strip / 2 * POOLED;
            pooled.row_mut(row)[x * POOLED..][..floats].copy_from_slice(&out[..floats]);
        }
    }
}
