//! Layers of P-Net on pairs of 16-bit integers, two rows at a time, by Winograd's minimal filtering along the columns: two
//! rows of a 3x3 convolution from four rows and four products where the direct sum takes six. Products are summed in 32
//! bits; sums wrap on the way, and the layer has chosen its scales such that the results do not.
//!
//! A row of a map is a list of planes; a plane holds two channels of each pixel, side by side. Vectors hold pixels, so the
//! layers with 10 channels fill them as well as those with 32.
#![allow(unsafe_code)] // vector loads and stores through pointers; `PairRows::check` has proven the bounds
#![allow(clippy::inline_always, reason = "inlined into callers that are compiled for one instruction set")]

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use super::Isa;
use super::Kernels;
#[cfg(not(target_arch = "x86_64"))]
use super::pair_lanes::Arrays;
use super::pair_lanes::Lanes;
#[cfg(target_arch = "x86_64")]
use super::pair_lanes::{Avx2, Vnni};
#[cfg(target_arch = "aarch64")]
use super::pair_lanes_128::Neon;
#[cfg(target_arch = "x86_64")]
use super::pair_lanes_128::Sse2;

/// Rows that are read for two rows of output; also the points of the transform along the columns.
pub(crate) const ROWS: usize = 4;
/// Lanes whose points are computed at a time: those of all planes stay in the L1 cache.
const BLOCK: usize = 64;
/// Lanes that are read past a block: a whole vector.
const PAST: usize = 16;
/// Largest number of planes of a map.
const PLANES: usize = 8;
/// Largest number of taps at a point.
const TAPS: usize = 3 * PLANES;
/// Integers of a plane of a block.
const BLOCK_PLANE: usize = 2 * (BLOCK + PAST);
/// Integers of all planes at one point.
const POINT: usize = PLANES * BLOCK_PLANE;
/// Vectors that share the weights in registers.
const VECTORS: usize = 2;

/// Integers of a plane of `lanes` lanes, with room for what is read and written past them.
pub(crate) fn plane_len(lanes: usize) -> usize {
    2 * (lanes.next_multiple_of(BLOCK) + PAST)
}

/// Where the taps of a layer lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PairLayout {
    /// RGB, two pixels a lane: red and green of even pixels, red and green of odd ones, blue of all. Taps: red and green of
    /// three pixels, then blue of the first two, then blue of the third and of one more, whose weight is zero.
    Rgb,
    /// As many planes of pairs of channels, a pixel a lane. Taps: planes of the first pixel, of the second, of the third.
    Channels(usize),
}

impl PairLayout {
    /// Number of taps at a point.
    pub(crate) fn taps(self) -> usize {
        match self {
            Self::Rgb => 5,
            Self::Channels(planes) => 3 * planes,
        }
    }

    /// Number of planes of a row.
    pub(crate) fn planes(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Channels(planes) => planes,
        }
    }

    /// Offsets of the taps in the points of a block, for two vectors: even and odd pixels of RGB, else adjacent ones.
    #[inline(always)]
    fn offsets(self, lanes: usize) -> [[usize; VECTORS]; TAPS] {
        let offset = |tap: usize, vector: usize| match self {
            Self::Rgb if tap < 3 => {
                let pixel = tap + vector;
                pixel % 2 * BLOCK_PLANE + pixel / 2 * 2
            }
            Self::Rgb => 2 * BLOCK_PLANE + vector + (tap - 3) * 2,
            Self::Channels(planes) => tap % planes * BLOCK_PLANE + (tap / planes + vector * lanes) * 2,
        };
        let taps = self.taps();
        std::array::from_fn(|tap| {
            std::array::from_fn(|vector| if tap < taps { offset(tap, vector) } else { 0 })
        })
    }
}

/// Weights of a layer.
#[derive(Debug)]
pub(crate) struct PairLayer {
    layout: PairLayout,
    /// For every two channels: the points 1 and 2, then 0 and 3; for each of these all taps; for each tap both channels; for
    /// each channel the pairs at both points.
    weights: Vec<i32>,
    bias: Vec<i32>,
    outputs: Vec<PairOutput>,
}

