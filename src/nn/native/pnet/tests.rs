//! The first pass against the second: cell by cell, and the greatest values that it can have.

use super::bound::sum_errors;
use super::first_pass::scaled_layers;
use super::intervals::{magnitude, radius};
use super::scaled::Scaled;
use super::*;
use crate::imaging::decode::{DecodeLimits, decode};
use crate::nn::native::Isa;
use crate::nn::native::tests::noise::noise;

fn onnx() -> Vec<u8> {
    std::fs::read("models/pnet.onnx").unwrap()
}

/// What a photo is drawn by: the value of a channel at a column and row.
type Pixel<'a> = &'a dyn Fn(usize, usize, usize) -> u8;

struct Photo {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Photo {
    fn drawn(width: usize, height: usize, pixel: Pixel<'_>) -> Self {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let data = places.flat_map(|(x, y)| [0, 1, 2].map(|channel| pixel(x, y, channel))).collect();
        Self { width, height, data }
    }

    fn read(path: &str) -> Self {
        let decoded = decode(&std::fs::read(path).unwrap(), DecodeLimits { max_megapixels: 20 }).unwrap();
        Self { width: decoded.width, height: decoded.height, data: decoded.data }
    }

    fn view(&self) -> RgbView<'_> {
        RgbView { data: &self.data, width: self.width, height: self.height }
    }
}

/// The logits of both passes of all cells.
fn logits(net: &PNet, kernels: Kernels, photo: &Photo, size: LevelSize) -> (Vec<f32>, Vec<f32>) {
    let whole = Window { x0: 0, y0: 0, x1: photo.width, y1: photo.height };
    let source = AreaRows::new(photo.view(), whole, size.width, size.height);
    let widths = Widths::new(size);
    let direct = Direct { layers: &net.direct, kernels, widths: &widths };
    let mut stem = Stem { kernels, source, size, widths: &widths, next_level_row: 0 };
    let band = Band { level: 0, first: 0, end: size.cells().1 };
    let mut buffers = Buffers::default();
    buffers.clear(kernels, &widths);
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    let pass = net.first_pass.as_ref().unwrap();
    first_pass_rows(pass, &mut stem, band, &mut buffers, |row, logits, rows| {
        firsts.extend_from_slice(logits);
        direct.cells(row, 0..widths.cells, rows, |_, logit, _| seconds.push(logit));
    });
    (firsts, seconds)
}

/// Sizes of a pyramid of the photo.
fn sizes(photo: &Photo) -> Vec<LevelSize> {
    let scaled = |scale: f64| {
        let side = |pixels: usize| (pixels as f64 * scale) as usize;
        LevelSize { width: side(photo.width), height: side(photo.height) }
    };
    (0..12)
        .map(|level| scaled(0.95 * 0.709f64.powi(level)))
        .filter(|size| size.width.min(size.height) >= 12)
        .collect()
}

/// Photos, and drawings that go to extremes.
fn photos() -> Vec<(&'static str, Photo)> {
    let random: Vec<u8> = noise(5, 700 * 400 * 3).iter().map(|value| (value * 127.0 + 128.0) as u8).collect();
    let at = |x: usize, y: usize, channel: usize| random[(y * 700 + x) * 3 + channel];
    let draw = |pixel: Pixel<'_>| Photo::drawn(700, 400, pixel);
    let extreme = |bright: bool| if bright { 255 } else { 0 };
    let golden = |name: &str| Photo::read(&format!("tests/golden/photos/{name}"));
    vec![
        ("three faces", golden("group.jpg")),
        ("a face", golden("astronaut.png")),
        ("no face", golden("no_face.png")),
        ("noise", draw(&|x, y, channel| at(x, y, channel))),
        ("noise of extremes", draw(&|x, y, channel| extreme(at(x, y, channel) > 127))),
        ("black and white squares", draw(&|x, y, _| extreme(at(x / 7, y / 5, 0) > 127))),
        ("coloured squares", draw(&|x, y, channel| extreme(at(x / 6, y / 9, channel) > 127))),
        ("stripes", draw(&|x, _, _| extreme(x % 2 == 0))),
        ("rows", draw(&|_, y, _| extreme(y % 2 == 0))),
        ("checkerboard", draw(&|x, y, _| extreme((x + y) % 2 == 0))),
        ("gradient", draw(&|x, y, channel| ((x * (channel + 1) + y * 2) / 8) as u8)),
        ("white", draw(&|_, _, _| 255)),
        ("red", draw(&|_, _, channel| extreme(channel == 0))),
    ]
}

