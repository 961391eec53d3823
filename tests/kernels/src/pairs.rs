//! Layers on pairs of 16-bit integers: all versions give the same results, and those of plain sums.

use crate::checker::Checker;
use crate::native::kernels::{
    CHANNELS, Kernels, PairLayer, PairLayout, PairOutput, PairRows, Pooled, ROWS, plane_len,
};
use crate::noise::noise;

/// Output channels: groups of every size.
const OUTPUTS: usize = 10;

pub(crate) fn check(checker: &mut Checker) {
    splitting(checker);
    // A part of a vector, some vectors, and more than a block.
    for width in [5, 37, 133] {
        for (odd, lower) in [(width, true), (width - 1, true), (width, false), (width - 1, false)] {
            pooling(checker, &Case::new(CHANNELS, width), Pooled { odd, lower });
        }
        for channels in [10, 16] {
            activating(checker, &Case::new(channels, width));
            adding(checker, &Case::new(channels, width));
        }
    }
}

fn splitting(checker: &mut Checker) {
    let row = noise(3, 62 * CHANNELS);
    checker.same("planes of RGB", |kernels| {
        let mut out = vec![0i16; 3 * plane_len(31)];
        kernels.split_rgb(&row, 16384.0, plane_len(31), &mut out);
        out
    });
}

/// Four rows of pixels, and 3x3 kernels whose weights at the points are whole.
struct Case {
    channels: usize,
    width: usize,
    rows: Vec<Vec<i16>>,
    layer: PairLayer,
    weights: Vec<i32>,
    bias: Vec<i32>,
    outputs: Vec<PairOutput>,
}

impl Case {
    fn new(channels: usize, width: usize) -> Self {
        let whole = |seed: u32, len: usize, most: f32| {
            noise(seed, len).into_iter().map(move |value| (value * most) as i32)
        };
        let weights: Vec<i32> = whole(1, OUTPUTS * channels * 9, 900.0).map(|weight| 2 * weight).collect();
        let bias: Vec<i32> = whole(2, OUTPUTS, 1e6).collect();
        let slopes = noise(4, OUTPUTS);
        let output = |(i, slope): (usize, &f32)| PairOutput {
            positive: 1e-5,
            negative: slope * 1.5e-5,
            offset: i as f32,
        };
        let outputs: Vec<PairOutput> = slopes.iter().enumerate().map(output).collect();
        let layout = if channels == CHANNELS { PairLayout::Rgb } else { PairLayout::Channels(channels / 2) };
        let weight = |output: usize, (channel, x): (usize, usize)| -> [i16; ROWS] {
            let [a, b, c] = [0, 1, 2].map(|y| weights[(output * channels + channel) * 9 + 3 * y + x]);
            [a, i32::midpoint(a + c, b), i32::midpoint(a + c, -b), -c].map(|weight| weight as i16)
        };
        let layer = PairLayer::new(layout, bias.clone(), outputs.clone(), |output, tap| {
            let halves = halves(layout, tap).map(|half| half.map_or([0; ROWS], |half| weight(output, half)));
            std::array::from_fn(|point| halves.map(|half| half[point]))
        });
        let mut case = Self { channels, width, rows: Vec::new(), layer, weights, bias, outputs };
        for row in 0..ROWS as u32 {
            let mut planes = vec![0i16; layout.planes() * case.plane()];
            for (index, value) in whole(row + 10, case.pixels() * channels, 16000.0).enumerate() {
                planes[case.place(index / channels, index % channels)] = value as i16;
            }
            case.rows.push(planes);
        }
        case
    }

    /// Pixels of a row of input.
    fn pixels(&self) -> usize {
        if self.channels == CHANNELS { 2 * self.width + 2 } else { self.width + 2 }
    }

    fn plane(&self) -> usize {
        plane_len(self.width)
    }

    /// Where a channel of a pixel lies in its row.
    fn place(&self, x: usize, channel: usize) -> usize {
        match channel {
            2 if self.channels == CHANNELS => 2 * self.plane() + x,
            _ if self.channels == CHANNELS => x % 2 * self.plane() + x / 2 * 2 + channel,
            _ => channel / 2 * self.plane() + 2 * x + channel % 2,
        }
    }

