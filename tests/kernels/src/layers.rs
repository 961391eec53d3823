//! Convolutions and dense layers of the networks, on small maps: of floats against plain sums, of integers bit for bit.

use crate::checker::Checker;
use crate::native::conv::{Conv, LayerActivation, RawConv, Residual, Target};
use crate::native::kernels::{ConvParams, Kernels, Maps, SourceLayout};
use crate::native::quantised::{IntegerConv, IntegerMaps};
use crate::native::winograd::WinogradConv;
use crate::noise::noise;

/// Maps of a batch.
const BATCH: usize = 2;
/// Floats past the end of a map that a tile in place may read.
const SLACK: usize = 512;

/// A layer's input and output channels, kernel height and width, stride, and whether it is padded; then height and width
/// of the map.
type Shape = (usize, usize, (usize, usize), usize, bool, (usize, usize));

/// R-Net and O-Net after their first layers, and `FaceNet`: each kind of layer, on the smallest maps that fill a tile.
const LAYERS: [Shape; 26] = [
    (48, 64, (2, 2), 1, false, (4, 4)),
    (64, 128, (3, 3), 1, false, (3, 3)),
    (128, 6, (1, 1), 1, false, (1, 1)),
    (32, 64, (3, 3), 1, false, (7, 6)),
    (64, 64, (3, 3), 1, false, (5, 5)),
    (64, 128, (2, 2), 1, false, (4, 4)),
    (128, 256, (3, 3), 1, false, (3, 3)),
    (256, 16, (1, 1), 1, false, (1, 1)),
    (32, 32, (3, 3), 1, false, (7, 6)),
    (32, 64, (3, 3), 1, true, (5, 7)),
    (64, 80, (1, 1), 1, false, (5, 7)),
    (80, 192, (3, 3), 1, false, (5, 4)),
    (192, 256, (3, 3), 2, false, (5, 5)),
    (256, 32, (1, 1), 1, false, (5, 5)),
    (96, 256, (1, 1), 1, false, (5, 5)),
    (256, 384, (3, 3), 2, false, (3, 3)),
    (192, 192, (3, 3), 1, true, (3, 3)),
    (896, 128, (1, 1), 1, false, (3, 4)),
    (128, 128, (1, 7), 1, true, (2, 8)),
    (128, 128, (7, 1), 1, true, (8, 2)),
    (256, 896, (1, 1), 1, false, (3, 3)),
    (896, 256, (3, 3), 2, false, (3, 3)),
    (192, 192, (1, 3), 1, true, (3, 3)),
    (192, 192, (3, 1), 1, true, (3, 3)),
    (384, 1792, (1, 1), 1, false, (3, 3)),
    (1792, 512, (1, 1), 1, false, (1, 1)),
];

/// Layers whose rows are read in place.
const IN_PLACE: [(SourceLayout, Shape); 6] = [
    (SourceLayout::Rgb, (3, 10, (3, 3), 1, false, (4, 31))),
    (SourceLayout::Rgb, (3, 28, (3, 3), 1, false, (4, 24))),
    (SourceLayout::RgbStride2, (3, 32, (3, 3), 2, false, (5, 63))),
    (SourceLayout::Channels10, (10, 16, (3, 3), 1, false, (4, 29))),
    (SourceLayout::Channels16, (16, 32, (3, 3), 1, false, (4, 27))),
    (SourceLayout::Channels28, (28, 48, (3, 3), 1, false, (4, 11))),
];

/// Layers by Winograd's minimal filtering: whole tiles, and maps that end within one.
const FILTERED: [Shape; 5] = [
    (32, 32, (3, 3), 1, false, (10, 14)),
    (32, 64, (3, 3), 1, true, (9, 77)),
    (80, 192, (3, 3), 1, false, (6, 7)),
    (192, 48, (3, 3), 1, true, (3, 17)),
    (16, 10, (3, 3), 1, true, (13, 6)),
];

/// A layer of random weights and its random input.
struct Case {
    raw: RawConv,
    height: usize,
    width: usize,
    data: Vec<f32>,
    activation: LayerActivation,
    residual: Option<Vec<f32>>,
}

