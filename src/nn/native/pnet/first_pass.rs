//! The first pass: the "face" logit of all cells in 16-bit integers. Cells that it finds below the threshold by more than
//! a bound are left out; the second pass computes the others by direct sums of floats.
//!
//! The bound is [`SHARE`] of what all roundings could add up to in the worst way ([`super::bound`]): 0.52 of 33 for the P-Net
//! of the manifest. It is not proven, but hundreds of independent roundings do not add up like that. On 28 million cells, of
//! 869 photos and of noise, stripes, checkerboards, waves and saturated colours, the logits of the passes differ with a standard
//! deviation of 0.007, 0.010 on the worst photo, and by 0.049 at most: the bound is 50 standard deviations of the worst photo
//! and ten times the largest difference. `tests.rs` holds differences to half of the bound.

use super::super::kernels::{Kernels, PairLayer, PairLayout, PairRows, Pooled, ROWS};
use super::bound::worst_case;
use super::intervals::Layer;
use super::scaled::{PIXEL_SCALE, Scaled};
use super::sizes::{POOLED, SECOND, THIRD};

/// Of the difference that all roundings could make in the worst case, the part that is allowed for.
const SHARE: f64 = 1.0 / 64.0;

/// Weights of the first pass.
#[derive(Debug)]
pub(super) struct FirstPass {
    first: PairLayer,
    second: PairLayer,
    third: PairLayer,
    score_bias: f32,
    /// Largest difference from the logit of the second pass.
    pub(super) bound: f32,
}

/// Input channel and column of both halves of a tap of RGB.
fn rgb(tap: usize) -> [Option<(usize, usize)>; 2] {
    match tap {
        0..3 => [Some((0, tap)), Some((1, tap))],
        3 => [Some((2, 0)), Some((2, 1))],
        _ => [Some((2, 2)), None],
    }
}

/// Input channel and column of both halves of a tap of `planes` planes.
fn channels(planes: usize) -> impl Fn(usize) -> [Option<(usize, usize)>; 2] {
    move |tap| [0, 1].map(|half| Some((tap % planes * 2 + half, tap / planes)))
}

/// The three layers with the scales that follow from the weights.
pub(super) fn scaled_layers<'a>(first: &'a Layer, second: &'a Layer, third: &'a Layer) -> [Scaled<'a>; 3] {
    let first = Scaled::on_pixels(first);
    let second = Scaled::after(second, &first);
    let third = Scaled::after(third, &second);
    [first, second, third]
}

impl FirstPass {
    pub(super) fn new(
        first: &Layer,
        second: &Layer,
        third: &Layer,
        score: &[f32; THIRD],
        score_bias: f32,
    ) -> Self {
        let layers = scaled_layers(first, second, third);
        let bound = (SHARE * worst_case(&layers, score)) as f32;
        let [first, second, third] = layers;
        let heads: Vec<(f64, f64)> = score.iter().map(|&weight| (f64::from(weight), 0.0)).collect();
        Self {
            first: first.pack(PairLayout::Rgb, &second.input_scales(), rgb),
            second: second.pack(
                PairLayout::Channels(POOLED / 2),
                &third.input_scales(),
                channels(POOLED / 2),
            ),
            third: third.pack(PairLayout::Channels(SECOND / 2), &heads, channels(SECOND / 2)),
            score_bias,
            bound,
        }
    }

    /// Splits a row of the level into planes.
    pub(super) fn split(kernels: Kernels, row: &[f32], plane: usize, out: &mut [i16]) {
        kernels.split_rgb(row, PIXEL_SCALE as f32, plane, out);
    }

    /// Computes a row of `width` pooled pixels from four rows of the level.
    pub(super) fn pooled_row(
        &self,
        kernels: Kernels,
        rows: [&[i16]; ROWS],
        (width, plane): (usize, usize),
        pooled: Pooled,
        out: &mut [i16],
    ) {
        kernels.pool_pair_rows(&PairRows { layer: &self.first, rows, lanes: width, plane }, pooled, out);
    }

    /// Computes two rows of `width` pixels of the second layer from four pooled rows.
    pub(super) fn second_rows(
        &self,
        kernels: Kernels,
        rows: [&[i16]; ROWS],
        (width, plane): (usize, usize),
        out: [&mut [i16]; 2],
    ) {
        kernels.activate_pair_rows(&PairRows { layer: &self.second, rows, lanes: width, plane }, out);
    }

    /// Computes the logits of two rows of `width` cells from four rows of the second layer.
    pub(super) fn logits(
        &self,
        kernels: Kernels,
        rows: [&[i16]; ROWS],
        (width, plane): (usize, usize),
        [upper, lower]: [&mut [f32]; 2],
    ) {
        upper.fill(self.score_bias);
        lower.fill(self.score_bias);
        let job = PairRows { layer: &self.third, rows, lanes: width, plane };
        kernels.sum_pair_rows(&job, [upper, lower]);
    }
}
