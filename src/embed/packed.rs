//! Embeddings of one person, side by side, in two parts: a coarse one of 8 bits a number, which a search reads, and the rest, about 21
//! bits a number, without which the exact numbers can't be had.
//!
//! A search of a million embeddings is bound by memory. Its coarse part is 512 MB, a quarter of what the floats are, and the two parts
//! together take a tenth less than the floats. What the coarse part says of a distance is off by a known amount at most ([`Bounds`]), so
//! that who can't be among the nearest is left out, and nobody else.
//!
//! The coarse number of `x` is `q = round(x / step)`, where 127 steps are the largest number of the embedding. That leaves some floats for
//! `x`, and the rest is the place among them: of fewer floats the larger `x` is, since large ones lie further apart. Where `q` is at least
//! [`SMALL`], they are less than 2^20. Of smaller numbers, a quarter of all, there are up to 2^24, and 4 more bits stand in a list. Where `q`
//! is 0 (one number in a hundred), the rest is sign and mantissa, and the exponent stands in the list, too.

use std::ops::Deref;
use std::sync::Arc;

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
/// Sums that are made side by side: one alone is not compiled to the widest vectors.
const LANES: usize = 16;
/// Faces that are compared in one pass. Eight (8 KiB) stay in the first-level cache.
pub(crate) const FACES_A_PASS: usize = 8;
/// Bytes that a CPU loads together.
#[cfg(target_arch = "x86_64")]
const CACHE_LINE: usize = 64;
/// The bits of a float's mantissa.
const MANTISSA_BITS: u32 = 23;
/// The least coarse number that leaves less than 2^20 floats: 1.02 steps, in floats that lie 2^-24 of the smallest of them or more apart,
/// are `1.02 x 2^24 / (17 - 0.51)`, which is 0.99 x 2^20.
const SMALL: u8 = 17;
/// Of the rest, the bits that each number has; numbers below [`SMALL`] have more.
const USUAL_BITS: u32 = 20;

/// Embeddings of one person.
#[derive(Debug)]
pub(crate) struct Packed {
    /// Mostly a search reads these only.
    beginnings: Beginnings,
    /// The second halves of the coarse numbers.
    ends: Box<[Half]>,
    fine: Box<[Fine]>,
    /// Of each embedding what small numbers need: the upper 4 bits of the rest, two in a byte, and then the exponents of those whose coarse
    /// number is 0.
    further: Box<[u8]>,
}

/// One half of the coarse numbers of an embedding, where a vector of 16 numbers never lies in two lines of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
struct Half([i8; HALF_LEN]);

/// Those of one person, among others': a search reads those of people who are packed together as one piece of memory, more than twice as
/// fast as pieces of some kilobytes. A piece is freed with the last one of its people.
#[derive(Debug)]
struct Beginnings {
    all: Arc<[Beginning]>,
    first: u32,
    count: u32,
}

impl Deref for Beginnings {
    type Target = [Beginning];

    fn deref(&self) -> &[Beginning] {
        let first = self.first as usize;
        &self.all[first..first + self.count as usize]
    }
}

/// What may be enough of an embedding to say that it is not near.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Beginning {
    /// The first half of the coarse numbers.
    half: Half,
    scale: Scale,
}

/// What the coarse numbers of an embedding leave open, [`USUAL_BITS`] of it: the lower 16 bits and the 4 above them, apart, so that a vector
/// register takes many.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fine {
    low: [u16; EMBEDDING_LEN],
    /// In each byte those of a number of the first half, and of the same one of the second half.
    high: [u8; HALF_LEN],
}

/// What is left open of each number.
type Rests = [u32; EMBEDDING_LEN];

/// The places of small numbers.
struct Places {
    places: [u16; EMBEDDING_LEN],
    count: usize,
}

