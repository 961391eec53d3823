//! Embeddings of one person, side by side, in two parts: a coarse one of 8 bits a number, which a search reads, and the rest, 24
//! bits a number, without which the exact numbers can't be had.
//!
//! A search of a million embeddings is bound by memory. Its coarse part is 512 MB, a quarter of what the floats are, and the two parts
//! together take no more than the floats. What the coarse part says of a distance is off by a known amount at most ([`Bounds`]), so
//! that who can't be among the nearest is left out, and nobody else.
//!
//! The coarse number of `x` is `q = round(x / step)`, where 127 steps are the largest number of the embedding. Where `q` is not 0, that
//! leaves less than 2^24 floats for `x`, and the rest is the place among them. Where it is 0 (one number in a hundred), the rest is sign and
//! mantissa, and the exponent stands in a list.

use std::ops::Deref;

use crate::nn::EMBEDDING_LEN;
use crate::vectorised::vectorised;

/// Steps to 1 of a face that is searched for: a component is at most 1 in size, so it fits 16 bits.
const FACE_STEPS: f32 = 16_384.0;
/// The largest coarse number.
const MOST: f32 = 127.0;
/// A number with the coarse number `q` is at least `|q| - 0.51` steps: half a step and what rounding adds.
const HALF_STEP: f32 = 0.51;
/// What rounding adds to the error of a product: half a step of each component of the face, `sqrt(512) / 2` steps of 1 / 16,384 in
/// length (0.0007), and sums of 512 float32 (0.00004).
const ROUNDING: f32 = 0.001;
/// Numbers of one half of an embedding; the first ones say of most embeddings that they are not near.
const HALF_LEN: usize = EMBEDDING_LEN / 2;
/// Faces that are compared in one pass. Eight (8 KiB) stay in the first-level cache.
pub(crate) const FACES_A_PASS: usize = 8;
/// The bits of a float's mantissa.
const MANTISSA_BITS: u32 = 23;

/// Embeddings of one person.
#[derive(Debug)]
pub(crate) struct Packed {
    /// The first halves of all, then the second ones: mostly the first halves are read, one after the other.
    coarse: Box<[Half]>,
    fine: Box<[Fine]>,
    scales: Box<[Scale]>,
    /// Of the numbers whose coarse number is 0, in order.
    exponents: Box<[u8]>,
}

/// One half of the coarse numbers of an embedding.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Half([i8; HALF_LEN]);

/// What the coarse numbers of an embedding leave open: the lower 16 bits and the upper 8, apart, so that a vector register takes many.
#[derive(Debug, Clone, Copy)]
struct Fine {
    low: [u16; EMBEDDING_LEN],
    high: [u8; EMBEDDING_LEN],
}

impl Fine {
    fn set(&mut self, at: usize, rest: u32) {
        (self.low[at], self.high[at]) = (rest as u16, (rest >> 16) as u8);
    }
}

/// What the coarse numbers of an embedding mean.
#[derive(Debug, Clone, Copy)]
struct Scale {
    step: f32,
    /// How far a product with a face of norm 1 may be off.
    error: f32,
    /// Length of its second half.
    rest: f32,
    /// Where its exponents begin.
    exponents: u32,
}

/// A face that is searched for.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(crate) struct PackedFace {
    /// In two halves.
    numbers: [[i16; HALF_LEN]; 2],
    /// Length of its second half.
    rest: f32,
}

/// The dot product of a face and the nearest of a person's photos is between these.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) least: f32,
    pub(crate) most: f32,
}

impl Bounds {
    pub(crate) const NONE: Self = Self { least: f32::NEG_INFINITY, most: f32::NEG_INFINITY };
}

impl PackedFace {
    /// Of the values of an embedding.
    pub(crate) fn new(values: &[f32]) -> Self {
        let mut numbers = [[0; HALF_LEN]; 2];
        for (to, from) in numbers.as_flattened_mut().iter_mut().zip(values) {
            *to = (from * FACE_STEPS).round() as i16;
        }
        Self { numbers, rest: rest_of(values) }
    }
}

