//! Vectors of pairs of 16-bit integers ([`super::pair_lanes`]) of 128 bits: SSE2 and NEON, which every CPU of their architecture
//! has.
#![allow(unsafe_code)] // loads and stores through pointers; the caller has proven the bounds
#![allow(clippy::inline_always, reason = "inlined into the layers, for sums to stay in registers")]

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::{
    float32x4_t, int16x8_t, int32x4_t, vaddq_f32, vaddq_s16, vaddq_s32, vbslq_f32, vbslq_s32, vcltq_s32,
    vcltzq_s32, vcvtnq_s32_f32, vcvtq_f32_s32, vdupq_n_f32, vdupq_n_s32, vdupq_n_s64, vget_low_s16,
    vld1q_f32, vld1q_s16, vld1q_s32, vmaxq_f32, vmaxq_s32, vminq_s32, vmlal_high_s16, vmlal_s16, vmulq_f32,
    vpaddq_s32, vreinterpretq_s16_s32, vreinterpretq_s32_s64, vst1q_f32, vst1q_s16, vsubq_s16, vsubq_s32,
    vtrn1q_s16,
};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m128, __m128i, _mm_add_epi16, _mm_add_epi32, _mm_add_ps, _mm_and_si128, _mm_andnot_si128,
    _mm_castps_si128, _mm_castsi128_ps, _mm_cmpgt_epi32, _mm_cvtepi32_ps, _mm_cvtps_epi32, _mm_loadu_ps,
    _mm_loadu_si128, _mm_madd_epi16, _mm_max_ps, _mm_mul_ps, _mm_or_si128, _mm_set1_epi32, _mm_set1_ps,
    _mm_setr_epi32, _mm_slli_epi32, _mm_srai_epi32, _mm_storeu_ps, _mm_storeu_si128, _mm_sub_epi16,
    _mm_sub_epi32,
};

use super::pair_lanes::Lanes;

/// SSE2.
#[cfg(target_arch = "x86_64")]
pub(super) struct Sse2;

/// `a` where the mask is set, else `b`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn select(mask: __m128i, a: __m128i, b: __m128i) -> __m128i {
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { _mm_or_si128(_mm_and_si128(mask, a), _mm_andnot_si128(mask, b)) }
}

// SAFETY of all blocks: every x86-64 CPU has SSE2; the caller's pointers hold whole vectors.
#[cfg(target_arch = "x86_64")]
impl Lanes for Sse2 {
    const COUNT: usize = 4;
    type Pairs = __m128i;
    type Sums = __m128i;
    type Totals = __m128i;
    type Floats = __m128;