pub(crate) fn check(checker: &mut Checker) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().expect("three threads");
    for (index, shape) in LAYERS.into_iter().enumerate() {
        let case = Case::new(index, BATCH, shape);
        let expected = case.expected(BATCH);
        checker.near(&format!("layer {shape:?}"), &expected, |kernels| {
            let found = case.floats(kernels, false);
            assert!(pool.install(|| case.floats(kernels, true)) == found, "threads change {shape:?}");
            found
        });
        let integers = |kernels: Kernels| {
            let found = case.integers(kernels, false);
            assert!(pool.install(|| case.integers(kernels, true)) == found, "threads change {shape:?}");
            found
        };
        checker.same(&format!("layer of integers {shape:?}"), integers);
        checker.within(&format!("layer of integers {shape:?}"), &expected, |_| case.step(), integers);
    }
    for (index, shape) in FILTERED.into_iter().enumerate() {
        let case = Case::rectified(100 + index, shape);
        checker.near(&format!("minimal filtering {shape:?}"), &case.expected(BATCH), |kernels| {
            let found = case.filtered(kernels, false);
            assert!(pool.install(|| case.filtered(kernels, true)) == found, "threads change {shape:?}");
            found
        });
    }
    for (index, (layout, shape)) in IN_PLACE.into_iter().enumerate() {
        let case = Case::new(index, 1, shape);
        let expected = case.expected(1);
        checker.near(&format!("{layout:?} {shape:?}"), &expected, |kernels| case.in_place(kernels, layout));
        if matches!(layout, SourceLayout::Rgb | SourceLayout::Channels28) {
            let integers = |kernels: Kernels| case.integers_in_place(kernels, layout);
            checker.same(&format!("integers, {layout:?} {shape:?}"), integers);
            checker.within(&format!("integers, {layout:?} {shape:?}"), &expected, |_| case.step(), integers);
        }
    }
}

impl Case {
    fn new(index: usize, batch: usize, shape: Shape) -> Self {
        let (in_channels, out_channels, (rows, columns), stride, padded, (height, width)) = shape;
        let seed = 10 * index as u32 + 1;
        let pad = |side: usize| if padded { side / 2 } else { 0 };
        let params = ConvParams {
            height: rows,
            width: columns,
            stride,
            pad_height: pad(rows),
            pad_width: pad(columns),
        };
        let taps = in_channels * rows * columns;
        let scale = 1.0 / (taps as f32).sqrt();
        let weights = noise(seed, taps * out_channels).iter().map(|weight| weight * scale).collect();
        let raw = RawConv { weights, bias: noise(seed + 1, out_channels), out_channels, in_channels, params };
        let (out_height, out_width) = params.output(height, width);
        let outputs = batch * out_height * out_width * out_channels.next_multiple_of(16);
        Self {
            activation: match index % 3 {
                0 => LayerActivation::Relu,
                1 => LayerActivation::None,
                _ => LayerActivation::PRelu(noise(seed + 2, out_channels)),
            },
            raw,
            height,
            width,
            data: noise(seed + 3, batch * height * width * in_channels),
            residual: index.is_multiple_of(2).then(|| noise(seed + 4, outputs)),
        }
    }

    /// With a ReLU, and without a residual.
    fn rectified(index: usize, shape: Shape) -> Self {
        Self { activation: LayerActivation::Relu, residual: None, ..Self::new(index, BATCH, shape) }
    }