impl Packed {
    /// Of the values of each embedding.
    pub(crate) fn new(embeddings: impl ExactSizeIterator<Item = impl Deref<Target = [f32]>>) -> Self {
        let count = embeddings.len();
        let mut coarse = vec![Half([0; HALF_LEN]); 2 * count];
        let mut fine = Vec::with_capacity(count);
        let (mut scales, mut exponents) = (Vec::with_capacity(count), Vec::new());
        for (at, values) in embeddings.enumerate() {
            let begin = exponents.len() as u32;
            let mut numbers = [0.0; EMBEDDING_LEN];
            numbers.iter_mut().zip(values.iter()).for_each(|(to, from)| *to = *from);
            let (row, mut rest, step, error) = divide(&numbers);
            for (at, _) in row.as_flattened().iter().enumerate().filter(|(_, q)| **q == 0) {
                let bits = numbers[at].to_bits();
                exponents.push((bits >> MANTISSA_BITS) as u8);
                rest.set(at, ((bits >> 31) << MANTISSA_BITS) | (bits & ((1 << MANTISSA_BITS) - 1)));
            }
            [coarse[at].0, coarse[count + at].0] = row;
            fine.push(rest);
            scales.push(Scale { step, error, rest: rest_of(&numbers), exponents: begin });
        }
        Self { coarse: coarse.into(), fine: fine.into(), scales: scales.into(), exponents: exponents.into() }
    }

    /// How many embeddings there are.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// The first halves of the coarse numbers, and the second ones.
    fn halves(&self) -> (&[Half], &[Half]) {
        self.coarse.split_at(self.len())
    }

    /// Copies the numbers of the embedding with this index, to the last bit.
    pub(crate) fn copy_to(&self, at: usize, to: &mut [f32; EMBEDDING_LEN]) {
        let Scale { step, exponents, .. } = self.scales[at];
        let mut exponents = self.exponents.get(exponents as usize..).unwrap_or_default().iter();
        let Fine { low, high } = &self.fine[at];
        let row = [self.coarse[at].0, self.coarse[self.len() + at].0];
        let row = row.as_flattened();
        let numbers = row.iter().zip(low.iter().zip(high));
        // First as if no coarse number were 0, which needs no branch, and then those that are.
        for (to, (q, (low, high))) in to.iter_mut().zip(numbers) {
            *to = joined(*q, u32::from(*low) | (u32::from(*high) << 16), step);
        }
        for (at, _) in row.iter().enumerate().filter(|(_, q)| **q == 0) {
            let rest = u32::from(low[at]) | (u32::from(high[at]) << 16);
            let exponent = u32::from(exponents.next().copied().unwrap_or_default()) << MANTISSA_BITS;
            let (sign, mantissa) = (rest >> MANTISSA_BITS, rest & ((1 << MANTISSA_BITS) - 1));
            to[at] = f32::from_bits((sign << 31) | exponent | mantissa);
        }
    }

    /// For each face, what is known of the nearest of these embeddings, those left out whose product with it is surely no more than
    /// `least`. The ones that are asked for next, `ahead`, are fetched meanwhile: people lie apart in memory, and the CPU does not
    /// guess where the next ones are.
    pub(crate) fn bounds(&self, ahead: Option<&Self>, faces: &[PackedFace], least: f32, best: &mut [Bounds]) {
        bounds(self, ahead, faces, least, best);
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn bounds_anywhere(&self, ahead: Option<&Self>, faces: &[PackedFace], least: f32, best: &mut [Bounds]) {
        let (beginnings, ends) = self.halves();
        let (next_beginnings, next_ends) = ahead.map(Self::halves).unwrap_or_default();
        let is_limited = least.is_finite();
        for (at, ((beginning, end), scale)) in beginnings.iter().zip(ends).zip(&self.scales).enumerate() {
            next_beginnings.get(at).into_iter().for_each(Half::fetch);
            if !is_limited {
                next_ends.get(at).into_iter().for_each(Half::fetch);
            }
            let mut sums = [0; FACES_A_PASS];
            let mut may_exceed = !is_limited;
            for (sum, face) in sums.iter_mut().zip(faces) {
                *sum = beginning.products(&face.numbers[0]);
                // The second halves add the product of their lengths at most.
                may_exceed |= scale.product(*sum) + scale.error + scale.rest * face.rest > least;
            }
            if !may_exceed {
                continue;
            }
            for ((best, face), sum) in best.iter_mut().zip(faces).zip(sums) {
                let about = scale.product(sum + end.products(&face.numbers[1]));
                if about + scale.error > least {
                    best.least = best.least.max(about - scale.error);
                    best.most = best.most.max(about + scale.error);
                }
            }
        }
    }
}

impl Scale {
    /// What a sum of products with a face's numbers means.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn product(self, sum: i32) -> f32 {
        sum as f32 * (self.step / FACE_STEPS)
    }
}