/// What the coarse numbers of an embedding mean.
#[derive(Debug, Clone, Copy)]
struct Scale {
    step: f32,
    /// How far a product with a face of norm 1 may be off.
    error: f32,
    /// Length of its second half.
    rest: f32,
    /// Where its part of [`Packed::further`] begins.
    further: u32,
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
    /// Of the values of each embedding of each person.
    pub(crate) fn of_people<V: Deref<Target = [f32]>>(
        people: impl IntoIterator<Item = impl ExactSizeIterator<Item = V>>,
    ) -> Vec<Self> {
        let people: Vec<_> = people.into_iter().collect();
        let mut all = Vec::with_capacity(people.iter().map(ExactSizeIterator::len).sum());
        let rests: Vec<Rest> = people.into_iter().map(|embeddings| Rest::new(embeddings, &mut all)).collect();
        let (all, mut first) = (Arc::<[Beginning]>::from(all), 0);
        let of_one = |Rest { ends, fine, further }: Rest| {
            let beginnings = Beginnings { all: Arc::clone(&all), first, count: ends.len() as u32 };
            first += beginnings.count;
            Self { beginnings, ends: ends.into(), fine: fine.into(), further: further.into() }
        };
        rests.into_iter().map(of_one).collect()
    }

    /// How many embeddings there are.
    pub(crate) fn len(&self) -> usize {
        self.beginnings.len()
    }

    /// The coarse numbers of the embedding with this index, and what they mean.
    fn coarse(&self, at: usize) -> ([[i8; HALF_LEN]; 2], Scale) {
        let Beginning { half, scale } = self.beginnings[at];
        ([half.0, self.ends[at].0], scale)
    }

    /// Copies the numbers of the embedding with this index, to the last bit.
    pub(crate) fn copy_to(&self, at: usize, to: &mut [f32; EMBEDDING_LEN]) {
        let (row, Scale { step, further, .. }) = self.coarse(at);
        let further = self.further.get(further as usize..).unwrap_or_default();
        join(&row, &self.fine[at], further, step, to);
    }

    /// Has the CPU load where the embeddings are, for a search that will come to them soon.
    pub(crate) fn fetch(&self) {
        fetch(self);
    }

