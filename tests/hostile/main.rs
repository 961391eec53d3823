//! Hostile uploads, thousands of them, posted to a real server eight at a time.
//!
//! `cargo test --release --test hostile` posts a short battery; the whole one is
//!
//! ```text
//! cargo test --release --test hostile -- --uploads 10000
//! ```
//!
//! What must hold: no response is a 5xx other than a 503 with `Retry-After`; the server responds to every
//! request within its own time limit and never ends; good photos in between get the right response;
//! afterwards it holds no more memory than after its warm-up, within 16 MiB; and none of the small photos that stand for
//! much work costs the processor more than an honest photo of their pixels, twice.

mod alone;
mod attack;
#[path = "../common/bombs.rs"]
mod bombs;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/damage.rs"]
mod damage;
mod workbook;

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use attack::{Attack, Corpus};
use common::arguments::{self, Asked, number};
use common::client::{self, NoResponse, Response, Wire};
use common::server::{self, Server};

const HELP: &str = "\
Posts hostile uploads to a facerec server, eight at a time, and checks that it stays right, alive and small.

Usage: cargo test --release --test hostile -- [OPTIONS]

Options:
      --uploads <N>          How many [default: 600]
      --seed <N>             The same seed makes the same uploads [default: 1]
      --address <HOST:PORT>  A server that runs, or a proxy [default: start one]
      --processes <PID,...>  The processes of facerec that serve there; needs --address
      --help                 Print this help

A server that runs is asked with the key in FACEREC_API_KEY, if there is one, and knows the people of data/sample.

Exits with 1 when anything was not as it must be.";

/// Uploads of the short battery: a run of seconds that still meets every kind of attack.
const SHORT: u64 = 600;
/// Connections at a time.
const CLIENTS: u64 = 8;
/// A good photo goes out after each of this many hostile uploads.
const GOOD_EVERY: u64 = 25;
/// Longest time of a request: the server's own limit, and a little for the machine.
const REQUEST_LIMIT: Duration = Duration::from_secs(server::REQUEST_TIMEOUT_S + 10);
/// How much more memory than after the warm-up each process may hold afterwards: buffers of workers that the warm-up did not need.
const MEMORY_MARGIN_KIB: u64 = 16 << 10;
/// `--max-upload-mib`, by default.
const MAX_UPLOAD_KIB: u64 = 20 << 10;
/// How long the server may take to let go of what it held.
const SETTLING: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    let options = match Options::from_arguments() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("hostile: {message}");
            return ExitCode::from(2);
        }
    };
    let faults = run(&options);
    for fault in faults.iter().take(20) {
        eprintln!("hostile: {fault}");
    }
    let (passed, failed) = if faults.is_empty() { (1, 0) } else { (0, 1) };
    println!("\nhostile: {passed} passed, {failed} failed");
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Options {
    uploads: u64,
    seed: u64,
    /// A server that runs, and its processes.
    running: Option<(String, Vec<u32>)>,
}

/// What the driver takes, each with a value.
const OPTIONS: [&str; 4] = ["--uploads", "--seed", "--address", "--processes"];

impl Options {
    /// From what follows the program's name; `None` where nothing is to be done, or help was asked for and printed.
    fn from_arguments() -> Result<Option<Self>, String> {
        let asked = match arguments::read("hostile", &OPTIONS, std::env::args().skip(1))? {
            Asked::Run(asked) => asked,
            Asked::Help => {
                println!("{HELP}");
                return Ok(None);
            }
            Asked::Nothing => return Ok(None),
        };
        let mut options = Self { uploads: SHORT, seed: 1, running: None };
        let (mut address, mut processes) = (None, Vec::new());
        for (name, value) in asked {
            match name.as_str() {
                "--seed" => options.seed = number(&name, &value)?,
                "--uploads" => options.uploads = number(&name, &value)?,
                "--address" => address = Some(value),
                _ => {
                    processes = value.split(',').map(|id| number(&name, id)).collect::<Result<_, _>>()?;
                }
            }
        }
        if address.is_some() == processes.is_empty() {
            return Err("expected --address and --processes, or neither, found one of them".to_owned());
        }
        options.running = address.map(|address| (address, processes));
        Ok(Some(options))
    }

    /// The server that is asked; `data` is for one that is started.
    fn server(&self, data: &Path) -> Server {
        match self.running.clone() {
            Some((address, processes)) => Server { started: None, processes, address },
            None => Server::start(data),
        }
    }
}

/// What the clients have seen, together.
#[derive(Default)]
struct Seen {
    next: AtomicU64,
    faults: Mutex<Vec<String>>,
    /// How often each status came.
    statuses: Mutex<std::collections::BTreeMap<String, u64>>,
    slowest: Mutex<Duration>,
}

impl Seen {
    fn fault(&self, fault: String) {
        self.faults.lock().unwrap().push(fault);
    }
}

