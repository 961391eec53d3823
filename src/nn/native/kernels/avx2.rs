//! The microkernel for AVX2 with FMA: up to 6 pixels times 16 channels are accumulated in registers (12
//! accumulators, 2 weights, 1 broadcast source value: 15 of 16). A block of 32 channels is computed in two halves.
#![allow(unsafe_code)] // vector loads and stores through pointers; `Tile::check` has proven the bounds

use std::arch::x86_64::{
    __m256, _MM_HINT_T0, _mm_prefetch, _mm256_add_ps, _mm256_blendv_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_max_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

use super::narrow::by_size;
use super::tile::{Activation, LANES, PREFETCH, SourceLayout, Tile};

/// Channels per 256-bit vector.
const VECTOR: usize = 8;
/// Vectors per 16 channels.
const VECTORS: usize = LANES / VECTOR;

/// Computes one tile.
///
/// # Safety
/// The CPU has AVX2 and FMA, and [`Tile::check`] has passed.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn tile(tile: &mut Tile<'_>) {
    by_size!(tile, pixels);
}

/// Computes `P` pixels times 16 channels, from channel `block` on.
#[target_feature(enable = "avx2,fma")]
unsafe fn pixels<const P: usize, const PIXEL_STRIDE: usize, const ROW_TAPS: usize>(
    tile: &mut Tile<'_>,
    block: usize,
) {
    let mut sums = [[_mm256_setzero_ps(); VECTORS]; P];
    let width = tile.width;
    // SAFETY (this block): `check` has proven that each row's `(P - 1) * PIXEL_STRIDE + ROW_TAPS` floats lie in
    // `src`, and that `weights` holds `rows * ROW_TAPS * width` floats.
    unsafe {
        let mut weights = tile.weights.as_ptr().add(block);
        for row in 0..tile.rows.count {
            let source = tile.src.as_ptr().add(tile.start).offset(tile.rows.offset(row));
            for tap in 0..ROW_TAPS {
                let mut weight = [_mm256_setzero_ps(); VECTORS];
                for (v, vector) in weight.iter_mut().enumerate() {
                    *vector = _mm256_loadu_ps(weights.add(v * VECTOR));
                }
                if ROW_TAPS == SourceLayout::Im2col.row_taps() {
                    _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(PREFETCH).cast());
                }
                weights = weights.wrapping_add(width);
                for (j, pixel) in sums.iter_mut().enumerate() {
                    let value = _mm256_set1_ps(*source.add(j * PIXEL_STRIDE + tap));
                    for (sum, vector) in pixel.iter_mut().zip(weight) {
                        *sum = _mm256_fmadd_ps(value, vector, *sum);
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

/// Epilogue of 8 channels: adds bias and residual, applies the activation, stores.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn store(tile: &mut Tile<'_>, pixel: usize, channel: usize, sum: __m256) {
    // SAFETY (whole block): `check` has proven that `channel + 8` numbers of bias and slopes, and of
    // pixel `pixel` in the residual and in `dst`, exist.
    unsafe {
        let mut sum = _mm256_add_ps(sum, _mm256_loadu_ps(tile.bias.as_ptr().add(channel)));
        if let Some((residual, stride)) = tile.residual {
            sum = _mm256_add_ps(sum, _mm256_loadu_ps(residual.as_ptr().add(pixel * stride + channel)));
        }
        sum = match tile.activation {
            Activation::None => sum,
            Activation::Relu => _mm256_max_ps(sum, _mm256_setzero_ps()),
            Activation::PRelu(slopes) => {
                let scaled = _mm256_mul_ps(sum, _mm256_loadu_ps(slopes.as_ptr().add(channel)));
                _mm256_blendv_ps(sum, scaled, sum) // where the sign bit is set
            }
        };
        _mm256_storeu_ps(tile.dst.as_mut_ptr().add(pixel * tile.dst_stride + channel), sum);
    }
}
