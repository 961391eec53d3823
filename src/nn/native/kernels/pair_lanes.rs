//! Vectors of pairs of 16-bit integers, for each instruction set: what [`super::pairs`] is written in. A lane holds two
//! neighbouring taps of one pixel; lanes are pixels.
#![allow(unsafe_code)] // vector instructions of features that the caller has checked
#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _mm256_add_epi16, _mm256_add_epi32, _mm256_add_ps, _mm256_blend_epi16,
    _mm256_blendv_epi8, _mm256_blendv_ps, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_cvtepi32_ps,
    _mm256_cvtps_epi32, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_max_epi32,
    _mm256_max_ps, _mm256_min_epi32, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32,
    _mm256_slli_epi32, _mm256_storeu_ps, _mm256_storeu_si256, _mm256_sub_epi16, _mm256_sub_epi32,
    _mm512_add_epi16, _mm512_add_epi32, _mm512_add_ps, _mm512_cvtepi32_ps, _mm512_cvtps_epi32,
    _mm512_dpwssd_epi32, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mask_blend_epi16,
    _mm512_mask_blend_epi32, _mm512_mask_blend_ps, _mm512_max_epi32, _mm512_max_ps, _mm512_min_epi32,
    _mm512_movepi32_mask, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_slli_epi32,
    _mm512_storeu_ps, _mm512_storeu_si512, _mm512_sub_epi16, _mm512_sub_epi32,
};

#[cfg(not(target_arch = "x86_64"))]
use super::integer::MAGIC;

/// Vectors of one instruction set. Additions of integers wrap. All versions give the same bits: no operation is fused.
///
/// # Safety
/// The functions may be called only where the CPU has the instruction set. Pointers need not be aligned; a whole vector
/// lies behind them.
pub(super) trait Lanes {
    /// Lanes of a vector.
    const COUNT: usize;
    /// Two 16-bit integers a lane.
    type Pairs: Copy;
    /// Sums of products; of a lane one or more.
    type Sums: Copy;
    /// A 32-bit integer a lane.
    type Totals: Copy;
    /// A float a lane.
    type Floats: Copy;

    unsafe fn load(from: *const i16) -> Self::Pairs;
    unsafe fn store(pairs: Self::Pairs, to: *mut i16);
    /// The same two integers in each lane, the first in the lower half of `pair`.
    unsafe fn splat(pair: i32) -> Self::Pairs;
    unsafe fn add_pairs(a: Self::Pairs, b: Self::Pairs) -> Self::Pairs;
    unsafe fn sub_pairs(a: Self::Pairs, b: Self::Pairs) -> Self::Pairs;
    /// Sums of which each lane's total is `value`.
    unsafe fn sums(value: i32) -> Self::Sums;
    /// Adds the two products of the pairs of each lane.
    unsafe fn dot(sums: Self::Sums, a: Self::Pairs, b: Self::Pairs) -> Self::Sums;
    unsafe fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums;
    unsafe fn sub(a: Self::Sums, b: Self::Sums) -> Self::Sums;
    unsafe fn total(sums: Self::Sums) -> Self::Totals;
    unsafe fn max(a: Self::Totals, b: Self::Totals) -> Self::Totals;
    unsafe fn min(a: Self::Totals, b: Self::Totals) -> Self::Totals;
    /// The first `count` lanes of `a`, the others of `b`.
    unsafe fn first(count: usize, a: Self::Totals, b: Self::Totals) -> Self::Totals;
    /// The totals times one factor, or times another where they are negative.
    unsafe fn scale(totals: Self::Totals, positive: f32, negative: f32) -> Self::Floats;
    unsafe fn max_floats(a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// Adds `offset` to each lane.
    unsafe fn shift(floats: Self::Floats, offset: f32) -> Self::Floats;
    /// Rounds to the nearest integers, ties to even.
    unsafe fn round(low: Self::Floats, high: Self::Floats) -> Self::Pairs;
    /// Adds to the floats in memory.
    unsafe fn accumulate(floats: Self::Floats, to: *mut f32);
}

/// Arrays, in plain Rust.
#[cfg(not(target_arch = "x86_64"))]
pub(super) struct Arrays;

// SAFETY of all blocks: the caller's pointers hold whole vectors, as the trait demands.
#[cfg(not(target_arch = "x86_64"))]
impl Lanes for Arrays {
    const COUNT: usize = 8;
    type Pairs = [i16; 16];
    type Sums = [i32; 8];
    type Totals = [i32; 8];
    type Floats = [f32; 8];