fn run(options: &Options) -> Vec<String> {
    let data = server::sample_data();
    let server = options.server(data.path());
    let corpus = Corpus::load();
    let good = GoodPhoto::of(&server);
    warm_up(&server);
    let before = resident_kib(&server);
    let seen = Seen::default();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| client_loop(&server, &corpus, &good, options, &seen));
        }
    });
    // Memory that is given back late is given back: the next photo does the housekeeping.
    warm_up(&server);
    let margin = server.processes.len() as u64 * MEMORY_MARGIN_KIB;
    let limit = before + margin;
    let after = resident_kib_within(&server, limit, SETTLING);
    println!(
        "{} hostile uploads in {:.1} s, seed {}",
        options.uploads,
        start.elapsed().as_secs_f64(),
        options.seed
    );
    println!("responses: {:?}", seen.statuses.lock().unwrap());
    println!("slowest response: {:.2} s", seen.slowest.lock().unwrap().as_secs_f64());
    println!("memory before and after: {before} and {after} KiB");
    if after > limit {
        seen.fault(format!("memory grew from {before} to {after} KiB, more than {margin} KiB"));
    }
    let peak = server.status("VmHWM").expect("the system says what the process held at most");
    let allowed = before + server.processes.len() as u64 * peak_kib(corpus.most_pixels());
    println!("memory at the peak: {peak} KiB, {allowed} allowed");
    if peak > allowed {
        seen.fault(format!("memory reached {peak} KiB, more than {allowed}"));
    }
    let mut faults = seen.faults.into_inner().unwrap();
    faults.extend(alone::too_costly(&server, &corpus));
    faults
}

/// What decoding may take beside what the server holds anyway (docs/reliability.md): for each worker of a process, one a
/// processor, 12 bytes a pixel and 16 MiB; and the uploads themselves.
fn peak_kib(pixels: u64) -> u64 {
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    workers * (pixels * 12 / 1024 + (16 << 10)) + CLIENTS * MAX_UPLOAD_KIB
}

/// The largest photos that are taken, so that buffers have their working size.
fn warm_up(server: &Server) {
    for _ in 0..2 {
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| post_photo(server, &attack::large_photo()));
            }
        });
    }
}

fn client_loop(server: &Server, corpus: &Corpus, good: &GoodPhoto, options: &Options, seen: &Seen) {
    loop {
        let number = seen.next.fetch_add(1, Ordering::Relaxed);
        if number >= options.uploads {
            return;
        }
        let attack = corpus.attack(options.seed, number);
        let start = Instant::now();
        let response = ask(server, &attack.request);
        note(seen, number, &attack, &response, start.elapsed());
        if number.is_multiple_of(GOOD_EVERY) {
            good.check(server, seen, number);
        }
    }
}

fn note(seen: &Seen, number: u64, attack: &Attack, response: &Result<Response, NoResponse>, took: Duration) {
    let what = &attack.what;
    let status = match response {
        Ok(Response { status, retry_after, .. }) => {
            let busy = *status == 503 && *retry_after;
            let allowed = attack.expected.map_or(*status < 500, |expected| *status == expected);
            if !(allowed || busy) {
                seen.fault(format!("upload {number} ({what}) got status {status}"));
            }
            status.to_string()
        }
        // A server may close on a client that breaks the protocol; it may not do so on a whole request.
        Err(NoResponse::Closed) if attack.may_be_cut => "closed".to_owned(),
        Err(NoResponse::Closed) => {
            seen.fault(format!("upload {number} ({what}) got no response"));
            "closed".to_owned()
        }
        Err(NoResponse::TimedOut) => {
            seen.fault(format!("upload {number} ({what}) got no response within {REQUEST_LIMIT:?}"));
            "none".to_owned()
        }
    };
    *seen.statuses.lock().unwrap().entry(status).or_default() += 1;
    let mut slowest = seen.slowest.lock().unwrap();
    *slowest = took.max(*slowest);
}

fn post_photo(server: &Server, photo: &[u8]) -> Result<Response, NoResponse> {
    ask(server, &client::post_photo("/recognize_faces", photo))
}

/// Sends a request, with the key of `FACEREC_API_KEY`.
fn ask(server: &Server, wire: &Wire) -> Result<Response, NoResponse> {
    static KEY: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("FACEREC_API_KEY").ok());
    client::send(&server.address, wire, KEY.as_deref(), REQUEST_LIMIT)
}

/// The sample's group photo, and the response to it before the attack.
struct GoodPhoto {
    photo: Vec<u8>,
    body: String,
}

impl GoodPhoto {
    fn of(server: &Server) -> Self {
        let photo = server::sample("group.jpg");
        let first = post_photo(server, &photo);
        let Ok(Response { status: 200, body, .. }) = first else {
            panic!("expected status 200 to the group photo, found {first:?}")
        };
        assert!(body.contains("Barack Obama"), "{body}");
        Self { photo, body }
    }

    /// Checks that the response is still the same. A full queue is no fault: the photo is sent again.
    fn check(&self, server: &Server, seen: &Seen, number: u64) {
        let deadline = Instant::now() + REQUEST_LIMIT;
        loop {
            match post_photo(server, &self.photo) {
                Ok(Response { status: 200, body, .. }) if body == self.body => return,
                Ok(Response { status: 503, .. }) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                found => {
                    let expected = "expected the response of before the attack";
                    seen.fault(format!("the good photo after upload {number}: {expected}, found {found:?}"));
                    return;
                }
            }
        }
    }
}

/// Memory that the process holds now, KiB.
fn resident_kib(server: &Server) -> u64 {
    server.status("VmRSS").expect("the server runs, and the system says what it holds")
}

/// The same once it is at most `limit`, or when `patience` has run out.
fn resident_kib_within(server: &Server, limit: u64, patience: Duration) -> u64 {
    let deadline = Instant::now() + patience;
    loop {
        let now = resident_kib(server);
        if now <= limit || Instant::now() > deadline {
            return now;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
