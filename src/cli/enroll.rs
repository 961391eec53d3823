//! `facerec enroll`: a folder of people becomes a gallery.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::data::DataFolder;
use super::load::{self, Loaded};
use crate::config::{Compat, ModelArgs};
use crate::enroll::{FolderReport, GateParams, enroll_folder, folder_photos};
use crate::gallery::store;

/// The arguments of `facerec enroll`.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// One folder a person, named as the person; in it photos with one face each
    #[arg(value_name = "PEOPLE_DIR")]
    people: PathBuf,
    /// Folder in which gallery.bin is written; an existing one is replaced
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    models: ModelArgs,
}

/// Enrols everyone, prints what became of each photo, and replaces the gallery. Exit code 1 when
/// nobody was enrolled; the old gallery stays then.
///
/// # Errors
/// When a folder or a model can't be used, or the gallery can't be written.
pub fn run(args: &EnrollArgs) -> anyhow::Result<ExitCode> {
    let loaded = load::load(&args.models, &load::model_of_new_gallery(&args.models)?, Compat::Standard)?;
    let report = enroll_with_progress(&loaded, &args.people)?;
    print_summary(&report);
    if report.gallery.is_empty() {
        eprintln!("facerec: nobody was enrolled; nothing was written");
        return Ok(ExitCode::FAILURE);
    }
    let path = DataFolder::new(&args.data).gallery();
    std::fs::create_dir_all(&args.data)?;
    store::write(&path, &report.gallery)?;
    println!("wrote {} ({}, {} people)", path.display(), loaded.model, report.gallery.len());
    Ok(ExitCode::SUCCESS)
}

/// Enrols a folder with a progress bar on standard error.
///
/// # Errors
/// When a folder can't be read or a network can't be run.
pub fn enroll_with_progress(loaded: &Loaded, people: &Path) -> anyhow::Result<FolderReport> {
    let photos = folder_photos(people)?;
    let bar = ProgressBar::new(photos.len() as u64).with_style(
        ProgressStyle::with_template("enrolling {bar:40} {pos}/{len} photos, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let report =
        enroll_folder(&loaded.pipeline, photos, loaded.new_recipe(), GateParams::default(), || bar.inc(1));
    bar.finish_and_clear();
    Ok(report?)
}

/// A line for each person, and one for each photo that was refused.
fn print_summary(report: &FolderReport) {
    for person in report.gallery.people() {
        println!("{:>4} photos  {}", person.photos.len(), person.name);
    }
    for (photo, outcome) in &report.outcomes {
        if let Err(reason) = outcome {
            println!("refused     {}: {reason}", photo.path.display());
        }
    }
}
