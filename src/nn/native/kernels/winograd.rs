//! Transforms of Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks")
//! for 3x3 kernels, vectors of 16 channels at a time. A tile of 2x2 outputs takes 16 products where the direct sum
//! takes 36, one of 2x4 outputs 24 instead of 72, one of 4x4 outputs 36 instead of 144.
//!
//! Along an axis with two outputs the polynomials are evaluated at 0, 1, -1 and infinity; along one with four at 0,
//! ±[`NEAR`], ±[`FAR`] and infinity. These two points keep the rounding error low: at 1 and 2 it is twice as much.
#![allow(unsafe_code)] // vector instructions of features that `Kernels::new` has checked
#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _mm256_add_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_ps, _mm256_storeu_ps,
    _mm256_sub_ps, _mm512_add_ps, _mm512_loadu_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_storeu_ps,
    _mm512_sub_ps,
};

use super::tile::LANES;

/// The nearer of the two points beside zero, along an axis with four outputs.
pub(crate) const NEAR: f32 = 0.75;
/// The farther one.
pub(crate) const FAR: f32 = 1.5;
/// Points of a tile of 2x2 outputs: 4x4.
pub(crate) const POINTS_2X2: usize = 16;
/// Points of a tile of 2x4 outputs (2 rows, 4 columns): 4x6.
pub(crate) const POINTS_2X4: usize = 24;
/// Points of a tile of 4x4 outputs, and pixels that it reads: 6x6.
pub(crate) const POINTS_4X4: usize = 36;

