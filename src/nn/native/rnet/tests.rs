//! The first pass is nearer to the floats than its bound says, on photos and on what photos seldom are.

use std::path::Path;

use super::*;
use crate::imaging::OrientedRgb;
use crate::nn::LevelSize;
use crate::nn::native::pnet::PNet;
use crate::nn::native::tests::noise::noise;

fn file(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn photo(name: &str) -> OrientedRgb {
    let pixels = image::load_from_memory(&file(&format!("tests/golden/photos/{name}"))).unwrap().into_rgb8();
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    OrientedRgb::from_upright(width, height, pixels.into_raw()).unwrap()
}

/// The windows of P-Net's cells at several sizes, without suppression.
fn proposals(kernels: Kernels, photo: RgbView<'_>) -> Vec<Window> {
    let level = |shrink: usize| LevelSize { width: photo.width / shrink, height: photo.height / shrink };
    let levels: Vec<LevelSize> = (2..=16).map(level).collect();
    let cells = PNet::load(&file("models/pnet.onnx")).unwrap().run(kernels, photo, &levels, 0.3);
    let mut windows = Vec::new();
    for (level, cells) in levels.iter().zip(cells) {
        let shrink = photo.width as f32 / level.width as f32;
        for cell in cells {
            let place = |index: u32| (2.0 * index as f32 * shrink) as usize;
            let (x0, y0, side) = (place(cell.col), place(cell.row), (12.0 * shrink) as usize);
            windows.push(Window {
                x0,
                y0,
                x1: (x0 + side).min(photo.width),
                y1: (y0 + side).min(photo.height),
            });
        }
    }
    windows
}

/// A photo of `pixel(x, y, channel)`, in windows of R-Net's size.
fn drawn(columns: usize, rows: usize, mut pixel: impl FnMut(usize, usize, usize) -> f32) -> OrientedRgb {
    let places = (0..24 * rows).flat_map(|y| (0..24 * columns).map(move |x| (x, y)));
    let data = places.flat_map(|(x, y)| [0, 1, 2].map(|c| pixel(x, y, c) as u8)).collect();
    OrientedRgb::from_upright(24 * columns, 24 * rows, data).unwrap()
}

/// The windows of R-Net's size of a drawn photo, and some of half that and of twice.
fn squares(photo: RgbView<'_>) -> Vec<Window> {
    let of = |side: usize| {
        let columns = photo.width / side;
        (0..columns * (photo.height / side)).map(move |index| {
            let (x0, y0) = (index % columns * side, index / columns * side);
            Window { x0, y0, x1: x0 + side, y1: y0 + side }
        })
    };
    of(24).chain(of(12).step_by(5)).chain(of(48)).collect()
}

/// Asserts that the logits of no window differ by more than half the bound.
fn check(
    kernels: Kernels,
    [floats, integers]: [&CropNet; 2],
    photo: RgbView<'_>,
    windows: &[Window],
    what: &str,
) {
    let expected = floats.run(kernels, photo, windows, logit);
    let found = integers.run(kernels, photo, windows, logit);
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let window = windows[index];
        assert!((found - expected).abs() <= BOUND / 2.0, "{what}, {window:?}: {found}, expected {expected}");
    }
}

#[test]
fn the_first_pass_is_never_half_its_bound_from_the_floats() {
    let onnx = file("models/rnet.onnx");
    let floats = CropNet::load_rnet(&onnx, Precision::F32).unwrap();
    let integers = CropNet::load_rnet(&onnx, Precision::Int16).unwrap();
    let kernels = Kernels::new(Isa::detect()).unwrap();
    let mut candidates = 0;
    for name in ["group.jpg", "astronaut.png", "obama.jpg", "biden.jpg"] {
        let photo = photo(name);
        let windows = proposals(kernels, photo.view());
        candidates += windows.len();
        check(kernels, [&floats, &integers], photo.view(), &windows, name);
    }
    assert!(candidates >= 4000, "{candidates} candidates are few");
    let full = |values: &[f32], index: usize| if values[index % values.len()] > 0.0 { 255.0 } else { 0.0 };
    let random = noise(3, 1 << 20);
    let drawings = [
        ("noise", drawn(40, 30, |x, y, c| 127.5 + 127.5 * random[(y * 960 + x) * 3 / 8 + 350_000 * c])),
        ("black and white pixels", drawn(40, 30, |x, y, c| full(&random, (y * 960 + x) * 3 + c))),
        (
            "squares of all sizes, black and white",
            drawn(40, 30, |x, y, _| full(&random, y / (x / 240 + 1) * 997 + x / (y / 72 + 1))),
        ),
        (
            "coloured squares",
            drawn(40, 30, |x, y, c| full(&random, y / (x / 80 + 1) * 991 + x / (y / 72 + 1) * 3 + c)),
        ),
        (
            "waves",
            drawn(40, 30, |x, y, c| {
                let (bend, grow) = ((x / 24) as f32 / 13.0, (y / 24) as f32 / 10.0);
                let along = x as f32 * bend.cos() + y as f32 * bend.sin();
                127.5 + 127.5 * (along * grow + c as f32).sin()
            }),
        ),
        (
            "hardly any contrast",
            drawn(40, 30, |x, y, c| (x / 24 * 6) as f32 + 2.0 + 2.0 * random[(y * 960 + x) * 3 / 8 + c]),
        ),
        ("black", drawn(2, 2, |_, _, _| 0.0)),
        ("white", drawn(2, 2, |_, _, _| 255.0)),
        ("edges", drawn(24, 24, |x, y, _| if x % 24 < x / 24 || y % 24 < y / 24 { 255.0 } else { 0.0 })),
    ];
    for (what, photo) in &drawings {
        check(kernels, [&floats, &integers], photo.view(), &squares(photo.view()), what);
    }
}

#[test]
fn the_least_logit_is_that_of_the_threshold() {
    for (threshold, expected) in [(0.5, 0.0), (0.6, 0.405_465), (0.7, 0.847_298), (1.0, 8.0)] {
        let found = least_logit(threshold);
        assert!((expected - 2e-3..expected).contains(&found), "{threshold}: {found}, expected {expected}");
    }
    for threshold in [0.0, -1.0] {
        assert!(least_logit(threshold) == f32::NEG_INFINITY, "every score is above {threshold}");
    }
}
