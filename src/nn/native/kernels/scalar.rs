//! The microkernel in scalar Rust: the reference for the SIMD versions, and the fallback on CPUs without AVX2.
//! The innermost loops run over a constant 16 channels, so that the compiler can vectorise them.

use super::tile::{Activation, LANES, Tile};

/// Largest number of pixels of a tile.
pub(super) const PIXELS: usize = 3;

/// Computes one tile.
pub(super) fn tile(tile: &mut Tile<'_>) {
    for block in (0..tile.width).step_by(LANES) {
        match tile.pixels {
            1 => pixels::<1>(tile, block),
            2 => pixels::<2>(tile, block),
            PIXELS => pixels::<PIXELS>(tile, block),
            more => unreachable!("a scalar tile has at most {PIXELS} pixels, not {more}"),
        }
    }
}

/// Computes `P` pixels times 16 channels, from channel `block` on.
fn pixels<const P: usize>(tile: &mut Tile<'_>, block: usize) {
    let (step, run, width) = (tile.layout.pixel_stride(), tile.layout.row_taps(), tile.width);
    let mut sums = [[0f32; LANES]; P];
    for pixel in &mut sums {
        pixel.copy_from_slice(&tile.bias[block..block + LANES]);
    }
    for row in 0..tile.rows.count {
        let start = tile.start.wrapping_add_signed(tile.rows.offset(row));
        let source = &tile.src[start..start + (P - 1) * step + run];
        let weights = &tile.weights[row * run * width..(row + 1) * run * width];
        for (tap, weights) in weights.chunks_exact(width).enumerate() {
            let weights = &weights[block..block + LANES];
            for (j, pixel) in sums.iter_mut().enumerate() {
                let value = source[j * step + tap];
                for (sum, weight) in pixel.iter_mut().zip(weights) {
                    *sum += value * weight;
                }
            }
        }
    }
    for (j, mut pixel) in sums.into_iter().enumerate() {
        if let Some((residual, stride)) = tile.residual {
            let residual = &residual[j * stride + block..][..LANES];
            pixel.iter_mut().zip(residual).for_each(|(sum, value)| *sum += value);
        }
        match tile.activation {
            Activation::None => {}
            Activation::Relu => pixel.iter_mut().for_each(|sum| *sum = sum.max(0.0)),
            Activation::PRelu(slopes) => {
                for (sum, slope) in pixel.iter_mut().zip(&slopes[block..block + LANES]) {
                    *sum = if *sum > 0.0 { *sum } else { *sum * slope };
                }
            }
        }
        tile.dst[j * tile.dst_stride + block..][..LANES].copy_from_slice(&pixel);
    }
}
