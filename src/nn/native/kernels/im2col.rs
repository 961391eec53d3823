//! Gathers the windows of a convolution into columns, so that one inner kernel serves all window
//! sizes, strides and paddings. The copy costs a sixteenth of a multiply-add per output channel.

#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

use super::tile::LANES;

/// A batch of feature maps, one after the other, channels last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps<'a> {
    /// `batch x height x width x stride` numbers.
    pub(crate) data: &'a [f32],
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Channels that are read: the first ones of each pixel.
    pub(crate) channels: usize,
    /// Floats from pixel to pixel.
    pub(crate) stride: usize,
}

/// Kernel size, stride and padding of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvParams {
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Step, both ways.
    pub(crate) stride: usize,
    /// Zero rows above and below the map.
    pub(crate) pad_height: usize,
    /// Zero columns left and right of the map.
    pub(crate) pad_width: usize,
}

impl ConvParams {
    /// Rows and columns of the output for a map of `height x width`.
    pub(crate) fn output(self, height: usize, width: usize) -> (usize, usize) {
        let steps = |len: usize, pad: usize, size: usize| {
            (len + 2 * pad).checked_sub(size).map_or(0, |free| free / self.stride + 1)
        };
        (steps(height, self.pad_height, self.height), steps(width, self.pad_width, self.width))
    }
}

/// Writes the windows of output pixels `first .. first + count` (counted through the batch, row by
/// row) as columns: value `k` of pixel `j`, in the order (window row, window column, channel), goes to
/// `columns[(k / 16 * count + j) * 16 + k % 16]`. The channels are a multiple of 16.
#[inline(always)]
pub(super) fn im2col(maps: Maps<'_>, window: ConvParams, first: usize, count: usize, columns: &mut [f32]) {
    let (out_height, out_width) = window.output(maps.height, maps.width);
    let blocks = maps.channels / LANES;
    for pixel in 0..count {
        let index = first + pixel;
        let (map, oy, ox) =
            (index / (out_height * out_width), index / out_width % out_height, index % out_width);
        let column = &mut columns[pixel * LANES..];
        let mut places = column.chunks_mut(count * LANES);
        for ky in 0..window.height {
            let y = (oy * window.stride + ky).wrapping_sub(window.pad_height);
            for kx in 0..window.width {
                let x = (ox * window.stride + kx).wrapping_sub(window.pad_width);
                if y < maps.height && x < maps.width {
                    let start = ((map * maps.height + y) * maps.width + x) * maps.stride;
                    let values = &maps.data[start..start + blocks * LANES];
                    for (value, place) in values.chunks_exact(LANES).zip(places.by_ref()) {
                        place[..LANES].copy_from_slice(value);
                    }
                } else {
                    places.by_ref().take(blocks).for_each(|place| place[..LANES].fill(0.0));
                }
            }
        }
    }
}
