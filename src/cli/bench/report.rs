//! The figures, as JSON and as tables.

use std::fmt;

use serde::Serialize;

use super::drive::{Load, milliseconds};
use super::machine::Machine;
use super::stages::Measured;

/// All figures of a run.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Of facerec.
    version: &'static str,
    /// Where a server was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Where the pipeline was measured in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<ServiceReport>,
    photos: Vec<PhotoReport>,
}

/// What was measured, and on what.
#[derive(Debug, Serialize)]
pub(super) struct ServiceReport {
    pub(super) machine: Machine,
    pub(super) engine: &'static str,
    /// Instruction set of the native engine.
    pub(super) kernel: Option<&'static str>,
    /// Numbers that are multiplied in the embedder.
    pub(super) precision: &'static str,
    /// The embedder.
    pub(super) model: String,
    /// Enrolled people.
    pub(super) people: usize,
    /// Photos worked on at a time.
    pub(super) workers: usize,
    /// From nothing to ready: reading, checking and packing the networks, gallery, warm-up.
    pub(super) start_ms: f64,
    /// Maximum memory held at a time, from the start to the end.
    pub(super) peak_memory_mib: Option<f64>,
}

/// One photo's figures.
#[derive(Debug, Serialize)]
pub(super) struct PhotoReport {
    pub(super) photo: String,
    #[serde(flatten)]
    pub(super) measured: Option<Measured>,
    pub(super) loads: Vec<Load>,
}

impl Report {
    /// Of the service in this process.
    pub(super) fn of_service(service: ServiceReport, photos: Vec<PhotoReport>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), url: None, service: Some(service), photos }
    }

    /// Of a server.
    pub(super) fn of_server(url: &str, photos: Vec<PhotoReport>) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), url: Some(url.to_owned()), service: None, photos }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(url) = &self.url {
            writeln!(f, "{url}, over HTTP")?;
        }
        if let Some(service) = &self.service {
            write!(f, "{service}")?;
        }
        for photo in &self.photos {
            write!(f, "\n{photo}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ServiceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "machine      {}", self.machine)?;
        writeln!(
            f,
            "engine       {}{}, {}",
            self.engine,
            self.kernel.map_or(String::new(), |k| format!(", {k}")),
            self.precision
        )?;
        writeln!(f, "model        {}, {} people enrolled", self.model, self.people)?;
        writeln!(f, "workers      {}", self.workers)?;
        writeln!(f, "start        {:.0} ms until ready", self.start_ms)?;
        match self.peak_memory_mib {
            Some(mib) => writeln!(f, "peak memory  {mib:.0} MiB"),
            None => writeln!(f, "peak memory  not told by this system"),
        }
    }
}

impl fmt::Display for PhotoReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.photo)?;
        if let Some(measured) = &self.measured {
            let Measured { width, height, faces, rnet_candidates, onet_candidates, .. } = measured;
            write!(f, ": {width}x{height} pixels, {faces} faces")?;
            writeln!(f, " ({rnet_candidates} candidates of R-Net, {onet_candidates} of O-Net)")?;
            for (stage, time) in measured.stages_ms.rows() {
                writeln!(f, "  {stage:<18} {:>9.2} ms", milliseconds(time))?;
            }
        } else {
            writeln!(f)?;
        }
        writeln!(
            f,
            "  {:>7}  {:>8}  {:>10}  {:>10}  {:>10}",
            "clients", "requests", "p50", "p95", "requests/s"
        )?;
        for load in &self.loads {
            let Load { clients, requests, p50_ms, p95_ms, requests_per_second: rate, .. } = load;
            writeln!(f, "  {clients:>7}  {requests:>8}  {p50_ms:>7.1} ms  {p95_ms:>7.1} ms  {rate:>10.2}")?;
        }
        Ok(())
    }
}
