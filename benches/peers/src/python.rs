//! The networks on ONNX Runtime and PyTorch: writes the inputs to files, runs `peers.py`, and reads its times.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::inputs::{self, Inputs, Stage};

/// What `peers.py` measured, and what it could not run.
#[derive(Default)]
pub(crate) struct Output {
    /// Engine, stage, shortest pass.
    pub(crate) times: Vec<(String, Stage, Duration)>,
    /// Lines `not run: ...`.
    pub(crate) notes: Vec<String>,
}

/// Runs the stages in Python.
pub(crate) fn run(stages: &[Stage], inputs: &Inputs, passes: usize) -> Output {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut manifest = String::new();
    for &stage in stages {
        for (index, batch) in inputs.batches(stage).iter().enumerate() {
            let path = directory.path().join(format!("{}-{index}.f32", stage.name()));
            let bytes: Vec<u8> = batch.data.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(&path, bytes).expect("the input is written");
            let [n, c, h, w] = batch.shape;
            let model = inputs::model_path(stage.file());
            writeln!(manifest, "{}\t{}\t{n},{c},{h},{w}\t{}", stage.name(), model.display(), path.display())
                .expect("text grows");
        }
    }
    let manifest_path = directory.path().join("manifest.tsv");
    std::fs::write(&manifest_path, manifest).expect("the manifest is written");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers.py");
    match Command::new(&python).arg(script).arg(manifest_path).arg(passes.to_string()).output() {
        Ok(output) if output.status.success() => parse(&String::from_utf8_lossy(&output.stdout)),
        Ok(output) => {
            let notes =
                vec![format!("not run: peers.py: {}", String::from_utf8_lossy(&output.stderr).trim())];
            Output { notes, ..Output::default() }
        }
        Err(reason) => Output { notes: vec![format!("not run: {python}: {reason}")], ..Output::default() },
    }
}

/// Reads lines `engine TAB stage TAB seconds`; all others are notes.
fn parse(text: &str) -> Output {
    let mut output = Output::default();
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let stage = |name: &str| Stage::ALL.into_iter().find(|stage| stage.name() == name);
        match fields[..] {
            [engine, name, seconds] if stage(name).is_some() => {
                let time = Duration::from_secs_f64(seconds.parse().expect("seconds"));
                output.times.push((engine.to_owned(), stage(name).expect("checked"), time));
            }
            _ => output.notes.push(line.to_owned()),
        }
    }
    output
}
