//! `facerec restore`: a data directory out of a backup.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::files_only::FilesOnlyArgs;
use super::output::{self, printable};
use crate::backup::{KEYS_NAME, restore};

/// The arguments of `facerec restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The file that `facerec backup` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Directory to restore it into, created if missing, which no running service uses
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Restore into a directory that is not empty: its files are moved aside
    #[arg(long, env = "FACEREC_FORCE", value_parser = BoolishValueParser::new())]
    force: bool,
    #[command(flatten)]
    files: FilesOnlyArgs,
}

/// Restores the backup.
///
/// # Errors
/// When the backup is altered or not one, the directory is not empty, or another process writes to it.
pub fn run(args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    args.files.ensure("`pg_restore` restores what `pg_dump` backed up")?;
    let restored = restore(&args.file, &args.data, args.force)?;
    let data = printable(&args.data);
    output::line(format_args!(
        "restored {} files of {} into {data}",
        restored.manifest.files.len(),
        restored.manifest.created_at
    ))?;
    if let Some(replaced) = restored.replaced {
        output::line(format_args!(
            "the files that were there are in {}: delete it when all is well",
            printable(&replaced)
        ))?;
    }
    if restored.manifest.files.iter().any(|file| file.name == KEYS_NAME) {
        output::note(format_args!("The API keys are in {data}/{KEYS_NAME}: `--api-keys-file` names them."));
    }
    Ok(ExitCode::SUCCESS)
}
