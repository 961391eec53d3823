//! Winograd's minimal filtering along one axis: the points at which polynomials are evaluated, the matrices that follow
//! from them, and the weights of a 3x3 kernel at the points of a tile. The transforms of maps are in
//! [`super::kernels`].

use super::conv::RawConv;
use super::kernels::{FAR, NEAR};

/// Roundings of a transform from inputs to points, along an axis with two outputs and one with four.
const INPUT_ROUNDINGS: [f64; 2] = [1.0, 4.0];
/// Roundings of a transform from products to outputs, along an axis with two outputs and one with four.
const OUTPUT_ROUNDINGS: [f64; 2] = [2.0, 5.0];

/// Matrices of Winograd's transform along one axis, as lists of rows: from 3 weights to points, from inputs to
/// points, and from points to outputs.
pub(crate) struct Axis {
    pub(crate) weights: Vec<[f64; 3]>,
    pub(crate) inputs: Vec<Vec<f64>>,
    pub(crate) outputs: Vec<Vec<f64>>,
    /// Roundings from inputs to a point.
    pub(crate) input_roundings: f64,
    /// Roundings from products to an output.
    pub(crate) output_roundings: f64,
}

impl Axis {
    /// Two outputs: points 0, 1, -1, infinity.
    pub(crate) fn two() -> Self {
        Self::at(&[0.0, 1.0, -1.0], 0)
    }

    /// Four outputs: points 0, ±[`NEAR`], ±[`FAR`], infinity.
    pub(crate) fn four() -> Self {
        let (near, far) = (f64::from(NEAR), f64::from(FAR));
        Self::at(&[0.0, near, -near, far, -far], 1)
    }

    /// The transform of Toom and Cook at the finite points and infinity. All numbers here are short binary fractions
    /// but those of the weights.
    fn at(points: &[f64], kind: usize) -> Self {
        let count = points.len() + 1;
        let others = |p: usize| points.iter().enumerate().filter(move |(q, _)| *q != p).map(|(_, q)| *q);
        let mut weights: Vec<[f64; 3]> = Vec::new();
        let mut inputs = Vec::new();
        for (index, &point) in points.iter().enumerate() {
            let scale: f64 = others(index).map(|other| point - other).product();
            weights.push([1.0 / scale, point / scale, point * point / scale]);
            inputs.push(monic(others(index), count));
        }
        weights.push([0.0, 0.0, 1.0]);
        inputs.push(monic(points.iter().copied(), count));
        let output = |power: usize| -> Vec<f64> {
            let infinity = f64::from(u8::from(power == count - 3));
            points.iter().map(|point| point.powi(power as i32)).chain([infinity]).collect()
        };
        let outputs = (0..count - 2).map(output).collect();
        let (input_roundings, output_roundings) = (INPUT_ROUNDINGS[kind], OUTPUT_ROUNDINGS[kind]);
        Self { weights, inputs, outputs, input_roundings, output_roundings }
    }
}

/// Coefficients, lowest first, of the polynomial with these roots and the leading coefficient 1.
fn monic(roots: impl Iterator<Item = f64>, count: usize) -> Vec<f64> {
    let mut product = vec![0.0; count];
    product[0] = 1.0;
    for root in roots {
        for power in (0..count).rev() {
            let below = if power > 0 { product[power - 1] } else { 0.0 };
            product[power] = below - root * product[power];
        }
    }
    product
}

/// The weight from input channel `input` to output channel `output` at place `place` of the 3x3 kernel.
pub(crate) fn weight(raw: &RawConv, output: usize, input: usize, place: usize) -> f64 {
    f64::from(raw.weights[(output * raw.in_channels + input) * 9 + place])
}

/// The weights of one pair of channels at all points of a tile, row-major.
pub(crate) fn weights_at_points(
    raw: &RawConv,
    (output, input): (usize, usize),
    rows: &Axis,
    columns: &Axis,
) -> Vec<f64> {
    let at = |x: usize, y: usize| weight(raw, output, input, 3 * y + x);
    let dot = |factors: &[f64; 3], values: [f64; 3]| -> f64 {
        factors.iter().zip(values).map(|(factor, value)| factor * value).sum()
    };
    let mut points = Vec::with_capacity(rows.weights.len() * columns.weights.len());
    for row in &rows.weights {
        let down = [0, 1, 2].map(|x| dot(row, [at(x, 0), at(x, 1), at(x, 2)]));
        points.extend(columns.weights.iter().map(|column| dot(column, down)));
    }
    points
}
