//! Mixed traffic at a real server, for as long as is asked for: does it stay right, and does it stay small?
//!
//! `cargo test --release --test soak` takes 20 seconds and asserts that each kind of traffic occurred; a
//! soak is
//!
//! ```text
//! cargo test --release --test soak -- --minutes 60 --svg soak.svg --csv soak.csv
//! ```
//!
//! Every response is checked: good photos name the people in them, changes of people and rosters show at
//! once, bad uploads get their 4xx, and only 503 with `Retry-After` may come instead. Memory must be as
//! large in the last fifth of the time as it was after the warm-up, within 5 %.

mod bad;
#[path = "../common/mod.rs"]
mod common;
mod folder;
mod options;
mod photos;
mod recognition;
mod report;
mod sampler;
mod session;
mod tally;
mod traffic;
mod visitors;
mod watching;

use std::process::ExitCode;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use common::server::{self, Server};
use folder::Folder;
use indicatif::{ProgressBar, ProgressStyle};
use options::Options;
use photos::Photos;
use report::Sample;
use report::memory::Memory;
use sampler::Sampler;
use session::Session;
use tally::Tally;
use visitors::Visitors;

/// Samples of a run of more than two minutes.
const SAMPLES: u32 = 120;
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
/// How often memory is read.
const TICK: Duration = Duration::from_millis(200);
/// Errors that are printed.
const SHOWN_ERRORS: usize = 20;

fn main() -> ExitCode {
    match Options::from_arguments() {
        Ok(Some(options)) => soak(&options),
        Ok(None) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("soak: {message}");
            ExitCode::from(2)
        }
    }
}

fn soak(options: &Options) -> ExitCode {
    let data = server::sample_data();
    let server = Server::start(data.path());
    let session = Session {
        folder: Folder::open(data.path().to_path_buf()),
        photos: Photos::prepare(),
        visitors: Visitors::prepare(),
        tally: Tally::default(),
        server,
    };
    println!(
        "mixed traffic for {:.1} min, {} clients, seed {}",
        options.time.as_secs_f64() / 60.0,
        options.clients,
        options.seed
    );
    if session.server.status("VmRSS").is_none() {
        println!("the server's memory, threads and files are told on Linux only");
    }
    let samples = drive(&session, options);
    let faults = judge(&session, &samples);
    let written = write_files(options, &samples);
    let (passed, failed) = if faults.is_empty() && written.is_ok() { (1, 0) } else { (0, 1) };
    for fault in faults.iter().take(SHOWN_ERRORS).chain(&written.err()) {
        eprintln!("soak: {fault}");
    }
    println!("\nsoak: {passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Sends the traffic and prints a line for each interval.
fn drive(session: &Session, options: &Options) -> Vec<Sample> {
    let mut sampler = Sampler::new((options.time / SAMPLES).max(SHORTEST_INTERVAL));
    let (next, end) = (AtomicU64::new(0), Instant::now() + options.time);
    let bar = progress_bar(options.time);
    println!("{}", report::HEADING);
    let print = |sample: Option<&Sample>| {
        if let Some(sample) = sample {
            bar.suspend(|| println!("{}", report::row(sample)));
        }
    };
    std::thread::scope(|scope| {
        let client = || traffic::run_client(session, options.seed, &next, end);
        let clients: Vec<_> = (0..options.clients).map(|_| scope.spawn(client)).collect();
        while !clients.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            std::thread::sleep(TICK);
            print(sampler.tick(&session.server, &session.tally));
            bar.set_position(sampler.elapsed().as_secs());
        }
    });
    print(sampler.finish(&session.server, &session.tally));
    bar.finish_and_clear();
    sampler.samples
}

fn progress_bar(time: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {elapsed} of {msg}");
    ProgressBar::new(time.as_secs())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(format!("{} s", time.as_secs()))
}

/// Prints what came and whether memory stayed; returns what is wrong.
fn judge(session: &Session, samples: &[Sample]) -> Vec<String> {
    let mut faults = session.tally.errors();
    println!();
    for (kind, count) in session.tally.counts() {
        println!("{count:8}  {}", kind.name());
        if count == 0 {
            faults.push(format!("{}: expected at least one, found none", kind.name()));
        }
    }
    let waits = samples.iter().filter_map(|sample| sample.latency);
    let slowest = waits.map(|latency| latency.p95_ms).fold(0.0, f64::max);
    let busy: u64 = samples.iter().map(|sample| sample.busy).sum();
    println!("\nresponses: {} wrong, {busy} times busy", session.tally.errors().len());
    println!("latency of the group photo: p95 of the slowest interval {slowest:.0} ms");
    match Memory::of(samples) {
        Some(memory) => {
            println!("{memory}");
            if memory.is_fault() {
                faults.push(format!("memory changed by {:+.1} %", memory.change_percent()));
            }
        }
        None => println!("memory: too few samples to say anything"),
    }
    faults
}

fn write_files(options: &Options, samples: &[Sample]) -> Result<(), String> {
    let failed = |path: &std::path::Path, error| format!("{} can't be written: {error}", path.display());
    if let Some(path) = &options.csv {
        std::fs::write(path, report::csv(samples)).map_err(|error| failed(path, error))?;
    }
    if let Some(path) = &options.svg {
        let title = format!("facerec serve under mixed traffic of {} clients", options.clients);
        std::fs::write(path, report::svg::graph(&title, samples)).map_err(|error| failed(path, error))?;
    }
    Ok(())
}
