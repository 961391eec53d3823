//! `facerec backup`: a data directory as one file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;
use clap::builder::BoolishValueParser;
use indicatif::HumanBytes;

use super::command_log::CommandLog;
use super::files_only::FilesOnlyArgs;
use super::output::{self, printable};
use crate::access_log::Action;
use crate::backup::{create, left_out};
use crate::config::AccessLogArgs;

/// The arguments of `facerec backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The data directory; a service may run on it
    #[arg(value_name = "DATA", env = "FACEREC_DATA")]
    data: PathBuf,
    /// Tar file that is written, for its owner only
    #[arg(long, short, env = "FACEREC_OUTPUT", value_name = "FILE")]
    output: PathBuf,
    /// File of API keys, where it lies outside of the data directory
    #[arg(long, env = "FACEREC_API_KEYS_FILE", value_name = "FILE")]
    api_keys_file: Option<PathBuf>,
    /// Replace a file that is there
    #[arg(long, env = "FACEREC_FORCE", value_parser = BoolishValueParser::new())]
    force: bool,
    #[command(flatten)]
    files: FilesOnlyArgs,
    #[command(flatten)]
    access_log: AccessLogArgs,
}

/// Writes the backup, and says what is in it and what is not.
///
/// # Errors
/// When there is a file already, one can't be read, or the backup can't be written.
pub fn run(args: &BackupArgs) -> anyhow::Result<ExitCode> {
    args.files.ensure("`pg_dump` backs a database up")?;
    ensure!(args.data.is_dir(), "{}: expected a data directory, found none", printable(&args.data));
    output::ensure_new(&args.output, args.force)?;
    let keys = args.api_keys_file.as_deref();
    if let Some(keys) = keys {
        ensure!(keys.is_file(), "--api-keys-file {}: expected a file, found none", printable(keys));
    }
    let log = CommandLog::open(&args.access_log, None)?;
    let manifest = create(&args.data, keys, &args.output)?;
    // Everybody, in whatever file.
    log.record(Action::Export, [])?;
    for file in &manifest.files {
        output::line(format_args!("{:>12}  {}", HumanBytes(file.bytes).to_string(), file.name))?;
    }
    output::line(format_args!("wrote {}", printable(&args.output)))?;
    let left_out = left_out(&args.data, keys)?;
    if !left_out.is_empty() {
        output::note(format_args!("Not in the backup: {}.", left_out.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}