/// Bias and activation of the channels of a layer: `x + bias`, times the slope where that is negative.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BiasPRelu<'a> {
    /// One for each channel.
    pub(crate) bias: &'a [f32],
    /// One for each channel.
    pub(crate) slopes: &'a [f32],
}

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
    /// `self` where it is positive, else `self * slopes`.
    fn prelu(self, slopes: Self) -> Self;
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
    fn prelu(self, slopes: Self) -> Self {
        std::array::from_fn(|lane| if self[lane] > 0.0 { self[lane] } else { self[lane] * slopes[lane] })
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
    fn prelu(self, slopes: Self) -> Self {
        use std::arch::x86_64::_mm256_blendv_ps;
        let scaled = self.mul(slopes);
        unsafe {
            Self(_mm256_blendv_ps(self.0, scaled.0, self.0), _mm256_blendv_ps(self.1, scaled.1, self.1))
        }
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
    fn prelu(self, slopes: Self) -> Self {
        use std::arch::x86_64::{_mm512_castps_si512, _mm512_mask_mul_ps, _mm512_movepi32_mask};
        unsafe { _mm512_mask_mul_ps(self, _mm512_movepi32_mask(_mm512_castps_si512(self)), self, slopes) }
    }
    #[inline(always)]
    fn relu(self) -> Self {
        use std::arch::x86_64::{_mm512_max_ps, _mm512_setzero_ps};
        unsafe { _mm512_max_ps(self, _mm512_setzero_ps()) }
    }
}

/// From 4 inputs to the 4 points of an axis with two outputs.
#[inline(always)]
fn inputs_2<V: Vector>(d: [V; 4]) -> [V; 4] {
    [d[2].sub(d[0]), d[1].add(d[2]), d[2].sub(d[1]), d[3].sub(d[1])]
}

/// From the 4 points of an axis to its two outputs.
#[inline(always)]
fn outputs_2<V: Vector>(m: [V; 4]) -> [V; 2] {
    [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).add(m[3])]
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

/// The four points of a column of inputs, `at` floats into each row.
#[inline(always)]
fn column_points<V: Vector>(rows: [&[f32]; 4], at: usize) -> [V; 4] {
    inputs_2([lanes(rows[0], at), lanes(rows[1], at), lanes(rows[2], at), lanes(rows[3], at)])
}

/// The two outputs of a column of products at points: 16 floats at each of `at + y * step`.
#[inline(always)]
fn column_outputs<V: Vector>(products: &[f32], at: usize, step: usize) -> [V; 2] {
    let (second, third, fourth) = (at + step, at + 2 * step, at + 3 * step);
    outputs_2([lanes(products, at), lanes(products, second), lanes(products, third), lanes(products, fourth)])
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

/// Points of `tiles` tiles of 2x2 outputs: tile `t` reads the pixels `2 * t ..= 2 * t + 3` of four rows, `stride`
/// floats apart. Point `p` of tile `t` is written to `points[(p * tiles + t) * 16..]`.
#[inline(always)]
pub(super) fn points_2x2<V: Vector>(rows: [&[f32]; 4], stride: usize, tiles: usize, points: &mut [f32]) {
    for tile in 0..tiles {
        let at = 2 * tile * stride;
        let columns: [[V; 4]; 4] = [
            column_points(rows, at),
            column_points(rows, at + stride),
            column_points(rows, at + 2 * stride),
            column_points(rows, at + 3 * stride),
        ];
        for y in 0..4 {
            for (x, point) in inputs_2(across(&columns, y)).iter().enumerate() {
                point.store(lanes_mut(points, ((4 * y + x) * tiles + tile) * LANES));
            }
        }
    }
}

/// As [`points_2x2`], for tiles of 2x4 outputs of pixels of 16 channels: tile `t` reads the pixels
/// `4 * t ..= 4 * t + 5`.
#[inline(always)]
pub(super) fn points_2x4<V: Vector>(rows: [&[f32]; 4], tiles: usize, points: &mut [f32]) {
    for tile in 0..tiles {
        let at = 4 * tile * LANES;
        let columns: [[V; 4]; 6] = [
            column_points(rows, at),
            column_points(rows, at + LANES),
            column_points(rows, at + 2 * LANES),
            column_points(rows, at + 3 * LANES),
            column_points(rows, at + 4 * LANES),
            column_points(rows, at + 5 * LANES),
        ];
        for y in 0..4 {
            for (x, point) in inputs_4(across(&columns, y)).iter().enumerate() {
                point.store(lanes_mut(points, ((6 * y + x) * tiles + tile) * LANES));
            }
        }
    }
}

/// From the products at the points of `tiles` tiles of 2x2 outputs with 16 channels to two rows of outputs.
#[inline(always)]
pub(super) fn outputs_2x2<V: Vector>(
    products: &[f32],
    tiles: usize,
    after: BiasPRelu<'_>,
    out: [&mut [f32]; 2],
) {
    let (bias, slopes) = (lanes::<V>(after.bias, 0), lanes::<V>(after.slopes, 0));
    let step = tiles * LANES;
    let [upper, lower] = out;
    for tile in 0..tiles {
        let at = tile * LANES;
        let columns: [[V; 2]; 4] = [
            column_outputs(products, at, 4 * step),
            column_outputs(products, at + step, 4 * step),
            column_outputs(products, at + 2 * step, 4 * step),
            column_outputs(products, at + 3 * step, 4 * step),
        ];
        for (y, row) in [&mut *upper, &mut *lower].into_iter().enumerate() {
            for (x, sum) in outputs_2(across(&columns, y)).iter().enumerate() {
                sum.add(bias).prelu(slopes).store(lanes_mut(row, (2 * tile + x) * LANES));
            }
        }
    }
}

/// From the products at the points of `tiles` tiles of 2x4 outputs with 32 channels to the dot product of each output
/// with `weights`, in two rows.
#[inline(always)]
pub(super) fn dots_2x4<V: Vector>(
    products: &[f32],
    tiles: usize,
    after: BiasPRelu<'_>,
    weights: &[f32; 2 * LANES],
    out: [&mut [f32]; 2],
) {
    let step = tiles * 2 * LANES;
    let [upper, lower] = out;
    for tile in 0..tiles {
        let mut sums = [[0f32; LANES]; 8];
        for half in [0, LANES] {
            let at = tile * 2 * LANES + half;
            let columns: [[V; 2]; 6] = [
                column_outputs(products, at, 6 * step),
                column_outputs(products, at + step, 6 * step),
                column_outputs(products, at + 2 * step, 6 * step),
                column_outputs(products, at + 3 * step, 6 * step),
                column_outputs(products, at + 4 * step, 6 * step),
                column_outputs(products, at + 5 * step, 6 * step),
            ];
            let (bias, slopes) = (lanes::<V>(after.bias, half), lanes::<V>(after.slopes, half));
            let weights = lanes::<V>(weights, half);
            for y in 0..2 {
                for (x, sum) in outputs_4(across(&columns, y)).iter().enumerate() {
                    let product = sum.add(bias).prelu(slopes).mul(weights);
                    let sums = &mut sums[4 * y + x];
                    V::load(sums).add(product).store(sums);
                }
            }
        }
        for (x, sums) in sums.iter().enumerate() {
            let row = if x < 4 { &mut *upper } else { &mut *lower };
            row[4 * tile + x % 4] = sum(sums);
        }
    }
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

/// The sum of 16 floats, in halves.
#[inline(always)]
fn sum(lanes: &[f32; LANES]) -> f32 {
    let mut sums = *lanes;
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}
