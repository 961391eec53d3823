//! The microkernel for AVX-512: up to 14 pixels times one or two vectors of 16 channels are accumulated in
//! registers (28 accumulators, 2 weights, 1 broadcast source value: 31 of 32).
#![allow(unsafe_code)] // vector loads and stores through pointers; `Tile::check` has proven the bounds

use std::arch::x86_64::{
    __m512, _CMP_GT_OQ, _MM_HINT_T0, _mm_prefetch, _mm512_add_ps, _mm512_cmp_ps_mask, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_mask_mul_ps, _mm512_max_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::tile::{Activation, LANES, PREFETCH, SourceLayout, Tile};

/// Largest number of pixels of a tile of `width` channels.
pub(super) fn max_pixels(layout: SourceLayout, width: usize) -> usize {
    match layout {
        SourceLayout::Channels28 => 9, // R-Net's second layer is 9 pixels wide
        SourceLayout::Rgb if width == 2 * LANES => 12, // R-Net's and O-Net's first: 22 and 46 wide
        _ => 14,
    }
}

/// The fewest pixels of a tile that hold `wanted`, or as many as a tile may have.
pub(super) fn fitting_pixels(layout: SourceLayout, width: usize, wanted: usize) -> usize {
    let smaller: &[usize] = match layout {
        SourceLayout::Channels10 if width == LANES => &[4, 8],
        SourceLayout::Channels16 if width == 2 * LANES => &[2, 6],
        _ => &[],
    };
    let fits = smaller.iter().copied().find(|&pixels| pixels >= wanted);
    fits.unwrap_or_else(|| max_pixels(layout, width))
}

/// Computes one tile.
///
/// # Safety
/// The CPU has AVX-512 F, and [`Tile::check`] has passed.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn tile(tile: &mut Tile<'_>) {
    /// Monomorphises `pixels` for each listed number of pixels.
    macro_rules! instances {
        ($layout:ident, $vectors:literal, [$($pixels:literal)*]) => {
            match tile.pixels {
                // SAFETY: the caller upholds the contract of this function.
                $($pixels => unsafe {
                    pixels::<$pixels, $vectors, { SourceLayout::$layout.pixel_stride() }, { SourceLayout::$layout.row_taps() }>(tile)
                },)*
                other => unreachable!("no kernel for {other} pixels of {:?}", tile.layout),
            }
        };
    }
    match (tile.layout, tile.width == LANES) {
        (SourceLayout::Rgb, true) => instances!(Rgb, 1, [14]),
        (SourceLayout::Rgb, false) => instances!(Rgb, 2, [12]),
        (SourceLayout::RgbStride2, true) => instances!(RgbStride2, 1, [14]),
        (SourceLayout::RgbStride2, false) => instances!(RgbStride2, 2, [14]),
        (SourceLayout::Channels10, true) => instances!(Channels10, 1, [4 8 14]),
        (SourceLayout::Channels10, false) => instances!(Channels10, 2, [14]),
        (SourceLayout::Channels16, true) => instances!(Channels16, 1, [14]),
        (SourceLayout::Channels16, false) => instances!(Channels16, 2, [2 6 14]),
        (SourceLayout::Channels28, true) => instances!(Channels28, 1, [9]),
        (SourceLayout::Channels28, false) => instances!(Channels28, 2, [9]),
        (SourceLayout::Im2col, true) => instances!(Im2col, 1, [1 2 3 4 5 6 7 8 9 10 11 12 13 14]),
        (SourceLayout::Im2col, false) => instances!(Im2col, 2, [1 2 3 4 5 6 7 8 9 10 11 12 13 14]),
    }
}

/// Computes `P` pixels times `V` vectors of 16 channels.
#[target_feature(enable = "avx512f")]
unsafe fn pixels<const P: usize, const V: usize, const PIXEL_STRIDE: usize, const ROW_TAPS: usize>(
    tile: &mut Tile<'_>,
) {
    let mut sums = [[_mm512_setzero_ps(); V]; P];
    let mut weights = tile.weights.as_ptr();
    for row in 0..tile.rows.count {
        // SAFETY (this loop): `check` has proven that each row's `(P - 1) * PIXEL_STRIDE + ROW_TAPS` floats lie in
        // `src`, and that `weights` holds `rows * ROW_TAPS * V` vectors.
        unsafe {
            let source = tile.src.as_ptr().add(tile.start).offset(tile.rows.offset(row));
            for tap in 0..ROW_TAPS {
                let mut weight = [_mm512_setzero_ps(); V];
                for (v, vector) in weight.iter_mut().enumerate() {
                    *vector = _mm512_loadu_ps(weights.add(v * LANES));
                    if ROW_TAPS == SourceLayout::Im2col.row_taps() {
                        _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(v * LANES + PREFETCH).cast());
                    }
                }
                weights = weights.add(V * LANES);
                for (j, pixel) in sums.iter_mut().enumerate() {
                    let value = _mm512_set1_ps(*source.add(j * PIXEL_STRIDE + tap));
                    for (sum, vector) in pixel.iter_mut().zip(weight) {
                        *sum = _mm512_fmadd_ps(value, vector, *sum);
                    }
                }
            }
        }
    }
    for (j, pixel) in sums.into_iter().enumerate() {
        for (v, sum) in pixel.into_iter().enumerate() {
            // SAFETY: `check` has proven the lengths of bias, slopes, residual and `dst`.
            unsafe { store(tile, j, v * LANES, sum) };
        }
    }
}

/// Epilogue of 16 channels: adds bias and residual, applies the activation, stores.
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn store(tile: &mut Tile<'_>, pixel: usize, channel: usize, sum: __m512) {
    // SAFETY (whole block): `check` has proven that `channel + 16` numbers of bias and slopes, and of
    // pixel `pixel` in the residual and in `dst`, exist.
    unsafe {
        let mut sum = _mm512_add_ps(sum, _mm512_loadu_ps(tile.bias.as_ptr().add(channel)));
        if let Some((residual, stride)) = tile.residual {
            sum = _mm512_add_ps(sum, _mm512_loadu_ps(residual.as_ptr().add(pixel * stride + channel)));
        }
        let zero = _mm512_setzero_ps();
        sum = match tile.activation {
            Activation::None => sum,
            Activation::Relu => _mm512_max_ps(sum, zero),
            Activation::PRelu(slopes) => {
                let negative = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(zero, sum);
                _mm512_mask_mul_ps(sum, negative, sum, _mm512_loadu_ps(slopes.as_ptr().add(channel)))
            }
        };
        _mm512_storeu_ps(tile.dst.as_mut_ptr().add(pixel * tile.dst_stride + channel), sum);
    }
}
