//! Kernels over rows of pixels, in Rust that the compiler vectorises; [`super::Kernels`] has a version of each
//! for each instruction set. All loops run over slices of equal, checked length.

#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

use std::ops::AddAssign;

use super::integer::MAGIC;
use super::tile::LANES;

/// Channels of an RGB pixel.
pub(crate) const CHANNELS: usize = 3;

/// Bytes of a row that are summed at a time: their 16- or 32-bit sums stay in the L1 cache.
const STRIP: usize = 4096;

/// Column sums over `rows` rows of bytes, `stride` bytes apart, written to `sums`, which is as long as a row.
/// With `u16` sums at most 257 rows (257 * 255 = 65535).
#[inline(always)]
pub(super) fn add_rows<T: Copy + From<u8> + AddAssign + std::ops::Add<Output = T>>(
    data: &[u8],
    stride: usize,
    rows: usize,
    sums: &mut [T],
) {
    let row = |index: usize, from: usize, len: usize| &data[index * stride + from..][..len];
    for (strip, sums) in sums.chunks_mut(STRIP).enumerate() {
        let (from, len) = (strip * STRIP, sums.len());
        let mut next = if rows.is_multiple_of(2) {
            for ((sum, &a), &b) in sums.iter_mut().zip(row(0, from, len)).zip(row(1, from, len)) {
                *sum = T::from(a) + T::from(b);
            }
            2
        } else {
            for (sum, &a) in sums.iter_mut().zip(row(0, from, len)) {
                *sum = T::from(a);
            }
            1
        };
        while next < rows {
            for ((sum, &a), &b) in sums.iter_mut().zip(row(next, from, len)).zip(row(next + 1, from, len)) {
                *sum += T::from(a) + T::from(b);
            }
            next += 2;
        }
    }
}

/// Prefix sums along a row: `prefix[x][c]` is the sum of channel `c` over the pixels before `x`, modulo 2^32. The
/// fourth lane is padding. `sums` has `3 * (prefix.len() - 1) + 1` elements.
#[inline(always)]
pub(super) fn prefix_sums<T: Copy + Into<u32>>(sums: &[T], prefix: &mut [[u32; 4]]) {
    let mut total = [0u32; 4];
    let Some((first, rest)) = prefix.split_first_mut() else { return };
    *first = total;
    let sums = &sums[..rest.len() * CHANNELS + 1];
    for (x, out) in rest.iter_mut().enumerate() {
        let pixel = &sums[x * CHANNELS..x * CHANNELS + 4];
        for (total, &value) in total.iter_mut().zip(pixel) {
            *total = total.wrapping_add(value.into());
        }
        *out = total;
    }
}

/// The source columns over which each output column averages.
#[derive(Debug, Default)]
pub(crate) struct ColumnSpans {
    /// First source column and one past the last, for each output column.
    pub(crate) bounds: Vec<(u32, u32)>,
    /// Reciprocal of the number of source columns, for each output column.
    pub(crate) inverse: Vec<f32>,
}

/// Mean of each span over `rows` source rows, standardised for MTCNN: `(mean - 127.5) * 0.0078125`, from
/// facenet-pytorch's `detect_face`. `out` has 3 floats per pixel, plus one of padding.
#[inline(always)]
pub(super) fn span_means(prefix: &[[u32; 4]], spans: &ColumnSpans, rows: usize, out: &mut [f32]) {
    const SCALE: f32 = 0.007_812_5;
    const OFFSET: f32 = 127.5 * SCALE;
    let row_scale = SCALE / rows as f32;
    let out = &mut out[..spans.bounds.len() * CHANNELS + 1];
    for (x, (&(left, right), inverse)) in spans.bounds.iter().zip(&spans.inverse).enumerate() {
        let (left, right) = (prefix[left as usize], prefix[right as usize]);
        let scale = row_scale * inverse;
        let pixel = &mut out[x * CHANNELS..x * CHANNELS + 4];
        for (lane, value) in pixel.iter_mut().enumerate() {
            // The sum of a span is below 2^31: overflow would take 8.4 million source pixels in one output pixel.
            let sum = right[lane].wrapping_sub(left[lane]) as i32;
            *value = sum as f32 * scale - OFFSET;
        }
    }
}

/// Input of max-pooling: a map of `height x width` pixels, `stride` floats apart, of which the first `channels`
/// are pooled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolInput<'a> {
    /// `height x width x stride` floats.
    pub(crate) data: &'a [f32],
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Floats from one pixel to the next.
    pub(crate) stride: usize,
    /// Channels to pool, a multiple of 16.
    pub(crate) channels: usize,
}

