//! `facerec bench`: how many photos a machine processes in a second, how soon, and where the time goes.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use clap::builder::BoolishValueParser;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::output;
use super::place::Place;
use super::url::url as service_url;
use crate::allocator;
use crate::config::range::{whole, workers};
use crate::config::{DatabaseArgs, ModelArgs};
use crate::photo_file;
use drive::{Target, drive};
use http::HttpServer;
use report::{PhotoReport, Report};
use service::LocalService;

mod drive;
mod http;
mod machine;
mod report;
mod service;
mod stages;

/// The photo that is sent where none is given: 1536x640 pixels, three faces.
const SAMPLE: (&str, &[u8]) =
    ("data/sample/group.jpg", include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample/group.jpg")));

/// The arguments of `facerec bench`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Photos go through the pipeline, the worker threads and the queue of `facerec serve`, \
    inside this process. What that leaves out is HTTP: sockets, the parsing of uploads, and JSON. With --url, photos \
    are sent to a running server instead, and its clients are on this machine: run it on another one than the server, \
    or they take part of the cores that they measure.\n\nThe stages are measured with one photo alone on all cores, \
    each as the median of several runs."
)]
pub struct BenchArgs {
    /// Photos to send, each measured by itself [default: one with three faces that is inside the program]
    #[arg(value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Clients, each of which sends a photo when it has the response to the one before; several numbers,
    /// separated by commas, are measured one after the other
    #[arg(long, env = "FACEREC_BENCH_CLIENTS", value_name = "N", value_delimiter = ',', default_value = "1,4",
          value_parser = whole(1..=1024_u16))]
    clients: Vec<u16>,
    /// How long each photo is sent by each number of clients, seconds
    #[arg(long, env = "FACEREC_BENCH_SECONDS", value_name = "SECONDS", default_value = "5",
          value_parser = whole(1..=86_400_u32))]
    seconds: u32,
    /// Directory whose gallery.bin is searched [default: nobody is enrolled]
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Photos worked on at a time [default: the number of cores]
    #[arg(long, env = "FACEREC_WORKERS", value_name = "N", value_parser = workers())]
    workers: Option<NonZeroUsize>,
    #[arg(
        long,
        env = "FACEREC_BENCH_URL",
        value_name = "URL",
        value_parser = service_url,
        help = "Measure a running server, for example http://127.0.0.1:5000, as its own settings have it"
    )]
    url: Option<String>,
    /// API key for that server
    #[arg(long, env = "FACEREC_API_KEY", value_name = "KEY", hide_env_values = true, requires = "url")]
    api_key: Option<String>,
    /// Print the figures as JSON
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) models: ModelArgs,
}

/// A photo's name and file.
struct Photo {
    name: String,
    bytes: Vec<u8>,
}

/// Measures, and prints a table or JSON.
///
/// # Errors
/// When a photo, a model or the gallery can't be used, or the server does not respond.
pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    allocator::give_back_large_buffers();
    let photos = photos(&args.photos)?;
    let bar = progress_bar(args, photos.len());
    let report = match &args.url {
        Some(url) => bench_server(args, url, &photos, &bar),
        None => bench_service(args, &photos, &bar),
    };
    bar.finish_and_clear();
    let report = report?;
    if args.json {
        output::line(serde_json::to_string_pretty(&report)?)?;
    } else {
        output::line(report.to_string().trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn photos(paths: &[PathBuf]) -> anyhow::Result<Vec<Photo>> {
    if paths.is_empty() {
        return Ok(vec![Photo { name: SAMPLE.0.to_owned(), bytes: SAMPLE.1.to_vec() }]);
    }
    let read = |path: &PathBuf| {
        let bytes =
            photo_file::read(path).map_err(anyhow::Error::msg).with_context(|| path.display().to_string())?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Photo { name, bytes })
    };
    paths.iter().map(read).collect()
}

/// As long as all photos and clients together take, milliseconds.
fn progress_bar(args: &BenchArgs, photos: usize) -> ProgressBar {
    let seconds = u64::from(args.seconds) * photos as u64 * args.clients.len() as u64;
    let style = ProgressStyle::with_template("{bar:40} {msg}, {left} s of sending left");
    // Known, so not guessed from how fast the bar moved: loading and the stages do not move it.
    let left = |state: &ProgressState, to: &mut dyn std::fmt::Write| {
        let _ = write!(to, "{}", seconds_left(state.len().unwrap_or_default(), state.pos()));
    };
    ProgressBar::new(seconds * 1000)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("left", left))
}

fn seconds_left(all_ms: u64, passed_ms: u64) -> u64 {
    all_ms.saturating_sub(passed_ms).div_ceil(1000)
}

/// Measures the pipeline and its worker threads in this process.
fn bench_service(args: &BenchArgs, photos: &[Photo], bar: &ProgressBar) -> anyhow::Result<Report> {
    bar.set_message("loading the networks");
    let start = Instant::now();
    let place = Place::optional(args.data.as_deref(), &args.database);
    let most_clients = args.clients.iter().copied().max().unwrap_or(1);
    let service = LocalService::start(&args.models, place.as_ref(), args.workers, usize::from(most_clients))?;
    let start = start.elapsed();
    let mut reports = Vec::new();
    for photo in photos {
        bar.set_message(format!("{}: stages", photo.name));
        let budget = Duration::from_secs(u64::from(args.seconds));
        let measured = service.measure_stages(&photo.bytes, budget).with_context(|| photo.name.clone())?;
        let loads = drive_all(args, &service, photo, bar)?;
        reports.push(PhotoReport { photo: photo.name.clone(), measured: Some(measured), loads });
    }
    Ok(Report::of_service(service.describe(&args.models, start), reports))
}

/// Measures a running server.
fn bench_server(args: &BenchArgs, url: &str, photos: &[Photo], bar: &ProgressBar) -> anyhow::Result<Report> {
    let server = HttpServer::new(url, args.api_key.clone());
    let mut reports = Vec::new();
    for photo in photos {
        let loads = drive_all(args, &server, photo, bar)?;
        reports.push(PhotoReport { photo: photo.name.clone(), measured: None, loads });
    }
    Ok(Report::of_server(url, reports))
}

/// Sends a photo by each number of clients in turn.
fn drive_all(
    args: &BenchArgs,
    target: &impl Target,
    photo: &Photo,
    bar: &ProgressBar,
) -> anyhow::Result<Vec<drive::Load>> {
    let time = Duration::from_secs(u64::from(args.seconds));
    let one = |&clients: &u16| {
        bar.set_message(format!("{}: {clients} client(s)", photo.name));
        let before = bar.position();
        let load = drive(target, &photo.bytes, usize::from(clients), time, |passed| {
            bar.set_position(before + passed.as_millis() as u64);
        })
        .with_context(|| photo.name.clone())?;
        bar.set_position(before + time.as_millis() as u64);
        Ok(load)
    };
    args.clients.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_counted_from_the_time_asked_for() {
        assert_eq!(
            [(10_000, 0), (10_000, 1), (10_000, 9_999), (10_000, 12_000)]
                .map(|(all, passed)| seconds_left(all, passed)),
            [10, 10, 1, 0]
        );
    }
}
