//! Winograd's transforms: all versions give the same results.

use crate::checker::{Checker, noise};
use crate::native::kernels::{BiasPRelu, POINTS_2X2, POINTS_2X4};

pub(crate) fn check(checker: &mut Checker) {
    for tiles in [1, 3, 14] {
        points(checker, tiles);
        outputs(checker, tiles);
    }
}

fn points(checker: &mut Checker, tiles: usize) {
    let rows: Vec<Vec<f32>> = (0..4).map(|row| noise(row + 1, (4 * tiles + 6) * 16)).collect();
    let rows: [&[f32]; 4] = std::array::from_fn(|row| &rows[row][..]);
    for stride in [10, 16] {
        checker.same(&format!("points of {tiles} tiles of 2x2, {stride} channels"), |kernels| {
            let mut points = vec![0.0; POINTS_2X2 * tiles * 16];
            kernels.winograd_points_2x2(rows, stride, tiles, &mut points);
            points
        });
    }
    checker.same(&format!("points of {tiles} tiles of 2x4"), |kernels| {
        let mut points = vec![0.0; POINTS_2X4 * tiles * 16];
        kernels.winograd_points_2x4(rows, tiles, &mut points);
        points
    });
}

fn outputs(checker: &mut Checker, tiles: usize) {
    let products = noise(5, POINTS_2X4 * tiles * 32);
    let (bias, slopes, weights) = (noise(6, 32), noise(7, 32), noise(8, 32));
    let after = BiasPRelu { bias: &bias, slopes: &slopes };
    let weights: &[f32; 32] = weights.first_chunk().expect("32 weights");
    checker.same(&format!("outputs of {tiles} tiles of 2x2"), |kernels| {
        let (mut upper, mut lower) = (vec![0.0; 2 * tiles * 16], vec![0.0; 2 * tiles * 16]);
        kernels.winograd_outputs_2x2(&products, tiles, after, [&mut upper, &mut lower]);
        [upper, lower].concat()
    });
    checker.same(&format!("logits of {tiles} tiles of 2x4"), |kernels| {
        let (mut upper, mut lower) = (vec![0.0; 4 * tiles], vec![0.0; 4 * tiles]);
        kernels.winograd_dots_2x4(&products, tiles, after, weights, [&mut upper, &mut lower]);
        [upper, lower].concat()
    });
}
