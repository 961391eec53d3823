//! The native engine against tract, network by network, on each kernel that this CPU can run.

use std::path::Path;

use facerec::detect::pyramid::levels;
use facerec::error::Error;
use facerec::imaging::{OrientedRgb, RgbView, Window};
use facerec::nn::native::{Isa, NativeDetector, NativeFaceNet, Precision};
use facerec::nn::tract::{TractDetector, TractFaceNet};
use facerec::nn::{DetectorNets, FaceInput, FaceNet, LevelSize, Proposal, Refinement};

use crate::support::models::vggface2_bytes;

/// Largest difference allowed: 1e-4, relative to values above 1.
const TOLERANCE: f32 = 1e-4;
/// Least cosine of an embedding in 16-bit integers to that of tract.
const INTEGER_COSINE: f64 = 0.999_99;
/// A kernel and tract may disagree on cells this near to the threshold.
const NEAR_THRESHOLD: f32 = 1e-4;

fn model(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name)).unwrap()
}

fn photo(name: &str) -> OrientedRgb {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/photos").join(name);
    let pixels = image::open(path).unwrap().into_rgb8();
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    OrientedRgb::from_upright(width, height, pixels.into_raw()).unwrap()
}

fn available_isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

fn native_detector(isa: Isa) -> NativeDetector {
    NativeDetector::load_with(isa, &model("pnet.onnx"), &model("rnet.onnx"), &model("onet.onnx")).unwrap()
}

fn tract_detector() -> TractDetector {
    TractDetector::load(&model("pnet.onnx"), &model("rnet.onnx"), &model("onet.onnx")).unwrap()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (a, b)) in found.iter().zip(expected).enumerate() {
        let allowed = TOLERANCE * b.abs().max(1.0);
        assert!((a - b).abs() <= allowed, "{what}, number {index}: found {a}, expected {b}");
    }
}

/// Numbers from 0 to 1 that look random and are the same each time.
fn noise(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / 16_777_216.0
    }
}

/// A photo of smooth blobs and noise: P-Net finds cells of all scores in it.
fn noisy_photo(width: usize, height: usize) -> OrientedRgb {
    let mut noise = noise((width * 1000 + height) as u32);
    let mut data = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let wave = ((x as f32 / 7.0).sin() + ((y + 5 * c) as f32 / 9.0).cos()) * 50.0;
                data.push((128.0 + wave + (noise() - 0.5) * 50.0) as u8);
            }
        }
    }
    OrientedRgb::from_upright(width, height, data).unwrap()
}

fn assert_same_proposals(found: &[Proposal], expected: &[Proposal], threshold: f32, what: &str) {
    let sure = |list: &[Proposal]| -> Vec<(u32, u32)> {
        let near = |p: &&Proposal| p.score >= threshold + NEAR_THRESHOLD;
        list.iter().filter(near).map(|p| (p.row, p.col)).collect()
    };
    let find = |list: &[Proposal], row, col| list.iter().find(|p| (p.row, p.col) == (row, col)).copied();
    for (row, col) in sure(expected) {
        assert!(find(found, row, col).is_some(), "{what}: cell {row}, {col} is missing");
    }
    for proposal in found {
        let same = find(expected, proposal.row, proposal.col);
        let Some(same) = same else {
            assert!(proposal.score < threshold + NEAR_THRESHOLD, "{what}: {proposal:?} is too many");
            continue;
        };
        assert_close(&[proposal.score], &[same.score], what);
        assert_close(&proposal.regression, &same.regression, what);
    }
    let order: Vec<(u32, u32)> = found.iter().map(|p| (p.row, p.col)).collect();
    assert!(order.is_sorted(), "{what}: cells are expected in row-major order");
}

#[test]
fn pnet_agrees_with_tract_on_a_photo() {
    let photo = photo("astronaut.png");
    let sizes: Vec<LevelSize> = levels(512, 512, 40.0, 0.709).iter().map(|level| level.size).collect();
    let expected = tract_detector().pnet(photo.view(), &sizes, 0.5).unwrap();
    assert!(expected.iter().flatten().count() > 50, "the photo is expected to have candidates");
    for isa in available_isas() {
        let found = native_detector(isa).pnet(photo.view(), &sizes, 0.5).unwrap();
        for (level, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_same_proposals(found, expected, 0.5, &format!("{isa}, level {level}"));
        }
    }
}

