//! im2col: copies the receptive field of each output pixel into a matrix, so that a convolution of any kernel
//! size, stride and padding becomes a matrix product (GEMM). Copying one value costs a sixteenth of a vector
//! multiply-add per output channel.

#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

use super::tile::LANES;

/// A batch of feature maps, contiguous, channels last (NHWC).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Maps<'a, T = f32> {
    /// `batch x height x width x stride` values.
    pub(crate) data: &'a [T],
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Channels read: the first `channels` of each pixel.
    pub(crate) channels: usize,
    /// Values from pixel to pixel.
    pub(crate) stride: usize,
}

/// Kernel size, stride and padding of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ConvParams {
    /// Kernel height.
    pub(crate) height: usize,
    /// Kernel width.
    pub(crate) width: usize,
    /// Stride along both axes.
    pub(crate) stride: usize,
    /// Rows of zero padding above and below the map.
    pub(crate) pad_height: usize,
    /// Columns of zero padding left and right of the map.
    pub(crate) pad_width: usize,
}

impl ConvParams {
    /// Height and width of the output for an input of `height x width`.
    pub(crate) fn output(self, height: usize, width: usize) -> (usize, usize) {
        let steps = |len: usize, pad: usize, size: usize| {
            (len + 2 * pad).checked_sub(size).map_or(0, |free| free / self.stride + 1)
        };
        (steps(height, self.pad_height, self.height), steps(width, self.pad_width, self.width))
    }
}

/// Writes the im2col matrix of output pixels `first .. first + count` (row-major through the batch). Tap `k` of
/// pixel `j`, in the order (kernel row, kernel column, channel), goes to
/// `matrix[(k / 16 * count + j) * 16 + k % 16]`. The number of channels is a multiple of 16.
#[inline(always)]
pub(super) fn im2col<T: Copy + Default>(
    maps: Maps<'_, T>,
    params: ConvParams,
    first: usize,
    count: usize,
    matrix: &mut [T],
) {
    let (out_height, out_width) = params.output(maps.height, maps.width);
    let blocks = maps.channels / LANES;
    for pixel in 0..count {
        let index = first + pixel;
        let (map, oy, ox) =
            (index / (out_height * out_width), index / out_width % out_height, index % out_width);
        let column = &mut matrix[pixel * LANES..];
        let mut places = column.chunks_mut(count * LANES);
        for ky in 0..params.height {
            let y = (oy * params.stride + ky).wrapping_sub(params.pad_height);
            for kx in 0..params.width {
                let x = (ox * params.stride + kx).wrapping_sub(params.pad_width);
                if y < maps.height && x < maps.width {
                    let start = ((map * maps.height + y) * maps.width + x) * maps.stride;
                    let values = &maps.data[start..start + blocks * LANES];
                    for (value, place) in values.chunks_exact(LANES).zip(places.by_ref()) {
                        place[..LANES].copy_from_slice(value);
                    }
                } else {
                    places.by_ref().take(blocks).for_each(|place| place[..LANES].fill(T::default()));
                }
            }
        }
    }
}