/// What becomes of the sums of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairOutput {
    /// Factor where they are not negative.
    pub(crate) positive: f32,
    /// Factor where they are negative.
    pub(crate) negative: f32,
    /// Is added to what is rounded to integers.
    pub(crate) offset: f32,
}

impl PairLayer {
    /// Packs the weights: `pair(channel, tap)` is the pair at each of the four points.
    pub(crate) fn new(
        layout: PairLayout,
        bias: Vec<i32>,
        outputs: Vec<PairOutput>,
        pair: impl Fn(usize, usize) -> [[i16; 2]; ROWS],
    ) -> Self {
        assert!(bias.len().is_multiple_of(2) && outputs.len() == bias.len(), "channels come in pairs");
        let mut weights = Vec::with_capacity(bias.len() * layout.taps() * ROWS);
        for channel in (0..bias.len()).step_by(2) {
            for points in [[1, 2], [0, 3]] {
                for tap in 0..layout.taps() {
                    for channel in [channel, channel + 1] {
                        let at_points = pair(channel, tap);
                        weights.extend(points.map(|point| {
                            let [low, high] = at_points[point].map(|weight| u32::from(weight as u16));
                            (low | high << 16) as i32
                        }));
                    }
                }
            }
        }
        Self { layout, weights, bias, outputs }
    }

    fn channels(&self) -> usize {
        self.bias.len()
    }
}

/// Four rows of a map, from which a layer computes two.
#[derive(Clone, Copy)]
pub(crate) struct PairRows<'a> {
    pub(crate) layer: &'a PairLayer,
    /// Each holds the planes of a row.
    pub(crate) rows: [&'a [i16]; ROWS],
    /// Lanes to compute.
    pub(crate) lanes: usize,
    /// Integers of a plane, at least [`plane_len`] of the lanes; also of those that are written.
    pub(crate) plane: usize,
}

impl PairRows<'_> {
    /// Checks that every access of the kernels is within its slice: they read and write whole blocks and [`PAST`] lanes past
    /// them. The `unsafe` code relies on it.
    ///
    /// # Panics
    /// When an access is out of bounds: a bug in the calling layer, independent of the photo.
    fn check(&self, planes_out: usize, out: &[usize]) {
        let layout = self.layer.layout;
        assert!(layout.planes() <= PLANES, "a block has at most {PLANES} planes");
        assert!(self.plane >= plane_len(self.lanes), "planes are too short for {} lanes", self.lanes);
        assert!(self.rows.iter().all(|row| row.len() >= layout.planes() * self.plane), "rows are too short");
        assert!(out.iter().all(|&len| len >= planes_out * self.plane), "rows of output are too short");
        assert_eq!(
            self.layer.weights.len(),
            self.layer.channels() * layout.taps() * ROWS,
            "weights are missing"
        );
    }
}

/// What of two rows of the first layer becomes a row of pooled pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pooled {
    /// Lanes whose odd pixel counts.
    pub(crate) odd: usize,
    /// Whether the lower row counts.
    pub(crate) lower: bool,
}

/// Points of a block.
#[repr(align(64))]
struct Points([i16; ROWS * POINT]);

/// Sums of `C` channels, [`VECTORS`] vectors of each, of two rows.
type Sums<L, const C: usize> = [[[<L as Lanes>::Sums; VECTORS]; C]; 2];
/// Totals of the same.
type Totals<L, const C: usize> = [[[<L as Lanes>::Totals; VECTORS]; C]; 2];

/// Transforms the planes of four rows from lane `first` on to points.
#[inline(always)]
unsafe fn transform<L: Lanes>(job: &PairRows<'_>, first: usize, lanes: usize, points: &mut Points) {
    for plane in 0..job.layer.layout.planes() {
        for lane in (0..lanes).step_by(L::COUNT) {
            // SAFETY: `check` has proven that rows hold `PAST` lanes past whole blocks, and so do `points`.
            unsafe {
                let source = plane * job.plane + 2 * (first + lane);
                let at = |row: usize| job.rows[row].as_ptr().wrapping_add(source);
                let d = [L::load(at(0)), L::load(at(1)), L::load(at(2)), L::load(at(3))];
                let to = points.0.as_mut_ptr().add(plane * BLOCK_PLANE + 2 * lane);
                L::store(L::sub_pairs(d[0], d[2]), to);
                L::store(L::add_pairs(d[1], d[2]), to.add(POINT));
                L::store(L::sub_pairs(d[2], d[1]), to.add(2 * POINT));
                L::store(L::sub_pairs(d[1], d[3]), to.add(3 * POINT));
            }
        }
    }
}

