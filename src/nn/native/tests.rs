//! The layers on random shapes: each kernel against the scalar one and against tract.

use proptest::prelude::*;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TypeProto,
    ValueInfoProto, type_proto,
};
use tract_onnx::prelude::*;

use super::area_resample;
use super::conv::{Conv, LayerActivation, RawConv, Residual, Target};
use super::kernels::{ConvParams, Isa, Kernels, Maps, Pool, PoolInput, SourceLayout};
use super::winograd::WinogradConv;
use crate::imaging::{self, RgbView};

#[path = "../../../tests/common/noise.rs"]
pub(super) mod noise;
use noise::noise;

/// Largest difference allowed, relative to values above 1.
const TOLERANCE: f32 = 1e-4;
/// Room for the tile that reads past the end of a map.
const SLACK: usize = 512;

fn available_kernels() -> impl Iterator<Item = Kernels> {
    Isa::ALL.into_iter().filter_map(|isa| Kernels::new(isa).ok())
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * b.abs().max(1.0), "{what}, number {index}: {a}, expected {b}");
    }
}

/// An ONNX graph of one node, run by tract over `maps` maps of `height x width x channels`.
fn tract_node(
    op: &str,
    attributes: &[(&str, Vec<i64>)],
    constants: &[(&str, Vec<i64>, Vec<f32>)],
    input: &[f32],
    [maps, height, width, channels]: [usize; 4],
) -> Vec<f32> {
    let attribute = |(name, values): &(&str, Vec<i64>)| {
        let single = *name == "ceil_mode";
        let kind = if single { 2 } else { 7 }; // INT, INTS
        let (i, ints) = if single { (values[0], Vec::new()) } else { (0, values.clone()) };
        AttributeProto { name: (*name).to_owned(), r#type: kind, i, ints, ..AttributeProto::default() }
    };
    let tensor = |(name, dims, values): &(&str, Vec<i64>, Vec<f32>)| TensorProto {
        name: (*name).to_owned(),
        data_type: 1,
        dims: dims.clone(),
        float_data: values.clone(),
        ..TensorProto::default()
    };
    let mut inputs = vec!["x".to_owned()];
    inputs.extend(constants.iter().map(|(name, _, _)| (*name).to_owned()));
    let tensor_type = type_proto::Tensor { elem_type: 1, ..type_proto::Tensor::default() };
    let r#type =
        TypeProto { value: Some(type_proto::Value::TensorType(tensor_type)), ..TypeProto::default() };
    let value = |name: &str| ValueInfoProto {
        name: name.to_owned(),
        r#type: Some(r#type.clone()),
        ..ValueInfoProto::default()
    };
    let graph = GraphProto {
        node: vec![NodeProto {
            op_type: op.to_owned(),
            input: inputs,
            output: vec!["y".to_owned()],
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        }],
        initializer: constants.iter().map(tensor).collect(),
        input: vec![value("x")],
        output: vec![value("y")],
        ..GraphProto::default()
    };
    let version = OperatorSetIdProto { version: 13, ..OperatorSetIdProto::default() };
    let proto = ModelProto { graph: Some(graph), opset_import: vec![version], ..ModelProto::default() };
    let plan = tract_onnx::onnx()
        .model_for_proto_model(&proto)
        .and_then(|model| model.with_input_fact(0, f32::fact([maps, channels, height, width]).into()))
        .and_then(InferenceModelExt::into_optimized)
        .and_then(TypedModel::into_runnable)
        .unwrap();
    let pixel =
        |(n, c, y, x): (usize, usize, usize, usize)| input[((n * height + y) * width + x) * channels + c];
    let nchw = ndarray::Array4::from_shape_fn((maps, channels, height, width), pixel);
    let output = plan.run(tvec!(nchw.into_tensor().into())).unwrap();
    let view = output[0].to_plain_array_view::<f32>().unwrap();
    view.permuted_axes(vec![0, 2, 3, 1]).iter().copied().collect()
}

/// A convolution of random weights.
fn random_conv(seed: u32, params: ConvParams, in_channels: usize, out_channels: usize) -> RawConv {
    let taps = in_channels * params.height * params.width;
    let scale = 1.0 / (taps as f32).sqrt();
    let weights = noise(seed, taps * out_channels).into_iter().map(|w| w * scale).collect();
    RawConv { weights, bias: noise(seed + 1, out_channels), out_channels, in_channels, params }
}

/// What tract makes of it, before the activation.
fn tract_conv(raw: &RawConv, input: &[f32], shape: [usize; 4]) -> Vec<f32> {
    let params = raw.params;
    let [height, width, stride, down, across] =
        [params.height, params.width, params.stride, params.pad_height, params.pad_width].map(|n| n as i64);
    let attributes = [
        ("kernel_shape", vec![height, width]),
        ("strides", vec![stride, stride]),
        ("pads", vec![down, across, down, across]),
    ];
    let dims = vec![raw.out_channels as i64, raw.in_channels as i64, height, width];
    let constants =
        [("w", dims, raw.weights.clone()), ("b", vec![raw.out_channels as i64], raw.bias.clone())];
    tract_node("Conv", &attributes, &constants, input, shape)
}

/// The first `channels` of pixels `stride` floats apart.
fn compact(data: &[f32], stride: usize, channels: usize) -> Vec<f32> {
    data.chunks_exact(stride).flat_map(|pixel| pixel[..channels].iter().copied()).collect()
}

fn activate(values: &mut [f32], activation: &LayerActivation, channels: usize) {
    for (index, value) in values.iter_mut().enumerate() {
        match activation {
            LayerActivation::Relu => *value = value.max(0.0),
            LayerActivation::PRelu(slopes) if *value < 0.0 => *value *= slopes[index % channels],
            LayerActivation::None | LayerActivation::PRelu(_) => {}
        }
    }
}

fn activations(seed: u32, channels: usize) -> [LayerActivation; 3] {
    [LayerActivation::None, LayerActivation::Relu, LayerActivation::PRelu(noise(seed, channels))]
}

/// A layer on each kernel: its output is as expected, the same on several threads, and nothing else is written. Its
/// first channels are compared of as many as it writes, from channel `offset` on of pixels `stride` floats apart.
fn assert_layer(
    expected: &[f32],
    (compared, written): (usize, usize),
    (offset, stride): (usize, usize),
    what: &str,
    layer: impl Fn(Kernels, Target<'_>, bool) + Sync,
) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for kernels in available_kernels() {
        let run = |parallel: bool| {
            let mut out = vec![7.0; expected.len() / compared * stride];
            layer(kernels, Target { data: &mut out, stride, channel: offset }, parallel);
            out
        };
        let out = run(false);
        let found: Vec<f32> =
            out.chunks_exact(stride).flat_map(|pixel| pixel[offset..][..compared].iter().copied()).collect();
        assert_close(&found, expected, &format!("{} {what}", kernels.isa()));
        for pixel in out.chunks_exact(stride) {
            assert!(pixel[..offset].iter().chain(&pixel[offset + written..]).all(|&v| v == 7.0));
        }
        assert!(
            pool.install(|| run(true)) == out,
            "{}: running in parallel changes the output",
            kernels.isa()
        );
    }
}

/// All windows of the networks: rows, columns, stride, and whether it may be padded.
const CONVOLUTIONS: [(usize, usize, usize, bool); 10] = [
    (1, 1, 1, false),
    (3, 3, 1, true),
    (3, 3, 1, false),
    (3, 3, 2, false),
    (1, 7, 1, true),
    (7, 1, 1, true),
    (1, 3, 1, true),
    (3, 1, 1, true),
    (2, 2, 1, false),
    (2, 2, 2, false),
];

fn params((height, width, stride, padded): (usize, usize, usize, bool)) -> ConvParams {
    let pad = |side: usize| if padded { side / 2 } else { 0 };
    ConvParams { height, width, stride, pad_height: pad(height), pad_width: pad(width) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gathered_convolutions_agree_with_tract(
        seed in 0u32..10_000,
        kind in 0..CONVOLUTIONS.len(),
        blocks in 1usize..4,
        out_channels in 1usize..100,
        height in 1usize..14,
        width in 1usize..20,
        batch in 1usize..4,
        activation in 0usize..3,
        with_residual: bool,
    ) {
        let params = params(CONVOLUTIONS[kind]);
        let (height, width) = (height.max(params.height), width.max(params.width));
        let channels = blocks * 16;
        let raw = random_conv(seed, params, channels, out_channels);
        let activation = activations(seed + 2, out_channels)[activation].clone();
        let input = noise(seed + 3, batch * height * width * channels);
        let (out_height, out_width) = params.output(height, width);
        let pixels = batch * out_height * out_width;
        let conv = Conv::new(&raw, activation.clone());
        // Written beside other channels, which must stay as they are.
        let (offset, stride) = (16, conv.channels() + 32);
        let residual = noise(seed + 4, pixels * (conv.channels() + 16));
        let residual: Residual<'_> = with_residual.then_some((residual.as_slice(), conv.channels() + 16));

        let mut expected = tract_conv(&raw, &input, [batch, height, width, channels]);
        if let Some((residual, stride)) = residual {
            let residual = compact(residual, stride, out_channels);
            expected.iter_mut().zip(residual).for_each(|(sum, value)| *sum += value);
        }
        activate(&mut expected, &activation, out_channels);
        let channels_of = (out_channels, conv.channels());
        assert_layer(&expected, channels_of, (offset, stride), &format!("{params:?}"), |kernels, target, parallel| {
            let maps = Maps { data: &input, height, width, channels, stride: channels };
            conv.run(kernels, maps, batch, target, residual, parallel);
        });
    }

    #[test]
    fn minimal_filtering_agrees_with_tract(
        seed in 0u32..10_000,
        padded: bool,
        blocks in 1usize..4,
        out_channels in 1usize..100,
        height in 1usize..14,
        width in 1usize..40,
        batch in 1usize..4,
    ) {
        let params = params((3, 3, 1, padded));
        let (height, width, channels) = (height.max(3), width.max(3), blocks * 16);
        let raw = random_conv(seed, params, channels, out_channels);
        let input = noise(seed + 3, batch * height * width * channels);
        let mut expected = tract_conv(&raw, &input, [batch, height, width, channels]);
        activate(&mut expected, &LayerActivation::Relu, out_channels);
        let conv = WinogradConv::new(&raw);
        let written = out_channels.next_multiple_of(16);
        assert_layer(&expected, (out_channels, written), (16, written + 32), &format!("{params:?}"), |kernels, target, parallel| {
            let maps = Maps { data: &input, height, width, channels, stride: channels };
            conv.run(kernels, maps, batch, target, parallel);
        });
    }

    #[test]
    fn convolutions_in_place_agree_with_tract(
        seed in 0u32..10_000,
        kind in 0usize..5,
        out_channels in 1usize..70,
        height in 3usize..9,
        width in 3usize..50,
        activation in 0usize..3,
    ) {
        let (shape, channels, stride) = [
            (SourceLayout::Rgb, 3, 1),
            (SourceLayout::RgbStride2, 3, 2),
            (SourceLayout::Channels10, 10, 1),
            (SourceLayout::Channels16, 16, 1),
            (SourceLayout::Channels28, 28, 1),
        ][kind];
        let params = params((3, 3, stride, false));
        let raw = random_conv(seed, params, channels, out_channels);
        let activation = activations(seed + 2, out_channels)[activation].clone();
        let input = noise(seed + 3, height * width * channels);
        let mut expected = tract_conv(&raw, &input, [1, height, width, channels]);
        activate(&mut expected, &activation, out_channels);
        let conv = Conv::new(&raw, activation);
        let (out_height, out_width) = params.output(height, width);
        // What lies past the end of the map must not matter.
        let padded: Vec<f32> = input.iter().copied().chain([f32::NAN; SLACK]).collect();
        for kernels in available_kernels() {
            let mut out = vec![0.0; out_height * out_width * conv.channels()];
            let maps = Maps { data: &padded, height, width, channels, stride: channels };
            conv.run_in_place(kernels, shape, maps, Target { data: &mut out, stride: conv.channels(), channel: 0 });
            let found = compact(&out, conv.channels(), out_channels);
            assert_close(&found, &expected, &format!("{} {shape:?}", kernels.isa()));
        }
    }

    #[test]
    fn max_pooling_agrees_with_tract(
        seed in 0u32..10_000,
        size in 2usize..4,
        ceil: bool,
        blocks in 1usize..4,
        height in 3usize..12,
        width in 3usize..12,
    ) {
        let (channels, side) = (blocks * 16, size as i64);
        let data = noise(seed, height * width * channels);
        let attributes = [
            ("kernel_shape", vec![side, side]),
            ("strides", vec![2, 2]),
            ("ceil_mode", vec![i64::from(ceil)]),
        ];
        let expected = tract_node("MaxPool", &attributes, &[], &data, [1, height, width, channels]);
        let pool = Pool { size, stride: 2, ceil };
        for kernels in available_kernels() {
            let mut out = vec![0.0; pool.output(height) * pool.output(width) * channels];
            let input = PoolInput { data: &data, height, width, stride: channels, channels };
            kernels.max_pool(input, pool, &mut out, channels);
            assert_eq!(&out, &expected);
        }
    }

    #[test]
    fn area_resampling_agrees_with_the_plain_one(
        seed in 0u32..10_000,
        width in 1usize..90,
        height in 1usize..700,
        out_width in 1usize..60,
        out_height in 1usize..20,
        left in 0usize..5,
        top in 0usize..5,
    ) {
        let (full_width, full_height) = (left + width + 3, top + height);
        let data: Vec<u8> =
            noise(seed, full_width * full_height * 3).iter().map(|v| (v * 127.0 + 128.0) as u8).collect();
        let photo = RgbView { data: &data, width: full_width, height: full_height };
        let window = imaging::Window { x0: left, y0: top, x1: left + width, y1: top + height };
        let expected: Vec<f32> = imaging::resample::area_resample(photo, window, out_width, out_height)
            .iter()
            .map(|v| (v - 127.5) * 0.007_812_5)
            .collect();
        for kernels in available_kernels() {
            let mut out = Vec::new();
            area_resample(kernels.isa(), photo, window, out_width, out_height, &mut out).unwrap();
            assert_eq!(out.len(), expected.len());
            for (a, b) in out.iter().zip(&expected) {
                assert!((a - b).abs() < 1e-6, "{}: {a}, expected {b}", kernels.isa());
            }
        }
    }
}

#[test]
fn a_photo_of_white_is_white_at_every_size() {
    // The largest sums: 16-bit ones up to 257 rows, 32-bit ones above.
    for height in [256, 257, 258, 3000] {
        let data = vec![255; 40 * height * 3];
        let photo = RgbView { data: &data, width: 40, height };
        let window = imaging::Window { x0: 0, y0: 0, x1: 40, y1: height };
        for kernels in available_kernels() {
            let mut out = Vec::new();
            area_resample(kernels.isa(), photo, window, 12, 1, &mut out).unwrap();
            assert!(out.iter().all(|v| (v - 0.996_093_75).abs() < 1e-6), "{height}: {out:?}");
        }
    }
}
