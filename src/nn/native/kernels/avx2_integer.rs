//! The integer microkernel for AVX2: as the one for floats, with two taps in each multiplication.
#![allow(unsafe_code)] // vector loads and stores through pointers; `IntegerTile::check` has proven the bounds

use std::arch::x86_64::{
    __m256i, _CMP_GT_OQ, _MM_HINT_T0, _mm_prefetch, _mm256_add_epi32, _mm256_add_ps, _mm256_blendv_ps,
    _mm256_cmp_ps, _mm256_cvtepi32_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_ps,
    _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setzero_ps, _mm256_setzero_si256,
    _mm256_storeu_ps,
};

use super::integer::{IntegerTile, PREFETCH, row_taps};
use super::tile::{Activation, LANES, SourceLayout};

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
        ($layout:ident, [$($pixels:literal)*]) => {
            match tile.pixel_scales.len() {
                // SAFETY: the caller upholds the contract of this function; `block + 16` is at most the width.
                $($pixels => for block in (0..tile.width).step_by(LANES) {
                    unsafe {
                        pixels::<$pixels, { SourceLayout::$layout.pixel_stride() }, { row_taps(SourceLayout::$layout) }>(tile, block);
                    }
                },)*
                other => unreachable!("a tile has at most {PIXELS} pixels, not {other}"),
            }
        };
    }
    match tile.layout {
        SourceLayout::Rgb => instances!(Rgb, [1 2 3 4 5 6]),
        SourceLayout::Channels28 => instances!(Channels28, [1 2 3 4 5 6]),
        SourceLayout::Im2col => instances!(Im2col, [1 2 3 4 5 6]),
        other => unreachable!("no kernel of integers for {other:?}"),
    }
}

/// Computes `P` pixels times 16 channels, from channel `block` on.
#[target_feature(enable = "avx2")]
unsafe fn pixels<const P: usize, const PIXEL_STRIDE: usize, const ROW_TAPS: usize>(
    tile: &mut IntegerTile<'_>,
    block: usize,
) {
    let mut sums = [[_mm256_setzero_si256(); VECTORS]; P];
    // SAFETY (this block): `check` has proven that each row's `(P - 1) * PIXEL_STRIDE + ROW_TAPS` values lie in `src`,
    // and `rows` that `weights` holds `rows * ROW_TAPS * width` values.
    unsafe {
        let mut weights = tile.weights.as_ptr().add(2 * block);
        for row in 0..tile.rows() {
            let source = tile.src.as_ptr().add(tile.start + row * tile.row_stride);
            for pair in 0..ROW_TAPS / 2 {
                let mut weight = [_mm256_setzero_si256(); VECTORS];
                for (v, vector) in weight.iter_mut().enumerate() {
                    *vector = _mm256_loadu_si256(weights.add(v * 2 * VECTOR).cast());
                }
                if ROW_TAPS == SourceLayout::Im2col.row_taps() {
                    _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(PREFETCH).cast());
                }
                weights = weights.wrapping_add(2 * tile.width);
                for (j, pixel) in sums.iter_mut().enumerate() {
                    let taps = source.add(j * PIXEL_STRIDE + 2 * pair).cast::<i32>().read_unaligned();
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
            // SAFETY: `check` has proven the lengths of scales, bias, slopes, residual and `dst`.
            unsafe { store(tile, j, block + v * VECTOR, sum) };
        }
    }
}

/// Epilogue of 8 channels: scales, adds bias and residual, applies the activation, stores.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn store(tile: &mut IntegerTile<'_>, pixel: usize, channel: usize, sum: __m256i) {
    // SAFETY (whole block): `check` has proven that `channel + 8` numbers of scales, bias and slopes, and of pixel
    // `pixel` in the residual and in `dst`, exist.
    unsafe {
        let pixel_scale = _mm256_set1_ps(*tile.pixel_scales.get_unchecked(pixel));
        let scale = _mm256_mul_ps(pixel_scale, _mm256_loadu_ps(tile.scales.as_ptr().add(channel)));
        let mut value = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale);
        value = _mm256_add_ps(value, _mm256_loadu_ps(tile.bias.as_ptr().add(channel)));
        if let Some((residual, stride)) = tile.residual {
            value = _mm256_add_ps(value, _mm256_loadu_ps(residual.as_ptr().add(pixel * stride + channel)));
        }
        let zero = _mm256_setzero_ps();
        value = match tile.activation {
            Activation::None => value,
            Activation::Relu => _mm256_max_ps(value, zero),
            Activation::PRelu(slopes) => {
                let sloped = _mm256_mul_ps(value, _mm256_loadu_ps(slopes.as_ptr().add(channel)));
                _mm256_blendv_ps(value, sloped, _mm256_cmp_ps::<_CMP_GT_OQ>(zero, value))
            }
        };
        _mm256_storeu_ps(tile.dst.as_mut_ptr().add(pixel * tile.dst_stride + channel), value);
    }
}