/// Parameters of a max-pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pool {
    /// Kernel size along both axes.
    pub(crate) size: usize,
    /// Stride along both axes.
    pub(crate) stride: usize,
    /// PyTorch's `ceil_mode`: a last window that reaches past the edge counts.
    pub(crate) ceil: bool,
}

impl Pool {
    /// Output length along an axis of `len` pixels.
    pub(crate) fn output(self, len: usize) -> usize {
        let steps = len.saturating_sub(self.size);
        if self.ceil { steps.div_ceil(self.stride) + 1 } else { steps / self.stride + 1 }
    }
}

/// Max-pooling of one map without padding. Output pixels are `out_stride` floats apart. If that is less than the
/// number of channels, each pixel overwrites the padding channels of the one before.
#[inline(always)]
pub(super) fn max_pool(input: PoolInput<'_>, pool: Pool, out: &mut [f32], out_stride: usize) {
    let PoolInput { data, height, width, stride, channels } = input;
    let (out_height, out_width) = (pool.output(height), pool.output(width));
    for oy in 0..out_height {
        let rows = oy * pool.stride..(oy * pool.stride + pool.size).min(height);
        for ox in 0..out_width {
            let columns = ox * pool.stride..(ox * pool.stride + pool.size).min(width);
            let out = &mut out[(oy * out_width + ox) * out_stride..][..channels];
            for (block, out) in out.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                let mut best = [f32::NEG_INFINITY; LANES];
                for y in rows.clone() {
                    for x in columns.clone() {
                        let pixel = &data[(y * width + x) * stride + block * LANES..][..LANES];
                        for (best, &value) in best.iter_mut().zip(pixel) {
                            *best = if value > *best { value } else { *best };
                        }
                    }
                }
                *out = best;
            }
        }
    }
}

/// P-Net's 2x2 max-pooling over two rows of 16-channel pixels. Output pixels have 10 channels, packed. `out` has 10
/// floats per output pixel, plus 6 of padding, which are overwritten.
#[inline(always)]
pub(super) fn pool_pairs(upper: &[f32], lower: &[f32], out: &mut [f32]) {
    for (i, (upper, lower)) in upper.chunks_exact(32).zip(lower.chunks_exact(32)).enumerate() {
        let out = &mut out[i * 10..i * 10 + 16];
        for lane in 0..16 {
            let a = if upper[lane] > upper[lane + 16] { upper[lane] } else { upper[lane + 16] };
            let b = if lower[lane] > lower[lane + 16] { lower[lane] } else { lower[lane + 16] };
            out[lane] = if a > b { a } else { b };
        }
    }
}

/// A 1x1 convolution of 32 channels to one: the dot product of each pixel with `weights`, plus `bias`.
#[inline(always)]
pub(super) fn dot32(pixels: &[f32], weights: &[f32; 32], bias: f32, out: &mut [f32]) {
    for (out, pixel) in out.iter_mut().zip(pixels.chunks_exact(32)) {
        let mut sums = [0f32; 16];
        for lane in 0..16 {
            sums[lane] = pixel[lane] * weights[lane] + pixel[lane + 16] * weights[lane + 16];
        }
        let mut half = 8;
        while half > 0 {
            for lane in 0..half {
                sums[lane] += sums[lane + half];
            }
            half /= 2;
        }
        *out = sums[0] + bias;
    }
}

/// Splits a row of standardised RGB pixels into planes ([`super::PairLayout::Rgb`]) of `value * factor`, rounded to the nearest
/// integers. The products are below 2^15 in magnitude.
#[inline(always)]
pub(super) fn split_rgb(row: &[f32], factor: f32, plane: usize, out: &mut [i16]) {
    let (even, rest) = out.split_at_mut(plane);
    let (odd, blue) = rest.split_at_mut(plane);
    let planes = even.as_chunks_mut::<2>().0.iter_mut().zip(odd.as_chunks_mut::<2>().0);
    let planes = planes.zip(blue.as_chunks_mut::<2>().0);
    for (pixels, ((even, odd), blue)) in row.as_chunks::<6>().0.iter().zip(planes) {
        let [a, b, c, d, e, f] = pixels.map(|value| (value * factor + MAGIC).to_bits() as i16);
        (*even, *odd, *blue) = ([a, b], [d, e], [c, f]);
    }
}
