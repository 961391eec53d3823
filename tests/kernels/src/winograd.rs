//! Winograd's transforms: all versions give the same results. The layers by them are held to plain sums in [`super::layers`].

use crate::checker::Checker;
use crate::native::kernels::{POINTS_4X4, TileOutput};
use crate::noise::noise;

pub(crate) fn check(checker: &mut Checker) {
    points_of_16(checker);
    outputs_of_16(checker);
}

/// Points of a tile of 4x4 outputs, the second of three.
fn points_of_16(checker: &mut Checker) {
    for channels in [16, 48] {
        let pixels: Vec<Vec<f32>> = (0..36).map(|pixel| noise(pixel + 21, channels)).collect();
        let pixels: [&[f32]; POINTS_4X4] = std::array::from_fn(|pixel| &pixels[pixel][..]);
        checker.same(&format!("points of a tile of 4x4, {channels} channels"), |kernels| {
            let mut points = vec![0.0; POINTS_4X4 * channels * 3];
            kernels.winograd_points_4x4(&pixels, channels, 3, &mut points[16..]);
            points
        });
    }
}

/// Outputs of a whole tile of 4x4, and of tiles that reach over the edge of a map.
fn outputs_of_16(checker: &mut Checker) {
    for (channels, height, width) in [(16, 4, 4), (32, 4, 4), (32, 1, 3), (32, 2, 1)] {
        let (products, bias) = (noise(61, POINTS_4X4 * 3 * channels), noise(62, channels));
        checker.same(&format!("outputs of a tile of {height}x{width}, {channels} channels"), |kernels| {
            let (stride, row_stride) = (channels + 16, 5 * (channels + 16));
            let mut data = vec![7.0; 4 * row_stride];
            let out = TileOutput { data: &mut data, row_stride, stride, height, width };
            kernels.winograd_outputs_4x4(&products, 3 * channels, &bias, out);
            data
        });
    }
}
