//! Transforms of Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks")
//! for 3x3 kernels, vectors of 16 channels at a time. A tile of 4x4 outputs takes 36 products where the direct sum takes 144.
//!
//! Along an axis the polynomials are evaluated at 0, ±[`NEAR`], ±[`FAR`] and infinity. These two points keep the rounding
//! error low: at 1 and 2 it is twice as much.
#![allow(unsafe_code)] // vector instructions of features that `Kernels::new` has checked
#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
    _mm256_sub_ps, _mm512_add_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_storeu_ps,
    _mm512_sub_ps,
};

use super::tile::LANES;

/// The nearer of the two points beside zero.
pub(crate) const NEAR: f32 = 0.75;
/// The farther one.
pub(crate) const FAR: f32 = 1.5;
/// Points of a tile of 4x4 outputs, and pixels that it reads: 6x6.
pub(crate) const POINTS_4X4: usize = 36;

/// Where a tile of outputs is written: from its first pixel's first channel on.
pub(crate) struct TileOutput<'a> {
    /// The rest of the map.
    pub(crate) data: &'a mut [f32],
    /// Floats from one row to the next.
    pub(crate) row_stride: usize,
    /// Floats from one pixel to the next.
    pub(crate) stride: usize,
    /// Rows of the tile that the map has, at most 4.
    pub(crate) height: usize,
    /// Columns of the tile that the map has, at most 4.
    pub(crate) width: usize,
}

/// 16 floats.
pub(super) trait Vector: Copy {
    fn load(from: &[f32; LANES]) -> Self;
    fn store(self, to: &mut [f32; LANES]);
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn scale(self, factor: f32) -> Self;
    /// `max(self, 0)`.
    fn relu(self) -> Self;
}

impl Vector for [f32; LANES] {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        *from
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        *to = self;
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let mut result = self;
        result.iter_mut().zip(&other).for_each(|(a, b)| *a += b);
        result
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let mut result = self;
        result.iter_mut().zip(&other).for_each(|(a, b)| *a -= b);
        result
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut result = self;
        result.iter_mut().zip(&other).for_each(|(a, b)| *a *= b);
        result
    }
    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        self.map(|value| value * factor)
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.map(|value| value.max(0.0))
    }
}

/// Two 256-bit vectors.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256, __m256);

// SAFETY of all blocks: functions of this trait are inlined into the functions of `transforms`, which are
// compiled for AVX2 and called only where `Kernels::new` found it; the arrays hold 16 floats.
#[cfg(target_arch = "x86_64")]
impl Vector for Avx2 {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        unsafe { Self(_mm256_loadu_ps(from.as_ptr()), _mm256_loadu_ps(from.as_ptr().add(8))) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), self.0);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), self.1);
        }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
    }
    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        let factor = unsafe { _mm256_set1_ps(factor) };
        self.mul(Self(factor, factor))
    }
    #[inline(always)]
    fn relu(self) -> Self {
        use std::arch::x86_64::{_mm256_max_ps, _mm256_setzero_ps};
        unsafe {
            Self(_mm256_max_ps(self.0, _mm256_setzero_ps()), _mm256_max_ps(self.1, _mm256_setzero_ps()))
        }
    }
}

// SAFETY of all blocks: as above, for AVX-512.
#[cfg(target_arch = "x86_64")]
impl Vector for __m512 {
    #[inline(always)]
    fn load(from: &[f32; LANES]) -> Self {
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, to: &mut [f32; LANES]) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self) }
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { _mm512_sub_ps(self, other) }
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        unsafe { _mm512_mul_ps(self, other) }
    }
    #[inline(always)]
    fn scale(self, factor: f32) -> Self {
        unsafe { _mm512_mul_ps(self, _mm512_set1_ps(factor)) }
    }
    #[inline(always)]
    fn relu(self) -> Self {
        use std::arch::x86_64::{_mm512_max_ps, _mm512_setzero_ps};
        unsafe { _mm512_max_ps(self, _mm512_setzero_ps()) }
    }
}

/// From 6 inputs to the 6 points of an axis with four outputs.
#[inline(always)]
fn inputs_4<V: Vector>(d: [V; 6]) -> [V; 6] {
    const NEAR_2: f32 = NEAR * NEAR;
    const FAR_2: f32 = FAR * FAR;
    let (even_far, odd_far) = (d[4].sub(d[2].scale(FAR_2)), d[3].sub(d[1].scale(FAR_2)).scale(NEAR));
    let (even_near, odd_near) = (d[4].sub(d[2].scale(NEAR_2)), d[3].sub(d[1].scale(NEAR_2)).scale(FAR));
    [
        inputs_4_end([d[0], d[2], d[4]]),
        even_far.add(odd_far),
        even_far.sub(odd_far),
        even_near.add(odd_near),
        even_near.sub(odd_near),
        inputs_4_end([d[1], d[3], d[5]]),
    ]
}

