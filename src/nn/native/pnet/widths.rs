//! Widths of the rows of a level and of the layers on it.

use super::super::kernels::{CHANNELS, plane_len};
use super::sizes::{POOLED, SECOND};
use crate::nn::LevelSize;

/// Each row of floats is padded by more pixels than two tiles, which are read and written past the end.
const PADDING: usize = 32;

/// Pixels in a row of each layer, floats in a row of each ring buffer, and integers in a plane; also the rows of the first layer.
pub(super) struct Widths {
    pub(super) first_rows: usize,
    pub(super) first: usize,
    pub(super) pooled: usize,
    pub(super) second: usize,
    pub(super) cells: usize,
    pub(super) level_row: usize,
    pub(super) pooled_row: usize,
    pub(super) second_row: usize,
    pub(super) plane: usize,
}

impl Widths {
    pub(super) fn new(LevelSize { width: level, height }: LevelSize) -> Self {
        let first = level - 2;
        let pooled = first.div_ceil(2);
        Self {
            first_rows: height - 2,
            first,
            pooled,
            second: pooled - 2,
            cells: pooled - 4,
            level_row: (level + PADDING) * CHANNELS,
            pooled_row: (pooled + PADDING) * POOLED,
            second_row: (pooled + PADDING) * SECOND,
            plane: plane_len(pooled),
        }
    }

    /// Whether the first layer has row `2 * row + 1`.
    pub(super) fn has_lower(&self, row: usize) -> bool {
        2 * row + 1 < self.first_rows
    }
}
