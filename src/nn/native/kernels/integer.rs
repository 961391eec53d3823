//! The unit of work of the integer microkernels, its scalar version, and the quantisation of a map.
//!
//! Products of 16-bit integers are summed in 32 bits. Sums of integers are exact in any order, and the epilogue rounds
//! each operation on its own, so all versions agree to the last bit. The layer has chosen its scales such that no sum
//! overflows.

#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

use super::tile::{Activation, LANES, SourceLayout};

/// Taps that a pixel reads from each source row, padded to pairs: the weight of the last may be a zero.
pub(super) const fn row_taps(layout: SourceLayout) -> usize {
    layout.row_taps().next_multiple_of(2)
}

/// 1.5 * 2^23: added to a float, it leaves the nearest integer in the lowest bits, in two's complement.
pub(super) const MAGIC: f32 = 12_582_912.0;
/// Prefetch distance of weights; see [`super::tile::PREFETCH`].
#[cfg(target_arch = "x86_64")]
pub(super) const PREFETCH: usize = 2048;

/// One tile: for each pixel `j` and channel `c`,
/// `dst[j * dst_stride + c] = act(sum * (pixel_scales[j] * scales[c]) + bias[c] (+ residual))`, where `sum` goes over
/// the products of source and weights.
pub(crate) struct IntegerTile<'a> {
    /// Memory layout of `src`: [`SourceLayout::Rgb`], [`SourceLayout::Channels28`] or [`SourceLayout::Im2col`].
    pub(crate) layout: SourceLayout,
    /// Output channels: 16 or 32.
    pub(crate) width: usize,
    /// The source.
    pub(crate) src: &'a [i16],
    /// Index in `src` at which pixel 0 starts.
    pub(crate) start: usize,
    /// Values of `src` from one row to the next.
    pub(crate) row_stride: usize,
    /// For every two taps of a row, in blocks of 16 channels: the weights of both taps for each channel.
    pub(crate) weights: &'a [i16],
    /// What one unit of the source of each pixel stands for; 1 to [`super::Kernels::max_integer_pixels`] of them.
    pub(crate) pixel_scales: &'a [f32],
    /// What one unit of the weights of each channel stands for.
    pub(crate) scales: &'a [f32],
    /// `width` biases.
    pub(crate) bias: &'a [f32],
    /// Applied to the results.
    pub(crate) activation: Activation<'a>,
    /// Added before the activation: values, and floats from one pixel to the next.
    pub(crate) residual: Option<(&'a [f32], usize)>,
    /// Output. All `width` channels of each pixel are written.
    pub(crate) dst: &'a mut [f32],
    /// Floats from one pixel to the next in `dst`, at least `width`.
    pub(crate) dst_stride: usize,
}

impl IntegerTile<'_> {
    /// Number of source rows.
    pub(super) fn rows(&self) -> usize {
        self.weights.len() / self.width / row_taps(self.layout)
    }

    /// Checks that every access of a microkernel is within its slice. The `unsafe` code relies on it.
    ///
    /// # Panics
    /// When an access is out of bounds: a bug in the calling layer, independent of the photo.
    pub(super) fn check(&self) {
        assert!(
            !self.pixel_scales.is_empty() && (self.width == LANES || self.width == 2 * LANES),
            "a tile has at least one pixel, and 16 or 32 channels"
        );
        assert!(self.rows() > 0, "a tile reads at least one row");
        let last = self.pixel_scales.len() - 1;
        let reach = last * self.layout.pixel_stride() + row_taps(self.layout);
        let end = self.start + (self.rows() - 1) * self.row_stride + reach;
        assert!(end <= self.src.len(), "the tile reads to {end} of {}", self.src.len());
        assert!(self.bias.len() >= self.width && self.scales.len() >= self.width, "biases are missing");
        if let Activation::PRelu(slopes) = self.activation {
            assert!(slopes.len() >= self.width, "slopes are missing");
        }
        if let Some((residual, stride)) = self.residual {
            assert!(residual.len() >= last * stride + self.width, "the residual is too short");
        }
        assert!(self.dst_stride >= self.width, "pixels would overwrite each other");
        assert!(self.dst.len() >= last * self.dst_stride + self.width, "the tile writes past its end");
    }
}

/// Computes one tile in scalar Rust.
pub(super) fn tile(tile: &mut IntegerTile<'_>) {
    for (j, &pixel_scale) in tile.pixel_scales.iter().enumerate() {
        for block in (0..tile.width).step_by(LANES) {
            let sums = sums(tile, j, block);
            for (lane, sum) in sums.into_iter().enumerate() {
                let channel = block + lane;
                let mut value = sum as f32 * (pixel_scale * tile.scales[channel]) + tile.bias[channel];
                if let Some((residual, stride)) = tile.residual {
                    value += residual[j * stride + channel];
                }
                tile.dst[j * tile.dst_stride + channel] = match tile.activation {
                    Activation::Relu if value < 0.0 => 0.0,
                    Activation::PRelu(slopes) if value < 0.0 => value * slopes[channel],
                    _ => value,
                };
            }
        }
    }
}

/// Sums of pixel `j` for the 16 channels from `block` on.
fn sums(tile: &IntegerTile<'_>, j: usize, block: usize) -> [i32; LANES] {
    let mut sums = [0i32; LANES];
    let (taps, pixel) = (row_taps(tile.layout), j * tile.layout.pixel_stride());
    for (row, weights) in tile.weights.chunks_exact(taps * tile.width).enumerate() {
        let source = &tile.src[tile.start + row * tile.row_stride + pixel..][..taps];
        for (values, weights) in source.chunks_exact(2).zip(weights.chunks_exact(2 * tile.width)) {
            let weights = &weights[2 * block..][..2 * LANES];
            for (sum, weight) in sums.iter_mut().zip(weights.chunks_exact(2)) {
                let product = |i: usize| i32::from(values[i]) * i32::from(weight[i]);
                *sum = sum.wrapping_add(product(0)).wrapping_add(product(1));
            }
        }
    }
    sums
}

/// Largest absolute value.
#[inline(always)]
pub(super) fn max_abs(values: &[f32]) -> f32 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut best = [0f32; LANES];
    for block in blocks {
        for (best, value) in best.iter_mut().zip(block) {
            *best = if value.abs() > *best { value.abs() } else { *best };
        }
    }
    best.iter().chain(rest).fold(0.0, |best, value| if value.abs() > best { value.abs() } else { best })
}

/// Rounds `value * factor` to the nearest integer, ties to even. The products are below 2^15 in magnitude.
#[inline(always)]
pub(super) fn quantise(values: &[f32], factor: f32, out: &mut [i16]) {
    for (value, out) in values.iter().zip(out) {
        *out = (value * factor + MAGIC).to_bits() as i16;
    }
}
