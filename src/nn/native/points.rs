//! Winograd's minimal filtering: the weights of a 3x3 kernel at the points of a tile of 4x4 outputs. The transforms of maps are in
//! [`super::kernels`].

use super::conv::RawConv;
use super::kernels::{FAR, NEAR};

/// From the three weights of a kernel along an axis to its values at the points 0, ±[`NEAR`], ±[`FAR`] and infinity, by the
/// transform of Toom and Cook.
pub(crate) fn axis() -> [[f64; 3]; 6] {
    let (near, far) = (f64::from(NEAR), f64::from(FAR));
    let points = [0.0, near, -near, far, -far];
    let mut weights = [[0.0, 0.0, 1.0]; 6];
    for (index, &point) in points.iter().enumerate() {
        let others = points.iter().enumerate().filter(|(other, _)| *other != index);
        let scale: f64 = others.map(|(_, other)| point - other).product();
        weights[index] = [1.0 / scale, point / scale, point * point / scale];
    }
    weights
}

/// The weight from input channel `input` to output channel `output` at place `place` of the 3x3 kernel.
pub(crate) fn weight(raw: &RawConv, output: usize, input: usize, place: usize) -> f64 {
    f64::from(raw.weights[(output * raw.in_channels + input) * 9 + place])
}

/// The weights of one pair of channels at all points of a tile, row-major.
pub(crate) fn weights_at_points(
    raw: &RawConv,
    (output, input): (usize, usize),
    axis: &[[f64; 3]],
) -> Vec<f64> {
    let at = |x: usize, y: usize| weight(raw, output, input, 3 * y + x);
    let dot = |factors: &[f64; 3], values: [f64; 3]| -> f64 {
        factors.iter().zip(values).map(|(factor, value)| factor * value).sum()
    };
    let mut points = Vec::with_capacity(axis.len() * axis.len());
    for row in axis {
        let down = [0, 1, 2].map(|x| dot(row, [at(x, 0), at(x, 1), at(x, 2)]));
        points.extend(axis.iter().map(|column| dot(column, down)));
    }
    points
}