/// Adds the products at two points.
#[inline(always)]
unsafe fn add_products<L: Lanes, const C: usize>(
    sums: &mut Sums<L, C>,
    points: [*const i16; 2],
    offsets: &[[usize; VECTORS]],
    weights: *const i32,
    channels: usize,
) {
    for (tap, offsets) in offsets.iter().enumerate() {
        // SAFETY (this loop): the caller's pointers hold the points of a block, and the weights of `C` channels.
        unsafe {
            let mut values = [[L::splat(0); VECTORS]; 2];
            for (point, values) in points.into_iter().zip(&mut values) {
                for (value, offset) in values.iter_mut().zip(offsets) {
                    *value = L::load(point.add(*offset));
                }
            }
            let [firsts, seconds] = &mut *sums;
            for (c, (first, second)) in firsts.iter_mut().zip(seconds).enumerate() {
                let weights = weights.add(c / 2 * channels + (2 * tap + c % 2) * 2);
                let weights = [L::splat(*weights), L::splat(*weights.add(1))];
                for (sum, &value) in first.iter_mut().zip(&values[0]) {
                    *sum = L::dot(*sum, value, weights[0]);
                }
                for (sum, &value) in second.iter_mut().zip(&values[1]) {
                    *sum = L::dot(*sum, value, weights[1]);
                }
            }
        }
    }
}

/// Sums of `C` channels from `channel` on, of two rows.
#[inline(always)]
unsafe fn two_rows<L: Lanes, const C: usize>(
    layer: &PairLayer,
    points: &Points,
    lane: usize,
    offsets: &[[usize; VECTORS]],
    channel: usize,
) -> Totals<L, C> {
    // SAFETY: `check` has proven that all weights are there; points hold the lanes of a block and `PAST` more.
    unsafe {
        let point = |point: usize| points.0.as_ptr().add(point * POINT + 2 * lane);
        let stage = offsets.len() * ROWS; // weights of two channels at two points
        let weights = layer.weights.as_ptr().add(channel * stage);
        let zero = L::sums(0);
        let mut sums: Sums<L, C> = [[[zero; VECTORS]; C]; 2];
        for (c, sums) in sums[0].iter_mut().enumerate() {
            *sums = [L::sums(layer.bias[channel + c]); VECTORS];
        }
        add_products::<L, C>(&mut sums, [point(1), point(2)], offsets, weights, 2 * stage);
        let [plus, minus] = &mut sums;
        for (plus, minus) in plus.as_flattened_mut().iter_mut().zip(minus.as_flattened_mut()) {
            (*plus, *minus) = (L::add(*plus, *minus), L::sub(*plus, *minus));
        }
        add_products::<L, C>(&mut sums, [point(0), point(3)], offsets, weights.add(stage), 2 * stage);
        let mut totals: Totals<L, C> = [[[L::total(zero); VECTORS]; C]; 2];
        for (total, sum) in
            totals.as_flattened_mut().as_flattened_mut().iter_mut().zip(sums.as_flattened().as_flattened())
        {
            *total = L::total(*sum);
        }
        totals
    }
}

/// What becomes of the totals of channels from `channel` on at lanes from `lane` on.
trait Epilogue<L: Lanes> {
    unsafe fn take<const C: usize>(&mut self, channel: usize, lane: usize, sums: Totals<L, C>);
}