    fn maps<'a>(&self, data: &'a [f32]) -> Maps<'a> {
        let channels = self.raw.in_channels;
        Maps { data, height: self.height, width: self.width, channels, stride: channels }
    }

    /// Output channels with their padding.
    fn stride(&self) -> usize {
        self.raw.out_channels.next_multiple_of(16)
    }

    fn output(&self, batch: usize) -> Vec<f32> {
        let (height, width) = self.raw.params.output(self.height, self.width);
        vec![f32::NAN; batch * height * width * self.stride()]
    }

    fn residual(&self) -> Residual<'_> {
        self.residual.as_ref().map(|data| (data.as_slice(), self.stride()))
    }

    /// Without the padding of the output channels.
    fn compact(&self, out: &[f32]) -> Vec<f32> {
        let pixels = out.chunks_exact(self.stride());
        pixels.flat_map(|pixel| pixel[..self.raw.out_channels].iter().copied()).collect()
    }

    fn floats(&self, kernels: Kernels, parallel: bool) -> Vec<f32> {
        let mut out = self.output(BATCH);
        let target = Target { data: &mut out, stride: self.stride(), channel: 0 };
        let conv = Conv::new(&self.raw, self.activation.clone());
        conv.run(kernels, self.maps(&self.data), BATCH, target, self.residual(), parallel);
        self.compact(&out)
    }

    fn filtered(&self, kernels: Kernels, parallel: bool) -> Vec<f32> {
        let mut out = self.output(BATCH);
        let target = Target { data: &mut out, stride: self.stride(), channel: 0 };
        WinogradConv::new(&self.raw).run(kernels, self.maps(&self.data), BATCH, target, parallel);
        self.compact(&out)
    }

    fn integers(&self, kernels: Kernels, parallel: bool) -> Vec<f32> {
        let (mut out, mut maps) = (self.output(BATCH), IntegerMaps::default());
        maps.quantise(kernels, &self.data, self.data.len() / BATCH, BATCH);
        let target = Target { data: &mut out, stride: self.stride(), channel: 0 };
        let conv = IntegerConv::new(&self.raw, &self.activation);
        let maps = maps.read_as(self.maps(&self.data));
        conv.run(kernels, maps, BATCH, target, self.residual(), parallel);
        self.compact(&out)
    }

    fn in_place(&self, kernels: Kernels, layout: SourceLayout) -> Vec<f32> {
        let mut out = self.output(1);
        // What lies past the end of the map must not matter.
        let data: Vec<f32> = self.data.iter().copied().chain([f32::NAN; SLACK]).collect();
        let target = Target { data: &mut out, stride: self.stride(), channel: 0 };
        Conv::new(&self.raw, self.activation.clone()).run_in_place(kernels, layout, self.maps(&data), target);
        self.compact(&out)
    }

    fn integers_in_place(&self, kernels: Kernels, layout: SourceLayout) -> Vec<f32> {
        let (mut out, mut maps) = (self.output(1), IntegerMaps::default());
        maps.quantise(kernels, &self.data, self.data.len(), 1);
        let target = Target { data: &mut out, stride: self.stride(), channel: 0 };
        let conv = IntegerConv::new(&self.raw, &self.activation);
        conv.run_in_place(kernels, layout, maps.read_as(self.maps(&self.data)), target);
        self.compact(&out)
    }

    /// What rounding the map to 12 bits, and the weights to as many or more, may change in a sum.
    fn step(&self) -> f64 {
        let taps = self.raw.weights.len() / self.raw.out_channels;
        1e-5 + (taps as f64).sqrt() / 4095.0
    }

    /// The layer by plain sums.
    fn expected(&self, batch: usize) -> Vec<f64> {
        let (height, width) = self.raw.params.output(self.height, self.width);
        let mut out = Vec::new();
        for pixel in 0..batch * height * width {
            let (map, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
            for channel in 0..self.raw.out_channels {
                let mut sum = self.sum(map, (y, x), channel);
                // Layers in place have no residual.
                if let Some(residual) = self.residual.as_ref().filter(|_| batch == BATCH) {
                    sum += f64::from(residual[pixel * self.stride() + channel]);
                }
                out.push(match &self.activation {
                    LayerActivation::Relu => sum.max(0.0),
                    LayerActivation::PRelu(slopes) if sum < 0.0 => sum * f64::from(slopes[channel]),
                    _ => sum,
                });
            }
        }
        out
    }

    fn sum(&self, map: usize, (y, x): (usize, usize), channel: usize) -> f64 {
        let RawConv { weights, bias, in_channels, params, .. } = &self.raw;
        let area = params.height * params.width;
        let mut sum = f64::from(bias[channel]);
        for place in 0..area {
            let row = (y * params.stride + place / params.width).wrapping_sub(params.pad_height);
            let column = (x * params.stride + place % params.width).wrapping_sub(params.pad_width);
            if row >= self.height || column >= self.width {
                continue; // padding
            }
            let pixel = &self.data[((map * self.height + row) * self.width + column) * in_channels..];
            for (input, &value) in pixel[..*in_channels].iter().enumerate() {
                let weight = weights[(channel * in_channels + input) * area + place];
                sum += f64::from(value) * f64::from(weight);
            }
        }
        sum
    }
}