#[test]
fn no_logit_of_the_first_pass_is_off_by_half_the_bound() {
    let net = PNet::load(&onnx()).unwrap();
    let kernels = Kernels::new(Isa::detect()).unwrap();
    let half = net.first_pass.as_ref().unwrap().bound / 2.0;
    let mut cells = 0;
    for (what, photo) in photos() {
        for size in sizes(&photo) {
            let (firsts, seconds) = logits(&net, kernels, &photo, size);
            assert_eq!(firsts.len(), seconds.len(), "{what}, {size:?}");
            cells += firsts.len();
            for (index, (first, second)) in firsts.iter().zip(&seconds).enumerate() {
                let off = (first - second).abs();
                assert!(off <= half, "{what}, {size:?}, cell {index}: {first}, expected {second} +- {half}");
            }
        }
    }
    assert!(cells > 2_000_000, "expected millions of cells, found {cells}");
}

/// Edges of levels of every parity, on every instruction set, with the same bits.
#[test]
fn the_first_pass_is_the_same_on_every_instruction_set() {
    let net = PNet::load(&onnx()).unwrap();
    let half = net.first_pass.as_ref().unwrap().bound / 2.0;
    let random: Vec<u8> = noise(6, 90 * 60 * 3).iter().map(|value| (value * 127.0 + 128.0) as u8).collect();
    let photo = Photo::drawn(90, 60, &|x, y, channel| random[(y * 90 + x) * 3 + channel]);
    let small = (12..18).flat_map(|width| (12..16).map(move |height| (width, height)));
    for (width, height) in small.chain([(137, 13), (138, 14), (139, 15), (140, 16), (270, 31)]) {
        let size = LevelSize { width, height };
        let (expected, _) = logits(&net, Kernels::new(Isa::Scalar).unwrap(), &photo, size);
        for kernels in Isa::ALL.into_iter().filter_map(|isa| Kernels::new(isa).ok()) {
            let (found, direct) = logits(&net, kernels, &photo, size);
            assert!(found == expected, "{}, {size:?}: {found:?}, expected {expected:?}", kernels.isa());
            let near = found.iter().zip(&direct).all(|(first, second)| (first - second).abs() <= half);
            assert!(near, "{}, {size:?}: {found:?}, expected {direct:?} +- {half}", kernels.isa());
        }
    }
}

#[test]
fn the_greatest_sums_fit_32_bits_and_the_greatest_differences_16() {
    let (first, second, third) = convolutions(&mut LayerReader::read("P-Net", &onnx()).unwrap()).unwrap();
    let layers = scaled_layers(&first, &second, &third);
    let errors = sum_errors(&layers);
    for (layer, errors) in layers.iter().zip(&errors) {
        for (output, error) in errors.iter().enumerate() {
            let greatest = (magnitude(layer.sums[output]) + error) * layer.sum_scale(output);
            assert!(greatest < 2f64.powi(31), "channel {output}: {greatest}");
        }
    }
    let fits = |layer: &Scaled<'_>, before: &Scaled<'_>, errors: &[f64]| {
        for (input, (scale, slope)) in layer.scales.iter().zip(&before.layer.1).enumerate() {
            let error = errors[input] * f64::from(slope.abs().max(1.0));
            let greatest = (radius(layer.inputs[input]) + error) * scale + 0.5;
            assert!(2.0 * greatest < 2f64.powi(15), "channel {input}: {greatest}");
        }
    };
    fits(&layers[1], &layers[0], &errors[0]);
    fits(&layers[2], &layers[1], &errors[1]);
}
