//! Compares the networks on facerec's native engine, tract, rten, ONNX Runtime and PyTorch: the same ONNX files, the
//! same inputs, one thread each, in one run. Prints the shortest of several passes and its ratio to the native engine.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml [-- STAGE...]`; `PYTHON` names the interpreter of
//! `peers.py` (default `python3`), `PASSES` the number of passes (default 20).
//!
//! P-Net's time includes area resampling for the engines of facerec, which take the photo. The other runtimes get
//! the resampled levels. 16-bit integers, as an engine, are for FaceNet only. facerec's own engine computes P-Net and R-Net in two
//! passes, as in the service.

mod inputs;
mod python;
mod rten_peer;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use facerec::nn::native::{Isa, NativeDetector, NativeFaceNet, Precision};
use facerec::nn::tract::{TractDetector, TractFaceNet};
use facerec::nn::{DetectorNets, FaceNet};

use inputs::{Inputs, Stage};

/// The shortest pass of each engine on each stage; the engines in the order of the table.
type Times = BTreeMap<(Stage, usize), Duration>;

const ENGINES: [&str; 6] = ["native", "native int16", "tract", "rten", "onnxruntime", "torch"];
/// Index of the first engine that runs in Python.
const PYTHON: usize = 4;

/// facerec's engines on one stage.
fn run_facerec(nets: &dyn DetectorNets, facenet: &dyn FaceNet, stage: Stage, inputs: &Inputs) {
    let photo = inputs.photo(stage).view();
    match stage {
        Stage::Pnet => drop(nets.pnet(photo, &inputs.levels, 0.5).expect("P-Net runs")),
        Stage::Rnet => drop(nets.rnet(photo, &inputs.rnet_windows, 0.6).expect("R-Net runs")),
        Stage::Onet => drop(nets.onet(photo, &inputs.onet_windows).expect("O-Net runs")),
        Stage::FaceNet1 => drop(facenet.embed(&inputs.faces[..1]).expect("FaceNet runs")),
        Stage::FaceNet6 => drop(facenet.embed(&inputs.faces).expect("FaceNet runs")),
    }
}

fn record(times: &mut Times, stage: Stage, engine: usize, time: Duration) {
    times.entry((stage, engine)).and_modify(|best| *best = time.min(*best)).or_insert(time);
}

fn print(times: &Times, stages: &[Stage], notes: &[String]) {
    print!("{:<12}", "stage");
    ENGINES.iter().for_each(|engine| print!(" {engine:>22}"));
    println!();
    for &stage in stages {
        print!("{:<12}", stage.name());
        let native = times[&(stage, 0)].as_secs_f64();
        for engine in 0..ENGINES.len() {
            let cell = times.get(&(stage, engine)).map_or_else(
                || if engine == 1 { "-" } else { "not run" }.to_owned(),
                |time| format!("{:.2} ms ({:.2}x)", time.as_secs_f64() * 1e3, time.as_secs_f64() / native),
            );
            print!(" {cell:>22}");
        }
        println!();
    }
    notes.iter().for_each(|note| println!("{note}"));
}

fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("the thread pool has not been used yet");
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let stages: Vec<Stage> = Stage::ALL
        .into_iter()
        .filter(|stage| wanted.is_empty() || wanted.iter().any(|w| w == stage.name()))
        .collect();
    let passes = std::env::var("PASSES").ok().and_then(|passes| passes.parse().ok()).unwrap_or(20);

    let inputs = Inputs::load();
    let (p, r, o) = (inputs::model("pnet.onnx"), inputs::model("rnet.onnx"), inputs::model("onet.onnx"));
    let f = inputs::model(inputs::FACENET);
    let native =
        (NativeDetector::load(&p, &r, &o).expect("it loads"), NativeFaceNet::load(&f).expect("it loads"));
    let int16 = NativeFaceNet::load_with(Isa::detect(), Precision::Int16, &f).expect("it loads");
    let tract =
        (TractDetector::load(&p, &r, &o).expect("it loads"), TractFaceNet::load(&f).expect("it loads"));
    let rten = rten_peer::Networks::load();
    rten.check(&inputs, &native.1);
    println!("one thread, native engine on {}, shortest of {} passes", Isa::detect(), 2 * passes);

    let mut times = Times::new();
    let mut notes = Vec::new();
    // In two rounds around the Python runtimes, so that a change of the clock rate meets all of them.
    for round in 0..2 {
        for &stage in &stages {
            for _ in 0..passes {
                let mut time = |engine: usize, run: &dyn Fn()| {
                    let start = Instant::now();
                    run();
                    record(&mut times, stage, engine, start.elapsed());
                };
                time(0, &|| run_facerec(&native.0, &native.1, stage, &inputs));
                if stage.is_facenet() {
                    time(1, &|| run_facerec(&native.0, &int16, stage, &inputs));
                }
                time(2, &|| run_facerec(&tract.0, &tract.1, stage, &inputs));
                time(3, &|| rten.run(stage, &inputs));
            }
        }
        if round == 0 {
            let output = python::run(&stages, &inputs, 2 * passes);
            notes = output.notes;
            for (engine, stage, time) in output.times {
                let engine =
                    ENGINES.iter().position(|name| *name == engine).filter(|&engine| engine >= PYTHON);
                record(&mut times, stage, engine.expect("peers.py prints an engine of the table"), time);
            }
        }
    }
    print(&times, &stages, &notes);
}
