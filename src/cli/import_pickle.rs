//! `facerec import-pickle`: the old service's model file becomes a gallery.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::data::DataFolder;
use super::output;
use crate::gallery::{pickle, store};

/// The arguments of `facerec import-pickle`.
#[derive(Debug, Args)]
pub struct ImportPickleArgs {
    #[arg(value_name = "FILE", help = "The old service's face_model.pkl")]
    file: PathBuf,
    /// Folder in which gallery.bin is written; an existing one is replaced
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
}

/// Imports the file.
///
/// # Errors
/// When the pickle is refused or the gallery can't be written.
pub fn run(args: &ImportPickleArgs) -> anyhow::Result<ExitCode> {
    let gallery = pickle::import_file(&args.file)?;
    let data = DataFolder::new(&args.data);
    let _lock = data.lock()?;
    let path = data.gallery();
    store::write(&path, &gallery)?;
    output::line(format_args!(
        "wrote {} ({}, {} people, {} photos)",
        path.display(),
        gallery.recipe().model,
        gallery.len(),
        gallery.photo_count()
    ))?;
    Ok(ExitCode::SUCCESS)
}