    /// For each face, what is known of the nearest of these embeddings, those left out whose product with it is surely no more than
    /// `least`. The ones that are asked for next, `ahead`, are fetched meanwhile: people lie apart in memory, and the CPU does not
    /// guess where the next ones are.
    pub(crate) fn bounds(&self, ahead: Option<&Self>, faces: &[PackedFace], least: f32, best: &mut [Bounds]) {
        // One person's embeddings stay in the first-level cache from face to face.
        for (nth, (face, best)) in faces.iter().zip(best).enumerate() {
            *best = bounds(self, ahead.filter(|_| nth == 0), face, least);
        }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn bounds_anywhere(&self, ahead: Option<&Self>, face: &PackedFace, least: f32) -> Bounds {
        let (next_beginnings, next_ends) =
            ahead.map(|next| (&*next.beginnings, &*next.ends)).unwrap_or_default();
        let (is_limited, mut best) = (least.is_finite(), Bounds::NONE);
        for (at, (Beginning { half, scale }, end)) in self.beginnings.iter().zip(&self.ends).enumerate() {
            next_beginnings.get(at).into_iter().for_each(fetch);
            if !is_limited {
                next_ends.get(at).into_iter().for_each(fetch);
            }
            let sum = half.products(&face.numbers[0]);
            // The second halves add the product of their lengths at most.
            if is_limited && scale.product(sum) + scale.error + scale.rest * face.rest <= least {
                continue;
            }
            let about = scale.product(sum + end.products(&face.numbers[1]));
            if about + scale.error > least {
                best.least = best.least.max(about - scale.error);
                best.most = best.most.max(about + scale.error);
            }
        }
        best
    }
}

/// What a person's embeddings have besides their [`Beginnings`].
struct Rest {
    ends: Vec<Half>,
    fine: Vec<Fine>,
    further: Vec<u8>,
}

impl Rest {
    /// Of a person's embeddings, whose beginnings are appended to `all`.
    fn new(
        embeddings: impl ExactSizeIterator<Item = impl Deref<Target = [f32]>>,
        all: &mut Vec<Beginning>,
    ) -> Self {
        let count = embeddings.len();
        let (mut ends, mut fine) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut further = Vec::new();
        for values in embeddings {
            let begin = further.len() as u32;
            let mut numbers = [0.0; EMBEDDING_LEN];
            numbers.iter_mut().zip(values.iter()).for_each(|(to, from)| *to = *from);
            let (row, mut rests, step, error) = divide(&numbers);
            split_small(&numbers, &row, &mut rests, &mut further);
            let scale = Scale { step, error, rest: rest_of(&numbers), further: begin };
            let [half, end] = row.map(Half);
            all.push(Beginning { half, scale });
            ends.push(end);
            fine.push(Fine::of(&rests));
        }
        Self { ends, fine, further }
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
    fn bounds(packed: &Packed, ahead: Option<&Packed>, face: &PackedFace, least: f32) -> Bounds = Packed::bounds_anywhere;
    /// The coarse numbers of an embedding, what they leave open as if none were 0, the step, and how far a product may be off.
    fn divide(values: &[f32; EMBEDDING_LEN]) -> ([[i8; HALF_LEN]; 2], Rests, f32, f32) = divide_anywhere;
    /// Puts the numbers together again; `further` begins with what the small ones need.
    fn join(row: &[[i8; HALF_LEN]; 2], fine: &Fine, further: &[u8], step: f32, to: &mut [f32; EMBEDDING_LEN]) = join_anywhere;
}

impl Fine {
    fn of(rests: &Rests) -> Self {
        let (first, second) = rests.split_at(HALF_LEN);
        let mut fine = Self { low: [0; EMBEDDING_LEN], high: [0; HALF_LEN] };
        fine.low.iter_mut().zip(rests).for_each(|(low, rest)| *low = *rest as u16);
        for (high, (first, second)) in fine.high.iter_mut().zip(first.iter().zip(second)) {
            *high = ((first >> 16) & 15 | (second >> 16 & 15) << 4) as u8;
        }
        fine
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn rests(&self) -> Rests {
        let mut rests = [0; EMBEDDING_LEN];
        let (first, second) = rests.split_at_mut(HALF_LEN);
        for ((first, second), high) in first.iter_mut().zip(second).zip(&self.high) {
            (*first, *second) = (u32::from(high & 15) << 16, u32::from(high >> 4) << 16);
        }
        rests.iter_mut().zip(&self.low).for_each(|(rest, low)| *rest |= u32::from(*low));
        rests
    }
}

impl Places {
    /// Where the small numbers are. No branch: nobody can foretell which ones they are.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn of_small(row: &[[i8; HALF_LEN]; 2]) -> Self {
        let (mut places, mut count) = ([0; EMBEDDING_LEN], 0);
        for (at, q) in row.as_flattened().iter().enumerate() {
            places[count] = at as u16;
            count += usize::from(q.unsigned_abs() < SMALL);
        }
        Self { places, count }
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn iter(&self) -> impl Iterator<Item = usize> {
        self.places.iter().take(self.count).map(|at| usize::from(*at))
    }
}

impl Half {
    /// The sum of the products with the same half of a face. Over both halves it is, by Cauchy and Schwarz, at most 127 sqrt(512) x
    /// 16,384, which is 2^26, and some rounding.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn products(&self, face: &[i16; HALF_LEN]) -> i32 {
        let mut sums = [0; LANES];
        for (row, face) in self.0.as_chunks::<LANES>().0.iter().zip(face.as_chunks::<LANES>().0) {
            for (sum, (row, face)) in sums.iter_mut().zip(row.iter().zip(face)) {
                *sum += i32::from(i16::from(*row)) * i32::from(*face);
            }
        }
        sums.iter().sum()
    }
}

/// Has the CPU load it into its caches, and does not wait for that.
#[inline(always)]
#[allow(clippy::inline_always, reason = "a few instructions")]
fn fetch<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of::<T>()).step_by(CACHE_LINE) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint, which reads nothing and never fails; the address is within what a reference is to.
        #[allow(unsafe_code, reason = "there is no safe form")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(what).cast::<i8>().add(line));
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
fn divide_anywhere(values: &[f32; EMBEDDING_LEN]) -> ([[i8; HALF_LEN]; 2], Rests, f32, f32) {
    let step = values.iter().fold(0.0_f32, |most, value| most.max(value.abs())) / MOST;
    let mut halves = [[0; HALF_LEN]; 2];
    let row = halves.as_flattened_mut();
    let mut rests = [0; EMBEDDING_LEN];
    for (value, q) in values.iter().zip(row.iter_mut()) {
        *q = nearest_step(*value, step);
    }
    for (rest, (value, q)) in rests.iter_mut().zip(values.iter().zip(&*row)) {
        *rest = value.abs().to_bits().wrapping_sub(floor(*q, step));
    }
    let mut errors = [0.0_f32; 8];
    for (values, row) in values.as_chunks::<8>().0.iter().zip(row.as_chunks::<8>().0) {
        for ((error, value), q) in errors.iter_mut().zip(values).zip(row) {
            let off = value - step * f32::from(*q);
            *error += off * off;
        }
    }
    let error = errors.iter().sum::<f32>().sqrt() * 1.01 + ROUNDING;
    (halves, rests, step, error)
}

/// Appends what the small numbers need, beyond the [`USUAL_BITS`] of what is left open of them.
fn split_small(
    values: &[f32; EMBEDDING_LEN],
    row: &[[i8; HALF_LEN]; 2],
    rests: &mut Rests,
    further: &mut Vec<u8>,
) {
    let (mut tops, mut exponents, mut zeros) = ([0; HALF_LEN], [0; EMBEDDING_LEN], 0);
    let places = Places::of_small(row);
    for (nth, at) in places.iter().enumerate() {
        if row.as_flattened()[at] == 0 {
            let bits = values[at].to_bits();
            rests[at] = ((bits >> 31) << MANTISSA_BITS) | (bits & ((1 << MANTISSA_BITS) - 1));
            exponents[zeros] = (bits >> MANTISSA_BITS) as u8;
            zeros += 1;
        }
        tops[nth / 2] |= ((rests[at] >> USUAL_BITS) << (nth % 2 * 4)) as u8;
    }
    further.extend_from_slice(&tops[..places.count.div_ceil(2)]);
    further.extend_from_slice(&exponents[..zeros]);
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
fn join_anywhere(
    row: &[[i8; HALF_LEN]; 2],
    fine: &Fine,
    further: &[u8],
    step: f32,
    to: &mut [f32; EMBEDDING_LEN],
) {
    let (mut rests, places) = (fine.rests(), Places::of_small(row));
    let (tops, exponents) = further.split_at(places.count.div_ceil(2).min(further.len()));
    for (places, top) in places.places[..places.count].chunks(2).zip(tops) {
        for (at, top) in places.iter().zip([top & 15, top >> 4]) {
            rests[usize::from(*at)] |= u32::from(top) << USUAL_BITS;
        }
    }
    let flat = row.as_flattened();
    // First as if no coarse number were 0, which needs no branch, and then those that are.
    for (to, (q, rest)) in to.iter_mut().zip(flat.iter().zip(&rests)) {
        *to = joined(*q, *rest, step);
    }
    for (at, exponent) in places.iter().filter(|at| flat[*at] == 0).zip(exponents) {
        let (sign, mantissa) = (rests[at] >> MANTISSA_BITS, rests[at] & ((1 << MANTISSA_BITS) - 1));
        to[at] = f32::from_bits((sign << 31) | (u32::from(*exponent) << MANTISSA_BITS) | mantissa);
    }
}

/// The number, where `q` is not 0; else any.
fn joined(q: i8, rest: u32, step: f32) -> f32 {
    let sign = u32::from(q < 0) << 31;
    f32::from_bits(floor(q, step).wrapping_add(rest) | sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_one(embeddings: &[Vec<f32>]) -> Packed {
        let mut packed = Packed::of_people([embeddings.iter().map(Vec::as_slice)]);
        packed.pop().expect("one person")
    }

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
        let packed = of_one(&odd);
        assert_eq!(packed.len(), odd.len());
        for (at, values) in odd.iter().enumerate() {
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
            let mut found = [0.0; EMBEDDING_LEN];
            packed.copy_to(at, &mut found);
            assert_eq!(bits(&found), bits(values), "{at}");
            let numbers: &[f32; EMBEDDING_LEN] = values.as_slice().try_into().unwrap();
            assert_eq!(divide(numbers), divide_anywhere(numbers), "the same with each instruction set");
            let (row, scale) = packed.coarse(at);
            let further = &packed.further[scale.further as usize..];
            join_anywhere(&row, &packed.fine[at], further, scale.step, &mut found);
            assert_eq!(bits(&found), bits(values), "{at}");
        }
    }

    #[test]
    fn people_who_are_packed_together_are_searched_as_one_piece_of_memory() {
        let odd = odd();
        let (ada, bob) = odd.split_at(20);
        let packed = Packed::of_people([ada, bob].map(|own| own.iter().map(Vec::as_slice)));
        let [first, second] = packed.as_slice() else { panic!("expected two people") };
        assert_eq!((first.len(), second.len()), (20, odd.len() - 20));
        assert_eq!(first.beginnings.as_ptr_range().end, second.beginnings.as_ptr());
        for (at, values) in bob.iter().enumerate() {
            let mut found = [0.0; EMBEDDING_LEN];
            second.copy_to(at, &mut found);
            assert_eq!(found.as_slice(), values, "{at}");
        }
    }

    #[test]
    fn an_embedding_takes_a_tenth_less_than_its_floats() {
        let even: Vec<Vec<f32>> = odd().into_iter().skip(7).step_by(3).collect();
        let packed = of_one(&even);
        let bytes = size_of_val(&*packed.beginnings)
            + size_of_val(&*packed.ends)
            + size_of_val(&*packed.fine)
            + packed.further.len();
        let each = bytes / even.len();
        assert!(each < 1_950, "expected less than 1,950 bytes, found {each}");
    }

    /// All that a number can be whose coarse number is [`SMALL`] lies within [`USUAL_BITS`], for steps of all sizes.
    #[test]
    fn what_is_not_small_leaves_few_floats_open() {
        for size in (0..10_000).map(|at| 0.04 + at as f32 * 0.000_096) {
            let step = size / MOST;
            for value in [f32::from(SMALL) - 0.5, f32::from(SMALL) + 0.499_999].map(|steps| steps * step) {
                let q = nearest_step(value, step);
                let rest = value.to_bits().wrapping_sub(floor(q, step));
                assert!(q < SMALL as i8 || rest < 1 << USUAL_BITS, "{size} {value}: {rest}");
            }
        }
    }

    #[test]
    fn a_product_is_within_its_bounds() {
        let odd = odd();
        let mut left_out = 0;
        for (a, of) in odd.iter().enumerate() {
            let one = of_one(std::slice::from_ref(of));
            for (b, face) in odd.iter().enumerate() {
                let mut found = [Bounds::NONE];
                one.bounds(Some(&one), &[PackedFace::new(face)], f32::NEG_INFINITY, &mut found);
                let exact: f32 = of.iter().zip(face).map(|(a, b)| a * b).sum();
                let Bounds { least, most } = found[0];
                assert!(
                    (least..=most).contains(&exact) && most - least < 0.2,
                    "{a} {b}: {exact} {least} {most}"
                );
                let anywhere = one.bounds_anywhere(None, &PackedFace::new(face), f32::NEG_INFINITY);
                assert_eq!(found, [anywhere], "the same with each instruction set");
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
