//! Winograd's transforms: all versions give the same results, and a convolution by them is near the plain sums.

use crate::checker::Checker;
use crate::native::kernels::{BiasPRelu, FAR, Kernels, NEAR, POINTS_2X2, POINTS_2X4, POINTS_4X4, TileOutput};
use crate::noise::noise;

pub(crate) fn check(checker: &mut Checker) {
    points_of_16(checker);
    outputs_of_16(checker);
    for tiles in [1, 3, 14] {
        points(checker, tiles);
        outputs(checker, tiles);
        let case = Case::new(tiles);
        let expected = case.expected();
        checker.near(&format!("convolution by {tiles} tiles of 2x4"), &expected, |kernels| case.run(kernels));
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

/// Output channels of [`Case`]; channel `c` has a kernel of 3x3 weights on input channel `c % 16`.
const CHANNELS: usize = 32;

/// Rows of pixels, the kernels that filter them, and what becomes of the results.
struct Case {
    tiles: usize,
    rows: Vec<Vec<f32>>,
    filters: Vec<f32>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
    heads: Vec<f32>,
}

impl Case {
    fn new(tiles: usize) -> Self {
        Self {
            tiles,
            rows: (0..4).map(|row| noise(row + 11, (4 * tiles + 2) * 16)).collect(),
            filters: noise(15, 9 * CHANNELS).iter().map(|weight| weight / 3.0).collect(),
            bias: noise(16, CHANNELS),
            slopes: noise(17, CHANNELS),
            heads: noise(18, CHANNELS).iter().map(|weight| weight / 3.0).collect(),
        }
    }

    /// By way of the points, at which the products are taken here.
    fn run(&self, kernels: Kernels) -> Vec<f32> {
        let tiles = self.tiles;
        let mut points = vec![0.0; POINTS_2X4 * tiles * 16];
        kernels.winograd_points_2x4(std::array::from_fn(|row| &self.rows[row][..]), tiles, &mut points);
        let (down, across) = (axis(&[0.0, 1.0, -1.0]), axis(&[0.0, NEAR, -NEAR, FAR, -FAR]));
        let mut products = vec![0.0; POINTS_2X4 * tiles * CHANNELS];
        for (index, product) in products.iter_mut().enumerate() {
            let (place, channel) = (index / CHANNELS, index % CHANNELS);
            let (y, x) = (place / tiles / across.len(), place / tiles % across.len());
            let weight: f64 = (0..9)
                .map(|tap| down[y][tap / 3] * across[x][tap % 3] * f64::from(self.filters[9 * channel + tap]))
                .sum();
            *product = points[place * 16 + channel % 16] * weight as f32;
        }
        let after = BiasPRelu { bias: &self.bias, slopes: &self.slopes };
        let heads: &[f32; CHANNELS] = self.heads.first_chunk().expect("32 weights");
        let (mut upper, mut lower) = (vec![0.0; 4 * tiles], vec![0.0; 4 * tiles]);
        kernels.winograd_dots_2x4(&products, tiles, after, heads, [&mut upper, &mut lower]);
        [upper, lower].concat()
    }

    /// The same by plain sums.
    fn expected(&self) -> Vec<f64> {
        let outputs = (0..2).flat_map(|y| (0..4 * self.tiles).map(move |x| (y, x)));
        outputs.map(|place| (0..CHANNELS).map(|channel| self.product(place, channel)).sum()).collect()
    }

    fn product(&self, (y, x): (usize, usize), channel: usize) -> f64 {
        let mut sum = f64::from(self.bias[channel]);
        for tap in 0..9 {
            let pixel = self.rows[y + tap / 3][(x + tap % 3) * 16 + channel % 16];
            sum += f64::from(pixel) * f64::from(self.filters[9 * channel + tap]);
        }
        let slope = if sum < 0.0 { f64::from(self.slopes[channel]) } else { 1.0 };
        sum * slope * f64::from(self.heads[channel])
    }
}

/// From the three weights of a kernel to its values at these points and infinity, each divided by the product of the
/// point's distances from the others.
fn axis(points: &[f32]) -> Vec<[f64; 3]> {
    let value = |(index, &point): (usize, &f32)| {
        let others = points.iter().enumerate().filter(|(other, _)| *other != index);
        let scale: f64 = others.map(|(_, &other)| f64::from(point - other)).product();
        let point = f64::from(point);
        [1.0 / scale, point / scale, point * point / scale]
    };
    points.iter().enumerate().map(value).chain([[0.0, 0.0, 1.0]]).collect()
}