    #[inline(always)]
    unsafe fn load(from: *const i16) -> Self::Pairs {
        unsafe { from.cast::<[i16; 16]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(pairs: Self::Pairs, to: *mut i16) {
        unsafe { to.cast::<[i16; 16]>().write_unaligned(pairs) }
    }
    #[inline(always)]
    unsafe fn splat(pair: i32) -> Self::Pairs {
        std::array::from_fn(|i| (pair >> (i % 2 * 16)) as i16)
    }
    #[inline(always)]
    unsafe fn add_pairs(a: Self::Pairs, b: Self::Pairs) -> Self::Pairs {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    unsafe fn sub_pairs(a: Self::Pairs, b: Self::Pairs) -> Self::Pairs {
        std::array::from_fn(|i| a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    unsafe fn sums(value: i32) -> Self::Sums {
        [value; 8]
    }
    #[inline(always)]
    unsafe fn dot(sums: Self::Sums, a: Self::Pairs, b: Self::Pairs) -> Self::Sums {
        let product = |i: usize| i32::from(a[i]) * i32::from(b[i]);
        std::array::from_fn(|i| sums[i].wrapping_add(product(2 * i)).wrapping_add(product(2 * i + 1)))
    }
    #[inline(always)]
    unsafe fn add(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    unsafe fn sub(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| a[i].wrapping_sub(b[i]))
    }
    #[inline(always)]
    unsafe fn total(sums: Self::Sums) -> Self::Sums {
        sums
    }
    #[inline(always)]
    unsafe fn max(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| a[i].max(b[i]))
    }
    #[inline(always)]
    unsafe fn min(a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| a[i].min(b[i]))
    }
    #[inline(always)]
    unsafe fn first(count: usize, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| if i < count { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn scale(sums: Self::Sums, positive: f32, negative: f32) -> Self::Floats {
        sums.map(|sum| sum as f32 * if sum < 0 { negative } else { positive })
    }
    #[inline(always)]
    unsafe fn max_floats(a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    unsafe fn shift(floats: Self::Floats, offset: f32) -> Self::Floats {
        floats.map(|value| value + offset)
    }
    #[inline(always)]
    unsafe fn round(low: Self::Floats, high: Self::Floats) -> Self::Pairs {
        let rounded = |value: f32| (value + MAGIC).to_bits() as i16;
        std::array::from_fn(|i| rounded(if i % 2 == 0 { low[i / 2] } else { high[i / 2] }))
    }
    #[inline(always)]
    unsafe fn accumulate(floats: Self::Floats, to: *mut f32) {
        let to = unsafe { &mut *to.cast::<[f32; 8]>() };
        to.iter_mut().zip(floats).for_each(|(sum, value)| *sum += value);
    }
}

/// 256-bit vectors.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx2;

// SAFETY of all blocks: the caller has checked the CPU for AVX2; its pointers hold whole vectors.
#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    const COUNT: usize = 8;
    type Pairs = __m256i;
    type Sums = __m256i;
    type Totals = __m256i;
    type Floats = __m256;

    #[inline(always)]
    unsafe fn load(from: *const i16) -> __m256i {
        unsafe { _mm256_loadu_si256(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(pairs: __m256i, to: *mut i16) {
        unsafe { _mm256_storeu_si256(to.cast(), pairs) }
    }
    #[inline(always)]
    unsafe fn splat(pair: i32) -> __m256i {
        unsafe { _mm256_set1_epi32(pair) }
    }
    #[inline(always)]
    unsafe fn add_pairs(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_add_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn sub_pairs(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_sub_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn sums(value: i32) -> __m256i {
        unsafe { _mm256_set1_epi32(value) }
    }
    #[inline(always)]
    unsafe fn dot(sums: __m256i, a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(a, b)) }
    }
    #[inline(always)]
    unsafe fn add(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_add_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_sub_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn total(sums: __m256i) -> __m256i {
        sums
    }
    #[inline(always)]
    unsafe fn max(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_max_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: __m256i, b: __m256i) -> __m256i {
        unsafe { _mm256_min_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn first(count: usize, a: __m256i, b: __m256i) -> __m256i {
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_blendv_epi8(b, a, _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes))
        }
    }
    #[inline(always)]
    unsafe fn scale(sums: __m256i, positive: f32, negative: f32) -> __m256 {
        unsafe {
            let (positive, negative) = (_mm256_set1_ps(positive), _mm256_set1_ps(negative));
            let factor = _mm256_blendv_ps(positive, negative, _mm256_castsi256_ps(sums));
            _mm256_mul_ps(_mm256_cvtepi32_ps(sums), factor)
        }
    }
    #[inline(always)]
    unsafe fn max_floats(a: __m256, b: __m256) -> __m256 {
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn shift(floats: __m256, offset: f32) -> __m256 {
        unsafe { _mm256_add_ps(floats, _mm256_set1_ps(offset)) }
    }
    #[inline(always)]
    unsafe fn round(low: __m256, high: __m256) -> __m256i {
        unsafe {
            let (low, high) = (_mm256_cvtps_epi32(low), _mm256_cvtps_epi32(high));
            _mm256_blend_epi16::<0b1010_1010>(low, _mm256_slli_epi32::<16>(high))
        }
    }
    #[inline(always)]
    unsafe fn accumulate(floats: __m256, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), floats)) }
    }
}

/// 512-bit vectors, with VNNI.
#[cfg(target_arch = "x86_64")]
pub(super) struct Vnni;

// SAFETY of all blocks: the caller has checked the CPU for AVX-512 F, BW, DQ and VNNI; its pointers hold whole vectors.
#[cfg(target_arch = "x86_64")]
impl Lanes for Vnni {
    const COUNT: usize = 16;
    type Pairs = __m512i;
    type Sums = __m512i;
    type Totals = __m512i;
    type Floats = __m512;

    #[inline(always)]
    unsafe fn load(from: *const i16) -> __m512i {
        unsafe { _mm512_loadu_si512(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(pairs: __m512i, to: *mut i16) {
        unsafe { _mm512_storeu_si512(to.cast(), pairs) }
    }
    #[inline(always)]
    unsafe fn splat(pair: i32) -> __m512i {
        unsafe { _mm512_set1_epi32(pair) }
    }
    #[inline(always)]
    unsafe fn add_pairs(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_add_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn sub_pairs(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_sub_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn sums(value: i32) -> __m512i {
        unsafe { _mm512_set1_epi32(value) }
    }
    #[inline(always)]
    unsafe fn dot(sums: __m512i, a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_dpwssd_epi32(sums, a, b) }
    }
    #[inline(always)]
    unsafe fn add(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_sub_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn total(sums: __m512i) -> __m512i {
        sums
    }
    #[inline(always)]
    unsafe fn max(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_max_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_min_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn first(count: usize, a: __m512i, b: __m512i) -> __m512i {
        let mask = if count < Self::COUNT { (1u16 << count) - 1 } else { u16::MAX };
        unsafe { _mm512_mask_blend_epi32(mask, b, a) }
    }
    #[inline(always)]
    unsafe fn scale(sums: __m512i, positive: f32, negative: f32) -> __m512 {
        unsafe {
            let (positive, negative) = (_mm512_set1_ps(positive), _mm512_set1_ps(negative));
            let factor = _mm512_mask_blend_ps(_mm512_movepi32_mask(sums), positive, negative);
            _mm512_mul_ps(_mm512_cvtepi32_ps(sums), factor)
        }
    }
    #[inline(always)]
    unsafe fn max_floats(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn shift(floats: __m512, offset: f32) -> __m512 {
        unsafe { _mm512_add_ps(floats, _mm512_set1_ps(offset)) }
    }
    #[inline(always)]
    unsafe fn round(low: __m512, high: __m512) -> __m512i {
        unsafe {
            let (low, high) = (_mm512_cvtps_epi32(low), _mm512_cvtps_epi32(high));
            _mm512_mask_blend_epi16(0xAAAA_AAAA, low, _mm512_slli_epi32::<16>(high))
        }
    }
    #[inline(always)]
    unsafe fn accumulate(floats: __m512, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, _mm512_add_ps(_mm512_loadu_ps(to), floats)) }
    }
}
