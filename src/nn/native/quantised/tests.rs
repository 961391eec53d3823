//! Layers of integers: no sum can overflow, every kernel agrees with the scalar one to the last bit, and the results
//! are near those of floats.

use proptest::prelude::*;

use super::super::conv::{Conv, LayerActivation, RawConv};
use super::super::kernels::{ConvParams, Isa, SourceLayout};
use super::*;
use crate::nn::native::tests::noise::noise;

/// A layer and one batch of maps that it runs over.
#[derive(Debug, Clone)]
struct Case {
    raw: RawConv,
    side: usize,
    batch: usize,
    data: Vec<f32>,
    residual: Option<Vec<f32>>,
    activation: LayerActivation,
}

fn case() -> impl Strategy<Value = Case> {
    let shape = (1usize..=3, 1usize..=3, 1usize..=5, 1usize..=2, 3usize..=6, 1usize..=3);
    (shape, any::<u64>(), 0..3, any::<bool>(), -3i32..4).prop_map(
        |((height, width, outs, ins, side, batch), seed, activation, residual, power)| {
            let (out_channels, in_channels) = (16 * outs, 16 * ins);
            let mut state = seed | 1;
            let mut noise = |len: usize, scale: f32| -> Vec<f32> {
                let mut next = || {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    ((state >> 40) as f32 / 8_388_608.0 - 1.0) * scale
                };
                (0..len).map(|_| next()).collect()
            };
            let params =
                ConvParams { height, width, stride: 1, pad_height: height / 2, pad_width: width / 2 };
            let weights = noise(out_channels * in_channels * height * width, 1.0);
            let raw = RawConv { weights, bias: noise(out_channels, 1.0), out_channels, in_channels, params };
            let data = noise(batch * side * side * in_channels, 10f32.powi(power));
            let (rows, columns) = params.output(side, side);
            let residual = residual.then(|| noise(batch * rows * columns * out_channels, 1.0));
            let activation = match activation {
                0 => LayerActivation::None,
                1 => LayerActivation::Relu,
                _ => LayerActivation::PRelu(noise(out_channels, 1.0)),
            };
            Case { raw, side, batch, data, residual, activation }
        },
    )
}

impl Case {
    fn maps(&self) -> Maps<'_> {
        let channels = self.raw.in_channels;
        Maps { data: &self.data, height: self.side, width: self.side, channels, stride: channels }
    }

    fn output(&self) -> Vec<f32> {
        let (height, width) = self.raw.params.output(self.side, self.side);
        vec![f32::NAN; self.batch * height * width * self.raw.out_channels]
    }

    fn residual(&self) -> Residual<'_> {
        self.residual.as_ref().map(|data| (data.as_slice(), self.raw.out_channels))
    }

    fn integers(&self, kernels: Kernels, parallel: bool) -> Vec<f32> {
        let mut out = self.output();
        let mut maps = IntegerMaps::default();
        maps.quantise(kernels, &self.data, self.side * self.side * self.raw.in_channels, self.batch);
        let target = Target { data: &mut out, stride: self.raw.out_channels, channel: 0 };
        let conv = IntegerConv::new(&self.raw, &self.activation);
        conv.run(kernels, maps.read_as(self.maps()), self.batch, target, self.residual(), parallel);
        out
    }

    fn floats(&self, kernels: Kernels) -> Vec<f32> {
        let mut out = self.output();
        let target = Target { data: &mut out, stride: self.raw.out_channels, channel: 0 };
        let conv = Conv::new(&self.raw, self.activation.clone());
        conv.run(kernels, self.maps(), self.batch, target, self.residual(), false);
        out
    }
}

fn kernels() -> impl Iterator<Item = Kernels> {
    Isa::ALL.into_iter().filter_map(|isa| Kernels::new(isa).ok())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_kernel_gives_the_scalar_bits(case in case()) {
        let expected = case.integers(Kernels::new(Isa::Scalar).unwrap(), false);
        for kernels in kernels() {
            for parallel in [false, true] {
                let found = case.integers(kernels, parallel);
                let same = found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
                prop_assert!(same, "{:?}: {found:?}, expected {expected:?}", kernels.isa());
            }
        }
    }

    #[test]
    fn integers_are_near_floats(case in case()) {
        let kernels = Kernels::new(Isa::detect()).unwrap();
        let (found, expected) = (case.integers(kernels, false), case.floats(kernels));
        // A unit of the maps is 1/4095 of the largest value, of which rounding adds at most a half a tap.
        let largest = case.data.iter().fold(0f32, |best, value| best.max(value.abs()));
        let taps = case.raw.weights.len() / case.raw.out_channels;
        let allowed = 1e-5 + taps as f32 * largest / 4095.0;
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert!((found - expected).abs() <= allowed, "{found}, expected {expected} +- {allowed}");
        }
    }
}

