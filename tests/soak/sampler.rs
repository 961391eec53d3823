//! Looks at the server and at the tally, again and again.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::common::server::Server;
use crate::report::figures::median;
use crate::report::{Latency, Process, Sample};
use crate::tally::Tally;

pub(crate) struct Sampler {
    start: Instant,
    interval: Duration,
    /// End of the last sample.
    since: Instant,
    /// `VmRSS` in this interval, MiB.
    memory_mib: Vec<f64>,
    pub(crate) samples: Vec<Sample>,
}

impl Sampler {
    pub(crate) fn new(interval: Duration) -> Self {
        let now = Instant::now();
        Self { start: now, interval, since: now, memory_mib: Vec::new(), samples: Vec::new() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Reads the memory; makes a sample when its time has come.
    pub(crate) fn tick(&mut self, server: &Server, tally: &Tally) -> Option<&Sample> {
        self.memory_mib.extend(mib(server, "VmRSS"));
        (self.since.elapsed() >= self.interval).then(|| self.sample(server, tally))
    }

    /// The last sample, if there is enough for one.
    pub(crate) fn finish(&mut self, server: &Server, tally: &Tally) -> Option<&Sample> {
        (self.since.elapsed() >= self.interval / 2).then(|| self.sample(server, tally))
    }

    fn sample(&mut self, server: &Server, tally: &Tally) -> &Sample {
        let memory_mib = median(std::mem::take(&mut self.memory_mib).into_iter());
        let interval = tally.take_interval();
        let now = Instant::now();
        self.samples.push(Sample {
            at_s: (now - self.start).as_secs_f64(),
            seconds: (now - self.since).as_secs_f64(),
            process: memory_mib.and_then(|memory_mib| process(server, memory_mib)),
            requests: interval.requests,
            busy: interval.busy,
            errors: interval.errors,
            latency: Latency::of(interval.waits_ms),
        });
        self.since = now;
        &self.samples[self.samples.len() - 1]
    }
}

fn mib(server: &Server, name: &str) -> Option<f64> {
    server.status(name).map(|kib| kib as f64 / 1024.0)
}

fn process(server: &Server, memory_mib: f64) -> Option<Process> {
    Some(Process {
        memory_mib,
        peak_mib: mib(server, "VmHWM")?,
        threads: server.status("Threads")?,
        open_files: server.proc_folders().map(|folder| open_files(&folder)).sum::<Option<_>>()?,
    })
}

fn open_files(proc_folder: &Path) -> Option<u64> {
    Some(std::fs::read_dir(proc_folder.join("fd")).ok()?.count() as u64)
}
