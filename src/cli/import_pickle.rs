//! `facerec import-pickle`: converts the Flask service's model file to a gallery.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::data::DataDirectory;
use super::output;
use crate::gallery::{pickle, store};

/// The arguments of `facerec import-pickle`.
#[derive(Debug, Args)]
pub struct ImportPickleArgs {
    #[arg(value_name = "FILE", help = "The Flask service's face_model.pkl")]
    file: PathBuf,
    /// Directory in which gallery.bin is written
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Replace a gallery that has people; they are lost. Without this flag it is an error
    #[arg(long, env = "FACEREC_REPLACE", value_parser = BoolishValueParser::new())]
    replace: bool,
}

/// Imports the file.
///
/// # Errors
/// When the pickle is refused, there are people in the old gallery and `--replace` was not given, or the gallery can't be written.
pub fn run(args: &ImportPickleArgs) -> anyhow::Result<ExitCode> {
    let gallery = pickle::import_file(&args.file)?;
    let data = DataDirectory::new(&args.data);
    let _lock = data.lock()?;
    let replaced = data.replaced(args.replace)?;
    let path = data.gallery();
    store::write(&path, &gallery)?;
    output::line(format_args!(
        "wrote {} ({}, {} people, {} photos)",
        path.display(),
        gallery.recipe().model,
        gallery.len(),
        gallery.photo_count()
    ))?;
    replaced.print()?;
    Ok(ExitCode::SUCCESS)
}