vectorised! {
    fn bounds(packed: &Packed, ahead: Option<&Packed>, faces: &[PackedFace], least: f32, best: &mut [Bounds]) = Packed::bounds_anywhere;
    /// The coarse numbers of an embedding, what they leave open as if none were 0, the step, and how far a product may be off.
    fn divide(values: &[f32; EMBEDDING_LEN]) -> ([[i8; HALF_LEN]; 2], Fine, f32, f32) = divide_anywhere;
}

impl Half {
    /// The sum of the products with the same half of a face. Over both halves it is, by Cauchy and Schwarz, at most 127 sqrt(512) x
    /// 16,384, which is 2^26, and some rounding.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn products(&self, face: &[i16; HALF_LEN]) -> i32 {
        let products = self.0.iter().zip(face);
        products.map(|(row, face)| i32::from(i16::from(*row)) * i32::from(*face)).sum()
    }

    /// Has the CPU load it into its caches, and does not wait for that.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "a few instructions")]
    fn fetch(&self) {
        #[cfg(target_arch = "x86_64")]
        for line in self.0.as_chunks::<64>().0 {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            // SAFETY: a hint, which reads nothing and never fails; the address is that of a reference.
            #[allow(unsafe_code, reason = "there is no safe form")]
            unsafe {
                _mm_prefetch::<_MM_HINT_T0>(line.as_ptr());
            }
        }
    }
}

/// Length of the second half.
fn rest_of(values: &[f32]) -> f32 {
    values.iter().skip(HALF_LEN).map(|value| value * value).sum::<f32>().sqrt()
}

/// The coarse number of a number that is at most [`MOST`] steps. In instructions that every CPU has: rounding is a call for some.
fn nearest_step(value: f32, step: f32) -> i8 {
    (value / step + 0.5_f32.copysign(value)) as i32 as i8
}