#[test]
fn pnet_agrees_with_tract_on_all_cells_of_odd_sizes() {
    // Widths around the tiles of all kernels (3, 6, 12, 14 pixels), both parities, one single cell,
    // enlarging and shrinking, and more rows than 16-bit sums hold.
    let tract = tract_detector();
    let sizes = [(12, 12), (13, 12), (12, 13), (14, 17), (15, 30), (37, 25), (41, 40), (42, 12), (68, 71)];
    for photo in [noisy_photo(31, 47), noisy_photo(120, 90), noisy_photo(40, 4000)] {
        let sizes = sizes.map(|(width, height)| LevelSize { width, height });
        let expected = tract.pnet(photo.view(), &sizes, 0.0).unwrap();
        for isa in available_isas() {
            let found = native_detector(isa).pnet(photo.view(), &sizes, 0.0).unwrap();
            for ((found, expected), size) in found.iter().zip(&expected).zip(sizes) {
                let (columns, rows) = size.cells();
                assert_eq!(found.len(), columns * rows, "{isa}, {size:?}");
                assert_same_proposals(found, expected, 0.0, &format!("{isa}, {size:?}"));
            }
        }
    }
}

/// A photo of `pixel(x, y, channel)`.
fn drawn(width: usize, height: usize, mut pixel: impl FnMut(usize, usize, usize) -> u8) -> OrientedRgb {
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let data = places.flat_map(|(x, y)| [pixel(x, y, 0), pixel(x, y, 1), pixel(x, y, 2)]).collect();
    OrientedRgb::from_upright(width, height, data).unwrap()
}

#[test]
fn the_first_pass_of_pnet_changes_no_bit() {
    let mut noise = noise(11);
    let photos = [
        ("faces", photo("astronaut.png")),
        ("no face", photo("no_face.png")),
        ("noise", drawn(260, 190, |_, _, _| (noise() * 256.0) as u8)),
        ("waves", noisy_photo(300, 170)),
        ("checkerboard", drawn(150, 130, |x, y, _| if (x + y) % 2 == 0 { 0 } else { 255 })),
        ("coloured squares", drawn(150, 131, |x, y, c| if (x / 3 + y / 2 + c) % 2 == 0 { 0 } else { 255 })),
        ("white", drawn(90, 70, |_, _, _| 255)),
        ("edge of black", drawn(97, 80, |x, _, _| if x < 50 { 0 } else { 255 })),
    ];
    for isa in available_isas() {
        let (with, without) = (native_detector(isa), native_detector(isa).without_first_pass());
        // The scalar kernels are slow where little is optimised: the photos are left out.
        for (what, photo) in photos.iter().skip(if isa == Isa::Scalar { 2 } else { 0 }) {
            let mut sizes: Vec<LevelSize> =
                levels(photo.width(), photo.height(), 40.0, 0.709).iter().map(|level| level.size).collect();
            sizes.extend(
                [(12, 12), (15, 30), (37, 25), (150, 131)].map(|(width, height)| LevelSize { width, height }),
            );
            let all = without.pnet(photo.view(), &sizes, 0.0).unwrap();
            // Scores that cells have: they lie exactly at the threshold.
            let scores = all.iter().flatten().step_by(997).map(|cell| cell.score).take(4);
            for threshold in [0.0, 0.001, 0.3, 0.6, 0.7, 0.99, 1.0].into_iter().chain(scores) {
                let found = with.pnet(photo.view(), &sizes, threshold).unwrap();
                let expected = without.pnet(photo.view(), &sizes, threshold).unwrap();
                assert!(found == expected, "{isa}, {what}, threshold {threshold}");
                let reached = all.iter().flatten().filter(|cell| cell.score >= threshold).count();
                assert_eq!(found.iter().flatten().count(), reached, "{isa}, {what}, threshold {threshold}");
            }
        }
    }
}

#[test]
fn the_first_pass_of_rnet_changes_no_bit() {
    let mut noise = noise(12);
    let photos = [
        ("faces", photo("group.jpg")),
        ("noise", drawn(260, 190, |_, _, _| (noise() * 256.0) as u8)),
        ("waves", noisy_photo(300, 170)),
        ("coloured squares", drawn(150, 131, |x, y, c| if (x / 3 + y / 2 + c) % 2 == 0 { 0 } else { 255 })),
        ("edge of black", drawn(97, 80, |x, _, _| if x < 50 { 0 } else { 255 })),
    ];
    for isa in available_isas() {
        let (with, without) = (native_detector(isa), native_detector(isa).without_first_pass());
        for (what, photo) in &photos {
            let windows = some_windows(photo.view(), if isa == Isa::Scalar { 10 } else { 150 });
            let all = without.rnet(photo.view(), &windows, -1.0).unwrap();
            assert!(all.iter().all(Option::is_some), "{isa}, {what}: every score is above -1");
            // Scores that windows have: they lie exactly at the threshold, and are not above it.
            let scores = all.iter().flatten().step_by(49).map(|output| output.score);
            for threshold in [-1.0, 0.0, 0.001, 0.3, 0.6, 0.7, 0.99, 1.0].into_iter().chain(scores) {
                let expected: Vec<Option<Refinement>> =
                    all.iter().map(|output| output.filter(|output| output.score > threshold)).collect();
                let found = with.rnet(photo.view(), &windows, threshold).unwrap();
                assert!(found == expected, "{isa}, {what}, threshold {threshold}");
            }
        }
    }
}

