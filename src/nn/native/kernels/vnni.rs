//! The integer microkernel for AVX-512 with VNNI: as the one for floats, with two taps in each multiply-add.
#![allow(unsafe_code)] // vector loads and stores through pointers; `IntegerTile::check` has proven the bounds

use std::arch::x86_64::{
    __m512i, _CMP_GT_OQ, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps,
    _mm512_dpwssd_epi32, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_mul_ps, _mm512_max_ps,
    _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512,
    _mm512_storeu_ps,
};

use super::integer::{IntegerTile, PREFETCH, row_taps};
use super::tile::{Activation, LANES, SourceLayout};

/// Largest number of pixels of a tile.
pub(super) fn max_pixels(layout: SourceLayout) -> usize {
    match layout {
        SourceLayout::Channels28 => 9, // R-Net's second layer is 9 pixels wide
        SourceLayout::Rgb => 11,       // and its first 22
        _ => 14,
    }
}

/// Computes one tile.
///
/// # Safety
/// The CPU has AVX-512 F and VNNI, and [`IntegerTile::check`] has passed.
#[target_feature(enable = "avx512f,avx512vnni")]
pub(super) unsafe fn tile(tile: &mut IntegerTile<'_>) {
    /// Monomorphises `pixels` for each number of pixels.
    macro_rules! instances {
        ($layout:ident, $vectors:literal, [$($pixels:literal)*]) => {
            match tile.pixel_scales.len() {
                // SAFETY: the caller upholds the contract of this function.
                $($pixels => unsafe {
                    pixels::<$pixels, $vectors, { SourceLayout::$layout.pixel_stride() }, { row_taps(SourceLayout::$layout) }>(tile)
                },)*
                other => unreachable!("no kernel for {other} pixels of {:?}", tile.layout),
            }
        };
    }
    match (tile.layout, tile.width == LANES) {
        (SourceLayout::Rgb, true) => instances!(Rgb, 1, [1 2 3 4 5 6 7 8 9 10 11]),
        (SourceLayout::Rgb, false) => instances!(Rgb, 2, [1 2 3 4 5 6 7 8 9 10 11]),
        (SourceLayout::Channels28, true) => instances!(Channels28, 1, [1 2 3 4 5 6 7 8 9]),
        (SourceLayout::Channels28, false) => instances!(Channels28, 2, [1 2 3 4 5 6 7 8 9]),
        (SourceLayout::Im2col, true) => instances!(Im2col, 1, [1 2 3 4 5 6 7 8 9 10 11 12 13 14]),
        (SourceLayout::Im2col, false) => instances!(Im2col, 2, [1 2 3 4 5 6 7 8 9 10 11 12 13 14]),
        (other, _) => unreachable!("no kernel of integers for {other:?}"),
    }
}

/// Computes `P` pixels times `V` vectors of 16 channels.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn pixels<const P: usize, const V: usize, const PIXEL_STRIDE: usize, const ROW_TAPS: usize>(
    tile: &mut IntegerTile<'_>,
) {
    let mut sums = [[_mm512_setzero_si512(); V]; P];
    let mut weights = tile.weights.as_ptr();
    for row in 0..tile.rows() {
        // SAFETY (this loop): `check` has proven that each row's `(P - 1) * PIXEL_STRIDE + ROW_TAPS` values lie in
        // `src`, and `rows` that `weights` holds `ROW_TAPS / 2 * V` vectors for each of them.
        unsafe {
            let source = tile.src.as_ptr().add(tile.start + row * tile.row_stride);
            for pair in 0..ROW_TAPS / 2 {
                let mut weight = [_mm512_setzero_si512(); V];
                for (v, vector) in weight.iter_mut().enumerate() {
                    *vector = _mm512_loadu_si512(weights.add(v * 2 * LANES).cast());
                    if ROW_TAPS == SourceLayout::Im2col.row_taps() {
                        _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(v * 2 * LANES + PREFETCH).cast());
                    }
                }
                weights = weights.add(V * 2 * LANES);
                for (j, pixel) in sums.iter_mut().enumerate() {
                    let taps = source.add(j * PIXEL_STRIDE + 2 * pair).cast::<i32>().read_unaligned();
                    let taps = _mm512_set1_epi32(taps);
                    for (sum, vector) in pixel.iter_mut().zip(weight) {
                        *sum = _mm512_dpwssd_epi32(*sum, taps, vector);
                    }
                }
            }
        }
    }
    for (j, pixel) in sums.into_iter().enumerate() {
        for (v, sum) in pixel.into_iter().enumerate() {
            // SAFETY: `check` has proven the lengths of scales, bias, slopes, residual and `dst`.
            unsafe { store(tile, j, v * LANES, sum) };
        }
    }
}

/// Epilogue of 16 channels: scales, adds bias and residual, applies the activation, stores.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn store(tile: &mut IntegerTile<'_>, pixel: usize, channel: usize, sum: __m512i) {
    // SAFETY (whole block): `check` has proven that `channel + 16` numbers of scales, bias and slopes, and of pixel
    // `pixel` in the residual and in `dst`, exist.
    unsafe {
        let pixel_scale = _mm512_set1_ps(*tile.pixel_scales.get_unchecked(pixel));
        let scale = _mm512_mul_ps(pixel_scale, _mm512_loadu_ps(tile.scales.as_ptr().add(channel)));
        let mut value = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale);
        value = _mm512_add_ps(value, _mm512_loadu_ps(tile.bias.as_ptr().add(channel)));
        if let Some((residual, stride)) = tile.residual {
            value = _mm512_add_ps(value, _mm512_loadu_ps(residual.as_ptr().add(pixel * stride + channel)));
        }
        let zero = _mm512_setzero_ps();
        value = match tile.activation {
            Activation::None => value,
            Activation::Relu => _mm512_max_ps(value, zero),
            Activation::PRelu(slopes) => {
                let negative = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(zero, value);
                _mm512_mask_mul_ps(value, negative, value, _mm512_loadu_ps(slopes.as_ptr().add(channel)))
            }
        };
        _mm512_storeu_ps(tile.dst.as_mut_ptr().add(pixel * tile.dst_stride + channel), value);
    }
}
