//! The integer microkernel for AVX2: as the one for floats, with two taps in each multiplication.
#![allow(unsafe_code)] // vector loads and stores through pointers; `IntegerTile::check` has proven the bounds

use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi32, _mm256_add_ps, _mm256_cvtepi32_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_ps, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps,
    _mm256_setzero_ps, _mm256_setzero_si256, _mm256_storeu_ps,
};

use super::integer::{IntegerTile, PREFETCH, ROW_TAPS};
use super::tile::LANES;

/// Channels per 256-bit vector.
const VECTOR: usize = 8;
/// Vectors per 16 channels.
const VECTORS: usize = LANES / VECTOR;
/// Largest number of pixels of a tile.
pub(super) const PIXELS: usize = 6;

/// Computes one tile.
///
/// # Safety
/// The CPU has AVX2, and [`IntegerTile::check`] has passed.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn tile(tile: &mut IntegerTile<'_>) {
    /// Monomorphises `pixels` for each number of pixels.
    macro_rules! instances {
        ([$($pixels:literal)*]) => {
            match tile.pixel_scales.len() {
                // SAFETY: the caller upholds the contract of this function; `block + 16` is at most the width.
                $($pixels => for block in (0..tile.width).step_by(LANES) {
                    unsafe { pixels::<$pixels>(tile, block) }
                },)*
                other => unreachable!("a tile has at most {PIXELS} pixels, not {other}"),
            }
        };
    }
    instances!([1 2 3 4 5 6]);
}

/// Computes `P` pixels times 16 channels, from channel `block` on.
#[target_feature(enable = "avx2")]
unsafe fn pixels<const P: usize>(tile: &mut IntegerTile<'_>, block: usize) {
    let mut sums = [[_mm256_setzero_si256(); VECTORS]; P];
    // SAFETY (this block): `check` has proven that each row's `P * 16` values lie in `src`, and `rows` that `weights`
    // holds `rows * 16 * width` values.
    unsafe {
        let mut weights = tile.weights.as_ptr().add(2 * block);
        for row in 0..tile.rows() {
            let source = tile.src.as_ptr().add(tile.start + row * tile.row_stride);
            for pair in 0..ROW_TAPS / 2 {
                let mut weight = [_mm256_setzero_si256(); VECTORS];
                for (v, vector) in weight.iter_mut().enumerate() {
                    *vector = _mm256_loadu_si256(weights.add(v * 2 * VECTOR).cast());
                }
                _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(PREFETCH).cast());
                weights = weights.wrapping_add(2 * tile.width);
                for (j, pixel) in sums.iter_mut().enumerate() {
                    let taps = source.add(j * ROW_TAPS + 2 * pair).cast::<i32>().read_unaligned();
                    let taps = _mm256_set1_epi32(taps);
                    for (sum, vector) in pixel.iter_mut().zip(weight) {
                        *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(taps, vector));
                    }
                }
            }
        }
    }
    for (j, pixel) in sums.into_iter().enumerate() {
        for (v, sum) in pixel.into_iter().enumerate() {
            // SAFETY: `check` has proven the lengths of scales, bias, residual and `dst`.
            unsafe { store(tile, j, block + v * VECTOR, sum) };
        }
    }
}

/// Epilogue of 8 channels: scales, adds bias and residual, applies the activation, stores.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn store(tile: &mut IntegerTile<'_>, pixel: usize, channel: usize, sum: __m256i) {
    // SAFETY (whole block): `check` has proven that `channel + 8` numbers of scales and bias, and of pixel `pixel` in
    // the residual and in `dst`, exist.
    unsafe {
        let pixel_scale = _mm256_set1_ps(*tile.pixel_scales.get_unchecked(pixel));
        let scale = _mm256_mul_ps(pixel_scale, _mm256_loadu_ps(tile.scales.as_ptr().add(channel)));
        let mut value = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
        value = _mm256_add_ps(value, _mm256_loadu_ps(tile.bias.as_ptr().add(channel)));
        if let Some((residual, stride)) = tile.residual {
            value = _mm256_add_ps(value, _mm256_loadu_ps(residual.as_ptr().add(pixel * stride + channel)));
        }
        if tile.relu {
            value = _mm256_max_ps(value, _mm256_setzero_ps());
        }
        _mm256_storeu_ps(tile.dst.as_mut_ptr().add(pixel * tile.dst_stride + channel), value);
    }
}