/// Computes a layer, `C` channels at a time.
#[inline(always)]
unsafe fn layer<L: Lanes, const C: usize>(job: &PairRows<'_>, step: usize, epilogue: &mut impl Epilogue<L>) {
    let mut points = Points([0; ROWS * POINT]);
    let offsets = job.layer.layout.offsets(L::COUNT);
    let offsets = &offsets[..job.layer.layout.taps()];
    let channels = job.layer.channels();
    for first in (0..job.lanes).step_by(BLOCK) {
        let lanes = (job.lanes - first).min(BLOCK).next_multiple_of(step);
        // SAFETY: the caller upholds the contract; blocks hold a multiple of `step`.
        unsafe {
            transform::<L>(job, first, lanes + L::COUNT, &mut points);
            let mut channel = 0;
            while channel + C <= channels {
                for lane in (0..lanes).step_by(step) {
                    let sums = two_rows::<L, C>(job.layer, &points, lane, offsets, channel);
                    epilogue.take::<C>(channel, first + lane, sums);
                }
                channel += C;
            }
            while channel < channels {
                for lane in (0..lanes).step_by(step) {
                    let sums = two_rows::<L, 2>(job.layer, &points, lane, offsets, channel);
                    epilogue.take::<2>(channel, first + lane, sums);
                }
                channel += 2;
            }
        }
    }
}

/// Max-pooling of even and odd pixels and of both rows, then the activation.
struct Pool<'a> {
    outputs: &'a [PairOutput],
    pooled: Pooled,
    out: &'a mut [i16],
    plane: usize,
}

impl<L: Lanes> Epilogue<L> for Pool<'_> {
    #[inline(always)]
    unsafe fn take<const C: usize>(&mut self, channel: usize, lane: usize, [upper, lower]: Totals<L, C>) {
        let odd = self.pooled.odd.saturating_sub(lane);
        // SAFETY: `check` has proven that `out` holds whole blocks of each plane.
        unsafe {
            let mut pooled = [L::scale(L::total(L::sums(0)), 0.0, 0.0); C];
            for (c, pooled) in pooled.iter_mut().enumerate() {
                let below = if self.pooled.lower { lower[c] } else { upper[c] };
                let most = [L::max(upper[c][0], below[0]), L::max(upper[c][1], below[1])];
                let least = [L::min(upper[c][0], below[0]), L::min(upper[c][1], below[1])];
                let most = L::max(most[0], L::first(odd, most[1], most[0]));
                let least = L::min(least[0], L::first(odd, least[1], least[0]));
                // A PReLU has its maximum over several sums at the largest or the smallest.
                let PairOutput { positive, negative, offset } = self.outputs[channel + c];
                let most = L::scale(most, positive, negative);
                let best = L::max_floats(most, L::scale(least, positive, negative));
                *pooled = L::shift(best, offset);
            }
            for (pair, channels) in pooled.as_chunks::<2>().0.iter().enumerate() {
                let plane = (channel / 2 + pair) * self.plane;
                let to = self.out.as_mut_ptr().add(plane + 2 * lane);
                L::store(L::round(channels[0], channels[1]), to);
            }
        }
    }
}

/// The activation.
struct Activate<'a> {
    outputs: &'a [PairOutput],
    out: [&'a mut [i16]; 2],
    plane: usize,
}

impl<L: Lanes> Epilogue<L> for Activate<'_> {
    #[inline(always)]
    unsafe fn take<const C: usize>(&mut self, channel: usize, lane: usize, sums: Totals<L, C>) {
        for (out, sums) in self.out.iter_mut().zip(sums) {
            for (pair, channels) in sums.as_chunks::<2>().0.iter().enumerate() {
                let plane = (channel / 2 + pair) * self.plane;
                let [low, high] = [0, 1].map(|c| self.outputs[channel + 2 * pair + c]);
                for (v, (&first, &second)) in channels[0].iter().zip(&channels[1]).enumerate() {
                    // SAFETY: `check` has proven that `out` holds whole blocks of each plane.
                    unsafe {
                        let to = out.as_mut_ptr().add(plane + 2 * (lane + v * L::COUNT));
                        let first = L::shift(L::scale(first, low.positive, low.negative), low.offset);
                        let second = L::shift(L::scale(second, high.positive, high.negative), high.offset);
                        L::store(L::round(first, second), to);
                    }
                }
            }
        }
    }
}

/// The activation, and a weighted sum over all channels.
struct WeightedSums<'a> {
    outputs: &'a [PairOutput],
    out: [&'a mut [f32]; 2],
}

