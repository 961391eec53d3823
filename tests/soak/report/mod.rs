//! What is told about a run: a line for each interval, CSV, the verdict on memory, and a graph.

pub(crate) mod figures;
pub(crate) mod memory;
pub(crate) mod svg;

/// What happened in an interval.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sample {
    /// Its end, since the start of the run.
    pub(crate) at_s: f64,
    /// How long it was.
    pub(crate) seconds: f64,
    /// What the server held; `None` where the system does not say.
    pub(crate) process: Option<Process>,
    /// Responses of all kinds.
    pub(crate) requests: u64,
    /// Those that were 503 with `Retry-After`.
    pub(crate) busy: u64,
    /// Responses that were not what they must be.
    pub(crate) errors: u64,
    /// Of the group photo; `None` when it was not asked for in this interval.
    pub(crate) latency: Option<Latency>,
}

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Process {
    /// Resident memory (`VmRSS`), median of the readings in the interval, MiB: large photos, which come and go,
    /// are in the peak.
    pub(crate) memory_mib: f64,
    /// The most that it ever was (`VmHWM`), MiB.
    pub(crate) peak_mib: f64,
    pub(crate) threads: u64,
    pub(crate) open_files: u64,
}

/// Percentiles, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Latency {
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
}

impl Latency {
    /// Of waits in any order, milliseconds; `None` without any.
    pub(crate) fn of(mut waits: Vec<f64>) -> Option<Self> {
        waits.sort_by(f64::total_cmp);
        let percentile = |percent| figures::percentile(&waits, percent);
        Some(Self { p50_ms: percentile(50)?, p95_ms: percentile(95)? })
    }
}

impl Sample {
    pub(crate) fn requests_per_second(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// The columns of [`row`].
pub(crate) const HEADING: &str = "    time  memory    peak  threads  files  requests/s  p50 ms  p95 ms   busy  errors\n           MiB     MiB                                group photo";

/// A line of the table.
pub(crate) fn row(sample: &Sample) -> String {
    let seconds = sample.at_s.round() as u64;
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let process = match sample.process {
        Some(Process { memory_mib, peak_mib, threads, open_files }) => {
            format!("{memory_mib:7.1} {peak_mib:7.1}  {threads:7}  {open_files:5}")
        }
        None => format!("{:>7} {:>7}  {:>7}  {:>5}", "-", "-", "-", "-"),
    };
    let latency = match sample.latency {
        Some(Latency { p50_ms, p95_ms }) => format!("{p50_ms:6.0}  {p95_ms:6.0}"),
        None => format!("{:>6}  {:>6}", "-", "-"),
    };
    let Sample { busy, errors, .. } = sample;
    let rate = sample.requests_per_second();
    format!("{minutes:5}:{seconds:02} {process}  {rate:10.1}  {latency}  {busy:5}  {errors:6}")
}

/// All samples, with a line of names before them.
pub(crate) fn csv(samples: &[Sample]) -> String {
    let mut text =
        "at_s,seconds,memory_mib,peak_mib,threads,open_files,requests,requests_per_second,p50_ms,p95_ms,\
                    busy,errors\n"
            .to_owned();
    for sample in samples {
        text += &csv_line(sample);
    }
    text
}

fn csv_line(sample: &Sample) -> String {
    let process = sample.process.map_or(",,,".to_owned(), |process| {
        let Process { memory_mib, peak_mib, threads, open_files } = process;
        format!("{memory_mib:.2},{peak_mib:.2},{threads},{open_files}")
    });
    let latency = sample
        .latency
        .map_or(",".to_owned(), |Latency { p50_ms, p95_ms }| format!("{p50_ms:.1},{p95_ms:.1}"));
    let Sample { at_s, seconds, requests, busy, errors, .. } = sample;
    let rate = sample.requests_per_second();
    format!("{at_s:.1},{seconds:.1},{process},{requests},{rate:.2},{latency},{busy},{errors}\n")
}
