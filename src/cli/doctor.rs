//! `facerec doctor`: what is in the way of a service on this machine, and what to do about it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::data::DataDirectory;
use super::output::{self, JsonArgs};
use crate::config::DatabaseArgs;
use crate::config::range::whole;
use check::{Check, State};

mod check;
mod database;
mod files;
mod gallery;
mod models;
mod system;

/// The arguments of `facerec doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "A line a check: ok, warn or FAIL. Exit codes: 0, or 1 when a check fails, 2 for wrong usage."
)]
pub struct DoctorArgs {
    /// The data directory, which is only read [default: none: only models and port are checked]
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Directory searched first for models
    #[arg(long, env = "FACEREC_MODELS", value_name = "DIR")]
    pub(super) models: Option<PathBuf>,
    /// Statistics of strangers that the service is given [default: those of the model, from LFW]
    #[arg(long, env = "FACEREC_STRANGERS", value_name = "FILE")]
    strangers: Option<PathBuf>,
    /// File of API keys that the service is given
    #[arg(long, env = "FACEREC_API_KEYS_FILE", value_name = "FILE")]
    api_keys_file: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Address that the service listens on
    #[arg(long, env = "FACEREC_HOST", value_name = "ADDRESS", default_value = "0.0.0.0")]
    host: String,
    /// Port that the service listens on
    #[arg(long, env = "FACEREC_PORT", value_name = "PORT", default_value = "5000",
          value_parser = whole(0..=u16::MAX))]
    port: u16,
    #[command(flatten)]
    pub(super) json: JsonArgs,
}

/// Makes all checks, and prints each. Exit code 1 when one fails.
///
/// # Errors
/// When standard output can't be written to.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let checks = checks(args);
    let failed = checks.iter().any(|check| check.state == State::Fail);
    if args.json.json {
        output::json(&json!({ "ok": !failed, "checks": checks }))?;
    } else {
        checks.iter().try_for_each(output::line)?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn checks(args: &DoctorArgs) -> Vec<Check> {
    let mut checks = models::files(args.models.as_deref());
    if let Some(directory) = &args.data {
        let data = DataDirectory::new(directory);
        checks.extend(files::all(&data));
        if directory.is_dir() {
            checks.extend(gallery::all(&data, args.models.as_deref(), args.strangers.as_deref()));
            checks.push(system::disk(&data));
        }
    }
    checks.extend(args.database.params().as_ref().map(database::check));
    checks.push(files::keys(args.api_keys_file.as_deref()));
    checks.push(system::port(&args.host, args.port));
    checks
}