impl<L: Lanes> Epilogue<L> for WeightedSums<'_> {
    #[inline(always)]
    unsafe fn take<const C: usize>(&mut self, channel: usize, lane: usize, sums: Totals<L, C>) {
        for (out, sums) in self.out.iter_mut().zip(sums) {
            for (c, sums) in sums.into_iter().enumerate() {
                let PairOutput { positive, negative, .. } = self.outputs[channel + c];
                for (v, sums) in sums.into_iter().enumerate() {
                    // SAFETY: the caller has proven that `out` holds whole blocks.
                    unsafe {
                        let to = out.as_mut_ptr().add(lane + v * L::COUNT);
                        L::accumulate(L::scale(sums, positive, negative), to);
                    }
                }
            }
        }
    }
}

/// Declares functions that compute a layer with one epilogue, for each instruction set.
macro_rules! versions {
    ($($name:ident, $epilogue:ident, $rgb:literal;)*) => {$(
        fn $name(kernels: Kernels, job: &PairRows<'_>, epilogue: &mut $epilogue<'_>) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2(job: &PairRows<'_>, epilogue: &mut $epilogue<'_>) {
                // SAFETY: the caller upholds the contract of this function.
                unsafe { layer::<Avx2, 2>(job, if $rgb { 8 } else { 16 }, epilogue) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
            unsafe fn vnni(job: &PairRows<'_>, epilogue: &mut $epilogue<'_>) {
                // SAFETY: the caller upholds the contract of this function.
                unsafe { layer::<Vnni, 4>(job, if $rgb { 16 } else { 32 }, epilogue) }
            }
            match kernels.isa() {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the CPU's features have been found; the caller has checked all bounds.
                _ if kernels.has_vnni() => unsafe { vnni(job, epilogue) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                Isa::Avx2 | Isa::Avx512 => unsafe { avx2(job, epilogue) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: every x86-64 CPU has SSE2; as above.
                _ => unsafe { layer::<Sse2, 2>(job, if $rgb { 4 } else { 8 }, epilogue) },
                #[cfg(target_arch = "aarch64")]
                // SAFETY: as above.
                Isa::Neon => unsafe { layer::<Neon, 2>(job, if $rgb { 4 } else { 8 }, epilogue) },
                #[cfg(not(target_arch = "x86_64"))]
                // SAFETY: as above.
                _ => unsafe { layer::<Arrays, 2>(job, if $rgb { 8 } else { 16 }, epilogue) },
            }
        }
    )*};
}

versions! {
    pool, Pool, true;
    activate, Activate, false;
    weighted_sums, WeightedSums, false;
}

impl Kernels {
    /// Computes two rows of the first layer, pools them with 2x2 pixels and applies the activation to that; `out` receives a row
    /// of planes.
    pub(crate) fn pool_pair_rows(self, job: &PairRows<'_>, pooled: Pooled, out: &mut [i16]) {
        job.check(job.layer.channels() / 2, &[out.len()]);
        assert!(job.layer.layout == PairLayout::Rgb, "pixels are pooled that lie in one lane");
        pool(self, job, &mut Pool { outputs: &job.layer.outputs, pooled, out, plane: job.plane });
    }

    /// Computes two rows of a layer and applies the activation.
    pub(crate) fn activate_pair_rows(self, job: &PairRows<'_>, out: [&mut [i16]; 2]) {
        job.check(job.layer.channels() / 2, &out.each_ref().map(|row| row.len()));
        assert!(job.layer.layout != PairLayout::Rgb, "one pixel a lane is written");
        activate(self, job, &mut Activate { outputs: &job.layer.outputs, out, plane: job.plane });
    }

    /// Computes two rows of a layer, applies the activation and adds up all channels with their weights, which are part of the
    /// factors; offsets are not used. `out` holds what they are added to, and half as many floats as a plane has integers.
    pub(crate) fn sum_pair_rows(self, job: &PairRows<'_>, out: [&mut [f32]; 2]) {
        job.check(0, &[]);
        assert!(job.layer.layout != PairLayout::Rgb, "one pixel a lane is written");
        assert!(out.iter().all(|row| 2 * row.len() >= job.plane), "rows of output are too short");
        weighted_sums(self, job, &mut WeightedSums { outputs: &job.layer.outputs, out });
    }
}