/// Runs `work` on a pool of `threads` threads.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn answers_are_bit_equal_on_any_number_of_threads() {
    let photo = noisy_photo(700, 500);
    let sizes: Vec<LevelSize> = levels(700, 500, 15.0, 0.709).iter().map(|level| level.size).collect();
    let windows = some_windows(photo.view(), 29);
    let faces = some_faces(5);
    for isa in available_isas() {
        let detector = native_detector(isa);
        let facenets = Precision::ALL.map(|precision| {
            NativeFaceNet::load_with(isa, precision, &model("facenet-casia-f16.onnx")).unwrap()
        });
        let few = if isa == Isa::Scalar { &faces[..2] } else { &faces[..] };
        let answer = |threads| {
            on_threads(threads, || {
                let embeddings = facenets.each_ref().map(|facenet| facenet.embed(few).unwrap());
                let pnet = detector.pnet(photo.view(), &sizes, 0.3).unwrap();
                let rnet = detector.rnet(photo.view(), &windows, 0.3).unwrap();
                (pnet, rnet, detector.onet(photo.view(), &windows).unwrap(), embeddings)
            })
        };
        let one = answer(1);
        for threads in [2, 3, 7] {
            assert!(answer(threads) == one, "{isa} on {threads} threads");
        }
        // And one face in a batch is what it is alone.
        for (facenet, embeddings) in facenets.iter().zip(&one.3) {
            assert!(facenet.embed(&few[1..2]).unwrap()[0] == embeddings[1], "{isa}, {}", facenet.precision());
        }
    }
}

/// Windows of all kinds: whole, one pixel, one row, one column, small (enlarged), large.
fn some_windows(photo: RgbView<'_>, count: usize) -> Vec<Window> {
    let (width, height) = (photo.width, photo.height);
    let mut windows = vec![
        Window { x0: 0, y0: 0, x1: width, y1: height },
        Window { x0: width - 1, y0: height - 1, x1: width, y1: height },
        Window { x0: 0, y0: 3, x1: width, y1: 4 },
        Window { x0: 5, y0: 0, x1: 6, y1: height },
    ];
    let mut noise = noise(7);
    while windows.len() < count {
        let x0 = (noise() * (width - 20) as f32) as usize;
        let y0 = (noise() * (height - 20) as f32) as usize;
        let side = 5 + (noise() * 200.0) as usize;
        windows.push(Window { x0, y0, x1: (x0 + side).min(width), y1: (y0 + side + 3).min(height) });
    }
    windows
}

#[test]
fn rnet_and_onet_agree_with_tract() {
    let photo = photo("astronaut.png");
    let mut windows = some_windows(photo.view(), 27);
    windows.push(Window { x0: 170, y0: 60, x1: 280, y1: 190 }); // the face
    let tract = tract_detector();
    let all = |nets: &dyn DetectorNets| -> Vec<Refinement> {
        nets.rnet(photo.view(), &windows, -1.0).unwrap().into_iter().map(Option::unwrap).collect()
    };
    let rnet = all(&tract);
    let onet = tract.onet(photo.view(), &windows).unwrap();
    for isa in available_isas() {
        let native = native_detector(isa);
        for (index, (found, expected)) in all(&native).iter().zip(&rnet).enumerate() {
            let what = format!("{isa}, R-Net, window {index}");
            assert_close(&[found.score], &[expected.score], &what);
            assert_close(&found.regression, &expected.regression, &what);
        }
        let answers = native.onet(photo.view(), &windows).unwrap();
        assert!(answers[27].score > 0.9, "the face is one: {:?}", answers[27]);
        for (index, (found, expected)) in answers.iter().zip(&onet).enumerate() {
            let what = format!("{isa}, O-Net, window {index}");
            assert_close(&[found.score], &[expected.score], &what);
            assert_close(&found.regression, &expected.regression, &what);
            assert_close(&found.landmarks, &expected.landmarks, &what);
        }
        assert!(native.rnet(photo.view(), &[], 0.6).unwrap().is_empty());
        assert!(native.onet(photo.view(), &[]).unwrap().is_empty());
    }
}