/// The first or last of [`inputs_4`].
#[inline(always)]
fn inputs_4_end<V: Vector>(d: [V; 3]) -> V {
    d[0].scale(NEAR * NEAR * FAR * FAR).sub(d[1].scale(NEAR * NEAR + FAR * FAR)).add(d[2])
}

/// From the 6 points of an axis to its four outputs.
#[inline(always)]
fn outputs_4<V: Vector>(m: [V; 6]) -> [V; 4] {
    let (near, far) = (m[1].add(m[2]), m[3].add(m[4]));
    let (near_odd, far_odd) = (m[1].sub(m[2]).scale(NEAR), m[3].sub(m[4]).scale(FAR));
    [
        m[0].add(near).add(far),
        near_odd.add(far_odd),
        near.scale(NEAR * NEAR).add(far.scale(FAR * FAR)),
        near_odd.scale(NEAR * NEAR).add(far_odd.scale(FAR * FAR)).add(m[5]),
    ]
}

/// The 16 floats from `at` on.
#[inline(always)]
fn lanes<V: Vector>(data: &[f32], at: usize) -> V {
    V::load(data[at..].first_chunk().expect("16 floats"))
}

/// The 16 floats from `at` on, to write.
#[inline(always)]
fn lanes_mut(data: &mut [f32], at: usize) -> &mut [f32; LANES] {
    data[at..].first_chunk_mut().expect("16 floats")
}

/// Row `y` of columns.
#[inline(always)]
fn across<V: Vector, const H: usize, const W: usize>(columns: &[[V; H]; W], y: usize) -> [V; W] {
    let mut row = [columns[0][y]; W];
    for (value, column) in row.iter_mut().zip(columns) {
        *value = column[y];
    }
    row
}

/// Points of a tile of 4x4 outputs from the 6x6 pixels that it reads, row-major. Channels `c..c + 16` of point `p` are
/// written to `points[(p * channels + c) * tiles..]`, the next tile's beside them.
#[inline(always)]
pub(super) fn points_4x4<V: Vector>(
    pixels: &[&[f32]; POINTS_4X4],
    channels: usize,
    tiles: usize,
    points: &mut [f32],
) {
    for at in (0..channels).step_by(LANES) {
        let columns: [[V; 6]; 6] = [
            column_points_4(pixels, 0, at),
            column_points_4(pixels, 1, at),
            column_points_4(pixels, 2, at),
            column_points_4(pixels, 3, at),
            column_points_4(pixels, 4, at),
            column_points_4(pixels, 5, at),
        ];
        for y in 0..6 {
            for (x, point) in inputs_4(across(&columns, y)).iter().enumerate() {
                point.store(lanes_mut(points, ((6 * y + x) * channels + at) * tiles));
            }
        }
    }
}

/// The six points of column `x` of 6x6 pixels, from channel `at` on.
#[inline(always)]
fn column_points_4<V: Vector>(pixels: &[&[f32]; POINTS_4X4], x: usize, at: usize) -> [V; 6] {
    inputs_4([
        lanes(pixels[x], at),
        lanes(pixels[6 + x], at),
        lanes(pixels[12 + x], at),
        lanes(pixels[18 + x], at),
        lanes(pixels[24 + x], at),
        lanes(pixels[30 + x], at),
    ])
}

/// From the products at the points of a tile of 4x4 outputs, `step` floats from one to the next, to outputs with a
/// bias, rectified: as many channels as there are biases.
#[inline(always)]
pub(super) fn outputs_4x4<V: Vector>(products: &[f32], step: usize, bias: &[f32], out: TileOutput<'_>) {
    let TileOutput { data, row_stride, stride, height, width } = out;
    for at in (0..bias.len()).step_by(LANES) {
        let columns: [[V; 4]; 6] = [
            column_outputs_4(products, at, step),
            column_outputs_4(products, at + step, step),
            column_outputs_4(products, at + 2 * step, step),
            column_outputs_4(products, at + 3 * step, step),
            column_outputs_4(products, at + 4 * step, step),
            column_outputs_4(products, at + 5 * step, step),
        ];
        let bias = lanes::<V>(bias, at);
        for y in 0..height {
            for (x, sum) in outputs_4(across(&columns, y)).iter().enumerate().take(width) {
                sum.add(bias).relu().store(lanes_mut(data, y * row_stride + x * stride + at));
            }
        }
    }
}

/// The four outputs of a column of products at 6x6 points, the first of them at `at`.
#[inline(always)]
fn column_outputs_4<V: Vector>(products: &[f32], at: usize, step: usize) -> [V; 4] {
    outputs_4([
        lanes(products, at),
        lanes(products, at + 6 * step),
        lanes(products, at + 12 * step),
        lanes(products, at + 18 * step),
        lanes(products, at + 24 * step),
        lanes(products, at + 30 * step),
    ])
}