/// R-Net's first two layers and O-Net's first: two maps of them, in place.
#[test]
fn in_place_every_kernel_gives_the_scalar_bits_near_the_floats() {
    let layers = [
        (SourceLayout::Rgb, 3, 28, 24),
        (SourceLayout::Rgb, 3, 32, 48),
        (SourceLayout::Channels28, 28, 48, 11),
    ];
    for (seed, (layout, in_channels, out_channels, side)) in (1..).zip(layers) {
        let params = ConvParams { height: 3, width: 3, stride: 1, pad_height: 0, pad_width: 0 };
        let (taps, pixels, batch) = (9 * in_channels, side * side, 2);
        let weights = noise(10 * seed, taps * out_channels);
        let raw = RawConv { weights, bias: noise(seed, out_channels), out_channels, in_channels, params };
        let activation = LayerActivation::PRelu(noise(seed + 4, out_channels));
        let map = pixels * in_channels;
        // One map is ten times as large as the other. What lies past the end must not matter.
        let mut data = noise(seed + 8, batch * map + 512);
        data[map..].iter_mut().for_each(|value| *value *= 10.0);
        let maps =
            |data| Maps { data, height: side, width: side, channels: in_channels, stride: in_channels };
        let stride = out_channels.next_multiple_of(16);
        let out = (side - 2) * (side - 2) * stride;
        let integers = |kernels| {
            let (mut found, mut values) = (vec![f32::NAN; batch * out], IntegerMaps::default());
            values.quantise(kernels, &data, map, batch);
            let target = Target { data: &mut found, stride, channel: 0 };
            let conv = IntegerConv::new(&raw, &activation);
            conv.run_in_place(kernels, layout, values.read_as(maps(&data)), target);
            found
        };
        let expected = integers(Kernels::new(Isa::Scalar).unwrap());
        for kernels in kernels() {
            let found = integers(kernels);
            let same = found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{:?}, {layout:?}", kernels.isa());
        }
        let conv = Conv::new(&raw, activation.clone());
        for (index, integers) in expected.chunks_exact(out).enumerate() {
            let mut floats = vec![f32::NAN; out];
            let target = Target { data: &mut floats, stride, channel: 0 };
            let kernels = Kernels::new(Isa::detect()).unwrap();
            conv.run_in_place(kernels, layout, maps(&data[index * map..]), target);
            let allowed = 1e-5 + 10f32.powi(index as i32) * taps as f32 / 4095.0;
            for (found, expected) in integers.iter().zip(&floats) {
                assert!(
                    (found - expected).abs() <= allowed,
                    "{layout:?}: {found}, expected {expected} +- {allowed}"
                );
            }
        }
    }
}

/// A 1x1 convolution of one output channel.
fn single(weights: Vec<f32>) -> IntegerConv {
    let params = ConvParams { height: 1, width: 1, stride: 1, pad_height: 0, pad_width: 0 };
    let in_channels = weights.len();
    let raw = RawConv { weights, bias: vec![0.0], out_channels: 1, in_channels, params };
    IntegerConv::new(&raw, &LayerActivation::None)
}

/// Weights of a number of taps.
type Weights<'a> = &'a dyn Fn(usize) -> Vec<f32>;

#[test]
fn no_sum_of_products_overflows_32_bits() {
    let alternating = |taps: usize| (0..taps).map(|tap| if tap % 2 == 0 { 0.7 } else { -0.3 }).collect();
    let one_large = |taps: usize| (0..taps).map(|tap| if tap == 5 { 1e3 } else { 1e-3 }).collect();
    let halves = |taps: usize| (0..taps).map(|tap| if tap == 0 { 1.0 } else { 1.5 / 500.0 }).collect();
    let kinds: [(&str, Weights<'_>); 4] = [
        ("all the same", &|taps| vec![1e-20; taps]),
        ("alternating", &alternating),
        ("one large", &one_large),
        ("near halves", &halves),
    ];
    for (what, weights) in kinds {
        for taps in [16, 32, 144, 1792, 2304, 20_000] {
            let conv = single(weights(taps));
            let sum: i64 = conv.weights.iter().map(|weight| i64::from(weight.unsigned_abs())).sum();
            let worst = sum * i64::from(LARGEST_VALUE);
            assert!(worst <= i64::from(i32::MAX), "{what}, {taps} taps: {worst}");
            assert!(conv.weights.iter().any(|&weight| weight != 0), "{what}, {taps} taps: nothing is left");
        }
    }
}

#[test]
fn the_largest_value_of_a_map_takes_all_twelve_bits_and_a_blank_map_is_zero() {
    for kernels in kernels() {
        let mut maps = IntegerMaps::default();
        let data = [[0.0, 0.25, -3.0, 1.5], [0.0; 4], [f32::MIN_POSITIVE, 0.0, 0.0, 0.0]].concat();
        maps.quantise(kernels, &data, 4, 3);
        assert_eq!(maps.data[..8], [0, 341, -4095, 2048, 0, 0, 0, 0], "{:?}", kernels.isa());
        assert_eq!(maps.scales[..2], [3.0 / 4095.0, 0.0]);
        assert!(maps.data.iter().all(|value| i32::from(value.unsigned_abs()) <= LARGEST_VALUE));
    }
}

#[test]
fn weights_of_zero_leave_the_bias() {
    let params = ConvParams { height: 1, width: 1, stride: 1, pad_height: 0, pad_width: 0 };
    let raw =
        RawConv { weights: vec![0.0; 256], bias: vec![2.5; 16], out_channels: 16, in_channels: 16, params };
    let case = Case {
        raw,
        side: 1,
        batch: 1,
        data: vec![1.0; 16],
        residual: None,
        activation: LayerActivation::Relu,
    };
    for kernels in kernels() {
        assert_eq!(case.integers(kernels, false), [2.5; 16]);
    }
}