/// The least size of a number with this coarse number, as bits.
fn floor(q: i8, step: f32) -> u32 {
    ((f32::from(q.unsigned_abs()) - HALF_STEP) * step).to_bits()
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
fn divide_anywhere(values: &[f32; EMBEDDING_LEN]) -> ([[i8; HALF_LEN]; 2], Fine, f32, f32) {
    let step = values.iter().fold(0.0_f32, |most, value| most.max(value.abs())) / MOST;
    let mut halves = [[0; HALF_LEN]; 2];
    let row = halves.as_flattened_mut();
    let mut rest = Fine { low: [0; EMBEDDING_LEN], high: [0; EMBEDDING_LEN] };
    for (value, q) in values.iter().zip(row.iter_mut()) {
        *q = nearest_step(*value, step);
    }
    for (at, (value, q)) in values.iter().zip(&*row).enumerate() {
        rest.set(at, value.abs().to_bits().wrapping_sub(floor(*q, step)));
    }
    let mut errors = [0.0_f32; 8];
    for (values, row) in values.as_chunks::<8>().0.iter().zip(row.as_chunks::<8>().0) {
        for ((error, value), q) in errors.iter_mut().zip(values).zip(row) {
            let off = value - step * f32::from(*q);
            *error += off * off;
        }
    }
    let error = errors.iter().sum::<f32>().sqrt() * 1.01 + ROUNDING;
    (halves, rest, step, error)
}

/// The number, where `q` is not 0; else any.
fn joined(q: i8, rest: u32, step: f32) -> f32 {
    let sign = u32::from(q < 0) << 31;
    f32::from_bits(floor(q, step).wrapping_add(rest) | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Embeddings that rounding hits as hard as it can, and others: all steps and their halves, one large component, zeros of both
    /// signs, numbers below the normal ones.
    fn odd() -> Vec<Vec<f32>> {
        let unit = |values: Vec<f32>| -> Vec<f32> {
            let norm = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
            values.into_iter().map(|v| (f64::from(v) / norm) as f32).collect()
        };
        let sign = |at: usize| if at.is_multiple_of(2) { 1.0 } else { -1.0 };
        let of = |value: &dyn Fn(usize) -> f32| (0..EMBEDDING_LEN).map(value).collect::<Vec<f32>>();
        let mut all = vec![
            unit(of(&|at| sign(at))),
            unit(of(&|at| (at as f32 * 0.5) * sign(at))),
            unit(of(&|at| ((at % 128) as f32 + 0.5) * sign(at))),
            unit(of(&|at| ((at % 128) as f32 + 0.499_999) * sign(at))),
            unit(of(&|at| if at == 0 { 127.0 } else { 0.5 * sign(at) })),
            unit(of(&|at| -f32::from(u8::from(at == 7)))),
            unit(of(&|at| if at == 3 { 1.0 } else { 1e-42 * sign(at) })),
        ];
        for seed in 0..50_u32 {
            let random = |at: usize| {
                let mixed = (at as u32 ^ (seed << 16)).wrapping_mul(0x9e37_79b9).wrapping_add(seed * 77);
                let mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca6b);
                ((mixed ^ (mixed >> 13)) as f32 / u32::MAX as f32 - 0.5).powi(1 + (seed % 3) as i32 * 2)
            };
            all.push(unit(of(&random)));
        }
        all
    }

    #[test]
    fn the_numbers_come_back_to_the_last_bit() {
        let odd = odd();
        let packed = Packed::new(odd.iter().map(Vec::as_slice));
        assert_eq!(packed.len(), odd.len());
        for (at, values) in odd.iter().enumerate() {
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
            let mut found = [0.0; EMBEDDING_LEN];
            packed.copy_to(at, &mut found);
            assert_eq!(bits(&found), bits(values), "{at}");
            let numbers: &[f32; EMBEDDING_LEN] = values.as_slice().try_into().unwrap();
            let ((row, rest, ..), (row_anywhere, rest_anywhere, ..)) =
                (divide(numbers), divide_anywhere(numbers));
            assert_eq!((row, rest.low, rest.high), (row_anywhere, rest_anywhere.low, rest_anywhere.high));
        }
    }

    #[test]
    fn a_product_is_within_its_bounds() {
        let odd = odd();
        let mut left_out = 0;
        for (a, of) in odd.iter().enumerate() {
            let one = Packed::new([of.as_slice()].into_iter());
            for (b, face) in odd.iter().enumerate() {
                let mut found = [Bounds::NONE];
                one.bounds(Some(&one), &[PackedFace::new(face)], f32::NEG_INFINITY, &mut found);
                let exact: f32 = of.iter().zip(face).map(|(a, b)| a * b).sum();
                let Bounds { least, most } = found[0];
                assert!(
                    (least..=most).contains(&exact) && most - least < 0.2,
                    "{a} {b}: {exact} {least} {most}"
                );
                let mut anywhere = [Bounds::NONE];
                one.bounds_anywhere(None, &[PackedFace::new(face)], f32::NEG_INFINITY, &mut anywhere);
                assert_eq!(found, anywhere, "the same with each instruction set");
                for limit in [-0.5, 0.0, 0.3, 0.6, 0.9, exact - 1e-6, exact + 1e-6] {
                    let mut limited = [Bounds::NONE];
                    one.bounds(None, &[PackedFace::new(face)], limit, &mut limited);
                    assert!(
                        limited == found || (limited[0] == Bounds::NONE && exact <= limit),
                        "{a} {b} {limit}"
                    );
                    left_out += usize::from(limited != found);
                }
            }
        }
        assert!(left_out > 3_000, "{left_out}");
    }
}