fn some_faces(count: usize) -> Vec<FaceInput> {
    let photo = photo("astronaut.png");
    let cut = |index: usize| {
        let (x0, y0) = (150 + 3 * index, 40 + 2 * index);
        let rows = (0..160).flat_map(|y| {
            let start = ((y0 + y) * photo.width() + x0) * 3;
            photo.view().data[start..start + 160 * 3].iter().map(|&v| (f32::from(v) - 127.5) / 128.0)
        });
        FaceInput(rows.collect())
    };
    (0..count).map(cut).collect()
}

fn assert_embeddings_agree(onnx: &[u8]) {
    let faces = some_faces(4);
    let expected = TractFaceNet::load(onnx).unwrap().embed(&faces).unwrap();
    for isa in available_isas() {
        let facenet = NativeFaceNet::load_with(isa, Precision::F32, onnx).unwrap();
        let found = facenet.embed(&faces).unwrap();
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_close(found, expected, &format!("{isa}, face {index}"));
            let norm: f32 = found.iter().map(|v| v * v).sum();
            assert!((norm - 1.0).abs() < 1e-5, "{isa}: norm {norm}");
        }
        assert!(facenet.embed(&[]).unwrap().is_empty());
        let integers = NativeFaceNet::load_with(isa, Precision::Int16, onnx).unwrap().embed(&faces).unwrap();
        for (found, expected) in integers.iter().zip(&expected) {
            let cosine: f64 = found.iter().zip(expected).map(|(a, b)| f64::from(a * b)).sum();
            assert!(cosine >= INTEGER_COSINE, "{isa}: the cosine of integers to tract is {cosine}");
        }
    }
}

#[test]
fn facenet_agrees_with_tract_on_the_casia_model() {
    assert_embeddings_agree(&model("facenet-casia-f16.onnx"));
}

#[test]
fn facenet_agrees_with_tract_on_the_vggface2_model() {
    if let Some(onnx) = vggface2_bytes() {
        assert_embeddings_agree(&onnx);
    }
}

#[test]
fn a_graph_that_is_another_network_is_refused() {
    let message = |result: Result<NativeFaceNet, Error>| match result {
        Err(Error::Model(error)) => error.to_string(),
        other => panic!("expected a model error, found {other:?}"),
    };
    for other in ["pnet.onnx", "rnet.onnx", "onet.onnx"] {
        let found = message(NativeFaceNet::load(&model(other)));
        assert!(found.starts_with("FaceNet is not the network that was expected"), "{found}");
    }
    let found = message(NativeFaceNet::load(b"no model at all"));
    assert!(found.starts_with("FaceNet can't be read as an ONNX network"), "{found}");
    assert!(matches!(NativeFaceNet::load(&[]), Err(Error::Model(_))));
    let mut cut = model("facenet-casia-f16.onnx");
    cut.truncate(cut.len() / 2);
    assert!(matches!(NativeFaceNet::load(&cut), Err(Error::Model(_))));
    let (pnet, rnet, onet) = (model("pnet.onnx"), model("rnet.onnx"), model("onet.onnx"));
    let found = NativeDetector::load(&pnet, &onet, &rnet).unwrap_err().to_string();
    assert!(found.starts_with("R-Net is not the network that was expected"), "{found}");
}

#[test]
fn a_face_of_another_length_is_refused() {
    let facenet = NativeFaceNet::load(&model("facenet-casia-f16.onnx")).unwrap();
    let found = facenet.embed(&[FaceInput(vec![0.0; 5])]).unwrap_err().to_string();
    assert_eq!(found, "expected 76800 floats per face, found 5");
}

#[test]
fn integers_are_the_fastest_only_where_they_have_a_kernel() {
    let fastest: Vec<Precision> = Isa::ALL.into_iter().map(Precision::fastest).collect();
    assert_eq!(
        fastest,
        [Precision::F32, Precision::F32, Precision::Int16, Precision::Int16],
        "{:?}",
        Isa::ALL
    );
}

#[test]
fn kernels_have_names() {
    for isa in Isa::ALL {
        assert_eq!(Isa::from_name(isa.name()), Some(isa));
        assert_eq!(Isa::from_name(&isa.name().to_uppercase()), Some(isa));
    }
    assert_eq!(Isa::from_name("sse9"), None);
    assert!(Isa::detect().is_available());
}
