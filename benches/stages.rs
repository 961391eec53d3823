//! Each stage of the networks on one thread, native (every kernel that this CPU has) beside tract.
//! `cargo bench --bench stages [-- FILTER]`; criterion prints the time of one pass.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use facerec::detect::pyramid::levels;
use facerec::imaging::resample::area_resample;
use facerec::imaging::{OrientedRgb, Window};
use facerec::nn::native::{self, Isa, NativeDetector, NativeFaceNet, Precision};
use facerec::nn::tract::{TractDetector, TractFaceNet};
use facerec::nn::{DetectorNets, FaceInput, FaceNet, LevelSize};

fn model(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name))
        .expect("the model is there")
}

fn photo(name: &str) -> OrientedRgb {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/photos").join(name);
    let pixels = image::open(path).expect("the photo is there").into_rgb8();
    let (width, height) = (pixels.width() as usize, pixels.height() as usize);
    OrientedRgb::from_upright(width, height, pixels.into_raw()).expect("an RGB photo")
}

fn pyramid(photo: &OrientedRgb) -> Vec<LevelSize> {
    levels(photo.width(), photo.height(), 15.0, 0.709).iter().map(|level| level.size).collect()
}

fn pixels(sizes: &[LevelSize]) -> u64 {
    sizes.iter().map(|size| (size.width * size.height) as u64).sum()
}

/// Square windows of many sizes, as P-Net proposes them.
fn windows(photo: &OrientedRgb, count: usize) -> Vec<Window> {
    let window = |i: usize| {
        let side = 20 + i * 7 % 180;
        let (x0, y0) = (i * 97 % (photo.width() - side), i * 61 % (photo.height() - side));
        Window { x0, y0, x1: x0 + side, y1: y0 + side }
    };
    (0..count).map(window).collect()
}

fn available_isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().rev().filter(|isa| isa.is_available())
}

fn area(group: &mut BenchmarkGroup<'_, WallTime>) {
    let photo = photo("group_12mp.jpg");
    let whole = Window { x0: 0, y0: 0, x1: photo.width(), y1: photo.height() };
    let sizes = pyramid(&photo);
    group.throughput(Throughput::Elements(pixels(&sizes)));
    for isa in available_isas() {
        let mut out = Vec::new();
        group.bench_function(format!("native-{isa}"), |b| {
            b.iter(|| {
                for &LevelSize { width, height } in &sizes {
                    native::area_resample(isa, photo.view(), whole, width, height, &mut out)
                        .expect("it runs");
                    black_box(&out);
                }
            });
        });
    }
    group.bench_function("plain", |b| {
        b.iter(|| {
            for size in &sizes {
                black_box(area_resample(photo.view(), whole, size.width, size.height));
            }
        });
    });
}

/// The name and networks of an engine.
type Detector = (String, Box<dyn DetectorNets>);

fn native_detector(isa: Isa) -> NativeDetector {
    let (pnet, rnet, onet) = (model("pnet.onnx"), model("rnet.onnx"), model("onet.onnx"));
    NativeDetector::load_with(isa, &pnet, &rnet, &onet).expect("it loads")
}

fn detectors() -> impl Iterator<Item = Detector> {
    let native =
        available_isas().map(|isa| -> Detector { (format!("native-{isa}"), Box::new(native_detector(isa))) });
    let tract = TractDetector::load(&model("pnet.onnx"), &model("rnet.onnx"), &model("onet.onnx"));
    native.chain([("tract".to_owned(), Box::new(tract.expect("it loads")) as Box<dyn DetectorNets>)])
}

/// Without the first passes of P-Net and R-Net.
fn direct_detectors() -> impl Iterator<Item = Detector> {
    available_isas().map(|isa| -> Detector {
        (format!("direct-{isa}"), Box::new(native_detector(isa).without_first_pass()))
    })
}

fn pnet(group: &mut BenchmarkGroup<'_, WallTime>) {
    // With the resampling, which the native engine does in the same pass.
    let photo = photo("group_12mp.jpg");
    let sizes = pyramid(&photo);
    group.throughput(Throughput::Elements(pixels(&sizes)));
    for (name, nets) in detectors().chain(direct_detectors()) {
        group.bench_function(name, |b| b.iter(|| nets.pnet(photo.view(), &sizes, 0.5).expect("it runs")));
    }
}

fn rnet(group: &mut BenchmarkGroup<'_, WallTime>) {
    let photo = photo("group.png");
    let windows = windows(&photo, 120);
    group.throughput(Throughput::Elements(120));
    for (name, nets) in detectors().chain(direct_detectors()) {
        group.bench_function(name, |b| b.iter(|| nets.rnet(photo.view(), &windows, 0.6).expect("it runs")));
    }
}

fn onet(group: &mut BenchmarkGroup<'_, WallTime>) {
    let photo = photo("group.png");
    let windows = windows(&photo, 24);
    group.throughput(Throughput::Elements(24));
    for (name, nets) in detectors() {
        group.bench_function(name, |b| b.iter(|| nets.onet(photo.view(), &windows).expect("it runs")));
    }
}

fn facenet(group: &mut BenchmarkGroup<'_, WallTime>) {
    let onnx = model("facenet-casia-f16.onnx");
    let faces: Vec<FaceInput> = (0..6)
        .map(|face| {
            FaceInput((0..160 * 160 * 3).map(|i| ((i * 37 + face * 11) % 255) as f32 / 128.0 - 1.0).collect())
        })
        .collect();
    for count in [1, 6] {
        group.throughput(Throughput::Elements(count as u64));
        for isa in available_isas() {
            for precision in Precision::ALL {
                let facenet = NativeFaceNet::load_with(isa, precision, &onnx).expect("it loads");
                group.bench_function(format!("{count}/native-{isa}-{precision}"), |b| {
                    b.iter(|| facenet.embed(&faces[..count]).expect("it runs"));
                });
            }
        }
        for isa in available_isas() {
            let facenet = NativeFaceNet::load_direct(isa, &onnx).expect("it loads");
            group.bench_function(format!("{count}/direct-{isa}"), |b| {
                b.iter(|| facenet.embed(&faces[..count]).expect("it runs"));
            });
        }
        let tract = TractFaceNet::load(&onnx).expect("it loads");
        group.bench_function(format!("{count}/tract"), |b| {
            b.iter(|| tract.embed(&faces[..count]).expect("it runs"));
        });
    }
}

type Stage = fn(&mut BenchmarkGroup<'_, WallTime>);

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("the thread pool has not been used yet");
    let mut criterion = Criterion::default().configure_from_args();
    let stages: [(&str, Stage); 5] =
        [("area_resampling", area), ("pnet", pnet), ("rnet", rnet), ("onet", onet), ("facenet", facenet)];
    for (name, stage) in stages {
        let mut group = criterion.benchmark_group(name);
        group
            .sample_size(10)
            .measurement_time(Duration::from_secs(3))
            .warm_up_time(Duration::from_millis(500));
        stage(&mut group);
        group.finish();
    }
    criterion.final_summary();
}
