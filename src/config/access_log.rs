//! The access log as arguments.

use std::path::PathBuf;

use clap::Args;

use super::MIB;
use super::range::whole;
use crate::access_log::LogParams;

/// Arguments of the access log.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct AccessLogArgs {
    /// File that says who looked up, read or changed whose data, as JSON lines with ids and no names
    /// [default: none is written]
    #[arg(long, env = "FACEREC_ACCESS_LOG", value_name = "FILE")]
    pub access_log: Option<PathBuf>,
    /// Size from which a new file of the access log is begun, MiB
    #[arg(long, env = "FACEREC_ACCESS_LOG_MAX_MIB", value_name = "MIB", default_value = "64",
          value_parser = whole(1..=65_536_u32))]
    pub access_log_max_mib: u32,
    /// Older files of the access log that are kept, FILE.1 the latest; the oldest is deleted
    #[arg(long, env = "FACEREC_ACCESS_LOG_KEEP", value_name = "N", default_value = "10",
          value_parser = whole(1..=1000_u32))]
    pub access_log_keep: u32,
}

impl AccessLogArgs {
    /// The checked form; `None` for no log.
    #[must_use]
    pub fn params(&self) -> Option<LogParams> {
        Some(LogParams {
            path: self.access_log.clone()?,
            max_bytes: u64::from(self.access_log_max_mib) * MIB,
            keep: self.access_log_keep,
        })
    }
}