    fn job(&self) -> PairRows<'_> {
        let rows = std::array::from_fn(|row| &self.rows[row][..]);
        PairRows { layer: &self.layer, rows, lanes: self.width, plane: self.plane() }
    }

    /// The activation of a plain sum, without the offset.
    fn output(&self, y: usize, x: usize, output: usize) -> f32 {
        let mut sum = i64::from(self.bias[output]);
        for channel in 0..self.channels {
            for tap in 0..9 {
                let pixel = self.rows[y + tap / 3][self.place(x + tap % 3, channel)];
                let weight = self.weights[(output * self.channels + channel) * 9 + tap];
                sum += i64::from(pixel) * i64::from(weight);
            }
        }
        let PairOutput { positive, negative, .. } = self.outputs[output];
        i32::try_from(sum).expect("32 bits") as f32 * if sum < 0 { negative } else { positive }
    }
}

/// Channel and column of both halves of a tap.
fn halves(layout: PairLayout, tap: usize) -> [Option<(usize, usize)>; 2] {
    match (layout, tap) {
        (PairLayout::Rgb, 0..3) => [Some((0, tap)), Some((1, tap))],
        (PairLayout::Rgb, 3) => [Some((2, 0)), Some((2, 1))],
        (PairLayout::Rgb, _) => [Some((2, 2)), None],
        (PairLayout::Channels(planes), _) => [0, 1].map(|half| Some((tap % planes * 2 + half, tap / planes))),
    }
}

/// The values of `width` pixels of ten channels in planes.
fn pixels(planes: &[i16], plane: usize, width: usize) -> Vec<i16> {
    let places = (0..width).flat_map(|x| (0..OUTPUTS).map(move |c| c / 2 * plane + 2 * x + c % 2));
    places.map(|place| planes[place]).collect()
}

fn rounded(values: impl Iterator<Item = f32>) -> Vec<f64> {
    values.map(|value| f64::from(value.round_ties_even())).collect()
}

fn pooling(checker: &mut Checker, case: &Case, pooled: Pooled) {
    let run = |kernels: Kernels| {
        let mut out = vec![0i16; OUTPUTS / 2 * case.plane()];
        kernels.pool_pair_rows(&case.job(), pooled, &mut out);
        pixels(&out, case.plane(), case.width)
    };
    let best = |x: usize, output: usize| {
        let columns = 2 * x..2 * x + 1 + usize::from(x < pooled.odd);
        let rows = 0..1 + usize::from(pooled.lower);
        let values = rows.flat_map(|y| columns.clone().map(move |x| case.output(y, x, output)));
        values.fold(f32::NEG_INFINITY, f32::max)
    };
    let places = (0..case.width).flat_map(|x| (0..OUTPUTS).map(move |output| (x, output)));
    let expected = rounded(places.map(|(x, output)| best(x, output) + case.outputs[output].offset));
    let what = format!("pooling of {} lanes, {pooled:?}", case.width);
    checker.same(&what, run);
    checker.near(&what, &expected, |kernels| run(kernels).into_iter().map(f32::from).collect());
}

fn activating(checker: &mut Checker, case: &Case) {
    let run = |kernels: Kernels| {
        let mut out = [0, 1].map(|_| vec![0i16; OUTPUTS / 2 * case.plane()]);
        let [upper, lower] = &mut out;
        kernels.activate_pair_rows(&case.job(), [upper, lower]);
        out.map(|row| pixels(&row, case.plane(), case.width)).concat()
    };
    let rows = (0..2).flat_map(|y| (0..case.width).map(move |x| (y, x)));
    let places = rows.flat_map(|(y, x)| (0..OUTPUTS).map(move |output| (y, x, output)));
    let expected =
        rounded(places.map(|(y, x, output)| case.output(y, x, output) + case.outputs[output].offset));
    let what = format!("activation of {} lanes, {} channels", case.width, case.channels);
    checker.same(&what, run);
    checker.near(&what, &expected, |kernels| run(kernels).into_iter().map(f32::from).collect());
}

fn adding(checker: &mut Checker, case: &Case) {
    let run = |kernels: Kernels| {
        let mut out = [0.5, -0.5].map(|bias| vec![bias; case.plane() / 2]);
        let [upper, lower] = &mut out;
        kernels.sum_pair_rows(&case.job(), [upper, lower]);
        out.map(|row| row[..case.width].to_vec()).concat()
    };
    let rows = [0.5, -0.5].into_iter().enumerate();
    let places = rows.flat_map(|(y, bias)| (0..case.width).map(move |x| (y, x, bias)));
    let sum =
        |y: usize, x: usize| (0..OUTPUTS).map(|output| f64::from(case.output(y, x, output))).sum::<f64>();
    let expected: Vec<f64> = places.map(|(y, x, bias)| bias + sum(y, x)).collect();
    let what = format!("weighted sums of {} lanes, {} channels", case.width, case.channels);
    checker.same(&what, run);
    checker.near(&what, &expected, run);
}
