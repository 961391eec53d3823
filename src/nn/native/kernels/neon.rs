//! The microkernel for ARM64 (NEON): up to 6 pixels times 16 channels are accumulated in registers (24 accumulators,
//! 4 weights, 1 source value: 29 of 32). A block of 32 channels is computed in two halves.
#![allow(unsafe_code)] // vector loads and stores through pointers; `Tile::check` has proven the bounds

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vbslq_f32, vcgtq_f32, vdupq_n_f32, vfmaq_n_f32, vld1q_f32, vmaxnmq_f32,
    vmulq_f32, vst1q_f32,
};

use super::narrow::by_size;
use super::tile::{Activation, LANES, Tile};

/// Channels per 128-bit vector.
const VECTOR: usize = 4;
/// Vectors per 16 channels.
const VECTORS: usize = LANES / VECTOR;

/// Computes one tile.
///
/// # Safety
/// [`Tile::check`] has passed. Every ARM64 CPU has NEON.
#[target_feature(enable = "neon")]
pub(super) unsafe fn tile(tile: &mut Tile<'_>) {
    by_size!(tile, pixels);
}

/// Computes `P` pixels times 16 channels, from channel `block` on.
#[target_feature(enable = "neon")]
unsafe fn pixels<const P: usize, const PIXEL_STRIDE: usize, const ROW_TAPS: usize>(
    tile: &mut Tile<'_>,
    block: usize,
) {
    let mut sums = [[vdupq_n_f32(0.0); VECTORS]; P];
    let width = tile.width;
    // SAFETY (this block): `check` has proven that each row's `(P - 1) * PIXEL_STRIDE + ROW_TAPS` floats lie in
    // `src`, and that `weights` holds `rows * ROW_TAPS * width` floats.
    unsafe {
        let mut weights = tile.weights.as_ptr().add(block);
        for row in 0..tile.rows.count {
            let source = tile.src.as_ptr().add(tile.start).offset(tile.rows.offset(row));
            for tap in 0..ROW_TAPS {
                let mut weight = [vdupq_n_f32(0.0); VECTORS];
                for (v, vector) in weight.iter_mut().enumerate() {
                    *vector = vld1q_f32(weights.add(v * VECTOR));
                }
                weights = weights.wrapping_add(width);
                for (j, pixel) in sums.iter_mut().enumerate() {
                    let value = *source.add(j * PIXEL_STRIDE + tap);
                    for (sum, vector) in pixel.iter_mut().zip(weight) {
                        *sum = vfmaq_n_f32(*sum, vector, value);
                    }
                }
            }
        }
    }
    for (j, pixel) in sums.into_iter().enumerate() {
        for (v, sum) in pixel.into_iter().enumerate() {
            // SAFETY: `check` has proven the lengths of bias, slopes, residual and `dst`.
            unsafe { store(tile, j, block + v * VECTOR, sum) };
        }
    }
}

/// Epilogue of 4 channels: adds bias and residual, applies the activation, stores.
#[target_feature(enable = "neon")]
#[inline]
unsafe fn store(tile: &mut Tile<'_>, pixel: usize, channel: usize, sum: float32x4_t) {
    // SAFETY (whole block): `check` has proven that `channel + 4` numbers of bias and slopes, and of
    // pixel `pixel` in the residual and in `dst`, exist.
    unsafe {
        let mut sum = vaddq_f32(sum, vld1q_f32(tile.bias.as_ptr().add(channel)));
        if let Some((residual, stride)) = tile.residual {
            sum = vaddq_f32(sum, vld1q_f32(residual.as_ptr().add(pixel * stride + channel)));
        }
        let zero = vdupq_n_f32(0.0);
        sum = match tile.activation {
            Activation::None => sum,
            Activation::Relu => vmaxnmq_f32(sum, zero), // 0 where the sum is not a number, as on other CPUs
            Activation::PRelu(slopes) => {
                let scaled = vmulq_f32(sum, vld1q_f32(slopes.as_ptr().add(channel)));
                vbslq_f32(vcgtq_f32(zero, sum), scaled, sum)
            }
        };
        vst1q_f32(tile.dst.as_mut_ptr().add(pixel * tile.dst_stride + channel), sum);
    }
}
