//! The access log as arguments.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};

use super::MIB;
use super::range::whole;
use crate::access_log::LogParams;

/// Arguments of the access log.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct AccessLogArgs {
    /// File that says who looked up, read or changed whose data, as JSON lines with ids and no names; or `database`, for that of
    /// --database-url [default: none is written]
    #[arg(long, env = "FACEREC_ACCESS_LOG", value_name = "FILE", value_parser = place())]
    pub access_log: Option<LogPlace>,
    /// Size from which a new file of the access log is begun, MiB
    #[arg(long, env = "FACEREC_ACCESS_LOG_MAX_MIB", value_name = "MIB", default_value = "64",
          value_parser = whole(1..=65_536_u32))]
    pub access_log_max_mib: u32,
    /// Older files of the access log that are kept, FILE.1 the latest; the oldest is deleted
    #[arg(long, env = "FACEREC_ACCESS_LOG_KEEP", value_name = "N", default_value = "10",
          value_parser = whole(1..=1000_u32))]
    pub access_log_keep: u32,
    /// Age at which entries of the access log are deleted from the database, days
    #[arg(long, env = "FACEREC_ACCESS_LOG_DAYS", value_name = "DAYS", default_value = "400",
          value_parser = whole(1..=36_500_u32))]
    pub access_log_days: u32,
}

/// Where the access log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogPlace {
    /// In the database of people.
    Database,
    /// In a file of that name.
    File(PathBuf),
}

fn place() -> impl TypedValueParser<Value = LogPlace> {
    PathBufValueParser::new()
        .map(|path| if path.as_os_str() == "database" { LogPlace::Database } else { LogPlace::File(path) })
}

impl AccessLogArgs {
    /// The file; `None` for none.
    #[must_use]
    pub fn params(&self) -> Option<LogParams> {
        let Some(LogPlace::File(path)) = &self.access_log else { return None };
        Some(LogParams {
            path: path.clone(),
            max_bytes: u64::from(self.access_log_max_mib) * MIB,
            keep: self.access_log_keep,
        })
    }

    /// Whether the log is in the database.
    #[must_use]
    pub fn in_database(&self) -> bool {
        self.access_log == Some(LogPlace::Database)
    }
}