    #[inline(always)]
    unsafe fn load(from: *const i16) -> __m128i {
        unsafe { _mm_loadu_si128(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store(pairs: __m128i, to: *mut i16) {
        unsafe { _mm_storeu_si128(to.cast(), pairs) }
    }
    #[inline(always)]
    unsafe fn splat(pair: i32) -> __m128i {
        unsafe { _mm_set1_epi32(pair) }
    }
    #[inline(always)]
    unsafe fn add_pairs(a: __m128i, b: __m128i) -> __m128i {
        unsafe { _mm_add_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn sub_pairs(a: __m128i, b: __m128i) -> __m128i {
        unsafe { _mm_sub_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn sums(value: i32) -> __m128i {
        unsafe { _mm_set1_epi32(value) }
    }
    #[inline(always)]
    unsafe fn dot(sums: __m128i, a: __m128i, b: __m128i) -> __m128i {
        unsafe { _mm_add_epi32(sums, _mm_madd_epi16(a, b)) }
    }
    #[inline(always)]
    unsafe fn add(a: __m128i, b: __m128i) -> __m128i {
        unsafe { _mm_add_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m128i, b: __m128i) -> __m128i {
        unsafe { _mm_sub_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn total(sums: __m128i) -> __m128i {
        sums
    }
    #[inline(always)]
    unsafe fn max(a: __m128i, b: __m128i) -> __m128i {
        unsafe { select(_mm_cmpgt_epi32(a, b), a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: __m128i, b: __m128i) -> __m128i {
        unsafe { select(_mm_cmpgt_epi32(a, b), b, a) }
    }
    #[inline(always)]
    unsafe fn first(count: usize, a: __m128i, b: __m128i) -> __m128i {
        unsafe { select(_mm_cmpgt_epi32(_mm_set1_epi32(count as i32), _mm_setr_epi32(0, 1, 2, 3)), a, b) }
    }
    #[inline(always)]
    unsafe fn scale(totals: __m128i, positive: f32, negative: f32) -> __m128 {
        unsafe {
            let [positive, negative] =
                [_mm_castps_si128(_mm_set1_ps(positive)), _mm_castps_si128(_mm_set1_ps(negative))];
            let factor = _mm_castsi128_ps(select(_mm_srai_epi32::<31>(totals), negative, positive));
            _mm_mul_ps(_mm_cvtepi32_ps(totals), factor)
        }
    }
    #[inline(always)]
    unsafe fn max_floats(a: __m128, b: __m128) -> __m128 {
        unsafe { _mm_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn shift(floats: __m128, offset: f32) -> __m128 {
        unsafe { _mm_add_ps(floats, _mm_set1_ps(offset)) }
    }
    #[inline(always)]
    unsafe fn round(low: __m128, high: __m128) -> __m128i {
        unsafe {
            let high = _mm_slli_epi32::<16>(_mm_cvtps_epi32(high));
            select(_mm_set1_epi32(0xFFFF), _mm_cvtps_epi32(low), high)
        }
    }
    #[inline(always)]
    unsafe fn accumulate(floats: __m128, to: *mut f32) {
        unsafe { _mm_storeu_ps(to, _mm_add_ps(_mm_loadu_ps(to), floats)) }
    }
}

/// NEON.
#[cfg(target_arch = "aarch64")]
pub(super) struct Neon;

// SAFETY of all blocks: every 64-bit ARM CPU has NEON; the caller's pointers hold whole vectors.
#[cfg(target_arch = "aarch64")]
impl Lanes for Neon {
    const COUNT: usize = 4;
    type Pairs = int16x8_t;
    /// Those of both halves of a pair, side by side, for the first two lanes and the others.
    type Sums = [int32x4_t; 2];
    type Totals = int32x4_t;
    type Floats = float32x4_t;

    #[inline(always)]
    unsafe fn load(from: *const i16) -> int16x8_t {
        unsafe { vld1q_s16(from) }
    }
    #[inline(always)]
    unsafe fn store(pairs: int16x8_t, to: *mut i16) {
        unsafe { vst1q_s16(to, pairs) }
    }
    #[inline(always)]
    unsafe fn splat(pair: i32) -> int16x8_t {
        unsafe { vreinterpretq_s16_s32(vdupq_n_s32(pair)) }
    }
    #[inline(always)]
    unsafe fn add_pairs(a: int16x8_t, b: int16x8_t) -> int16x8_t {
        unsafe { vaddq_s16(a, b) }
    }
    #[inline(always)]
    unsafe fn sub_pairs(a: int16x8_t, b: int16x8_t) -> int16x8_t {
        unsafe { vsubq_s16(a, b) }
    }
    #[inline(always)]
    unsafe fn sums(value: i32) -> [int32x4_t; 2] {
        unsafe { [vreinterpretq_s32_s64(vdupq_n_s64(i64::from(value as u32))); 2] }
    }
    #[inline(always)]
    unsafe fn dot(sums: [int32x4_t; 2], a: int16x8_t, b: int16x8_t) -> [int32x4_t; 2] {
        unsafe { [vmlal_s16(sums[0], vget_low_s16(a), vget_low_s16(b)), vmlal_high_s16(sums[1], a, b)] }
    }
    #[inline(always)]
    unsafe fn add(a: [int32x4_t; 2], b: [int32x4_t; 2]) -> [int32x4_t; 2] {
        unsafe { [vaddq_s32(a[0], b[0]), vaddq_s32(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn sub(a: [int32x4_t; 2], b: [int32x4_t; 2]) -> [int32x4_t; 2] {
        unsafe { [vsubq_s32(a[0], b[0]), vsubq_s32(a[1], b[1])] }
    }
    #[inline(always)]
    unsafe fn total(sums: [int32x4_t; 2]) -> int32x4_t {
        unsafe { vpaddq_s32(sums[0], sums[1]) }
    }
    #[inline(always)]
    unsafe fn max(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        unsafe { vmaxq_s32(a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        unsafe { vminq_s32(a, b) }
    }
    #[inline(always)]
    unsafe fn first(count: usize, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        unsafe { vbslq_s32(vcltq_s32(vld1q_s32([0, 1, 2, 3].as_ptr()), vdupq_n_s32(count as i32)), a, b) }
    }
    #[inline(always)]
    unsafe fn scale(totals: int32x4_t, positive: f32, negative: f32) -> float32x4_t {
        unsafe {
            let factor = vbslq_f32(vcltzq_s32(totals), vdupq_n_f32(negative), vdupq_n_f32(positive));
            vmulq_f32(vcvtq_f32_s32(totals), factor)
        }
    }
    #[inline(always)]
    unsafe fn max_floats(a: float32x4_t, b: float32x4_t) -> float32x4_t {
        unsafe { vmaxq_f32(a, b) }
    }
    #[inline(always)]
    unsafe fn shift(floats: float32x4_t, offset: f32) -> float32x4_t {
        unsafe { vaddq_f32(floats, vdupq_n_f32(offset)) }
    }
    #[inline(always)]
    unsafe fn round(low: float32x4_t, high: float32x4_t) -> int16x8_t {
        unsafe {
            let (low, high) = (vcvtnq_s32_f32(low), vcvtnq_s32_f32(high));
            vtrn1q_s16(vreinterpretq_s16_s32(low), vreinterpretq_s16_s32(high))
        }
    }
    #[inline(always)]
    unsafe fn accumulate(floats: float32x4_t, to: *mut f32) {
        unsafe { vst1q_f32(to, vaddq_f32(vld1q_f32(to), floats)) }
    }
}
