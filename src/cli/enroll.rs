//! `facerec enroll`: enrols people from a directory into a new gallery.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::builder::BoolishValueParser;

use super::data::DataDirectory;
use super::output;
use super::progress::Photos;
use crate::config::{Compat, GateArgs, ModelArgs};
use crate::enroll::GateParams;
use crate::enroll::directory::{EnrollmentReport, enroll_people, list_people};
use crate::gallery::store;
use crate::service::models::{self, LoadedModels};

mod report;

/// The exit code of `--strict` when anybody is left out.
const LEFT_OUT: u8 = 3;

/// The arguments of `facerec enroll`.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[command(
    after_help = "Exit codes: 0 when somebody was enrolled, 1 when nobody was or the enrolment failed, 2 for wrong \
                  usage, 3 with --strict when anybody is left out."
)]
pub struct EnrollArgs {
    /// Directory with one subdirectory per person, named as the person, with photos of one face each
    #[arg(value_name = "PEOPLE_DIR")]
    people: PathBuf,
    /// Directory in which gallery.bin is written
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Replace a gallery that has people; they are lost. Without this flag it is an error
    #[arg(long, env = "FACEREC_REPLACE", value_parser = BoolishValueParser::new())]
    replace: bool,
    /// Report the outcome for each photo without writing anything; a running service is no obstacle
    #[arg(long, env = "FACEREC_DRY_RUN", value_parser = BoolishValueParser::new())]
    dry_run: bool,
    /// Accept every photo with a face, of several faces the main one
    #[arg(long, env = "FACEREC_FORCE", value_parser = BoolishValueParser::new())]
    force: bool,
    /// Exit with 3 when anybody ended without a photo; the others are enrolled all the same
    #[arg(long, env = "FACEREC_STRICT", value_parser = BoolishValueParser::new())]
    strict: bool,
    /// Print JSON
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    /// CSV file to which the outcome for each photo is written
    #[arg(long, env = "FACEREC_REPORT", value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    pub(super) models: ModelArgs,
    #[command(flatten)]
    gate: GateArgs,
}

/// Enrols everyone, writes the gallery, and prints who was left out, the totals, and the outcome for each photo.
///
/// # Errors
/// When there are people in the old gallery and `--replace` was not given; when nobody was enrolled, the old
/// gallery stays then; when the directory or a model can't be used, another
/// process writes to the data directory, or the gallery or the report can't be written.
pub fn run(args: &EnrollArgs) -> anyhow::Result<ExitCode> {
    let data = DataDirectory::new(&args.data);
    // Before the work, not after it: enrolling a school takes minutes.
    let held = if args.dry_run { None } else { Some((data.lock()?, data.replaced(args.replace)?)) };
    let (model, report) = enroll(args)?;
    let nobody = report.gallery.is_empty();
    let is_written = held.is_some() && !nobody;
    if is_written {
        // Before the report: standard output may be closed while it is printed, as by `| head`.
        store::write(&data.gallery(), &report.gallery)?;
    }
    if let Some(path) = &args.report {
        report::write_csv(path, &report)?;
    }
    if args.json {
        report::print_json(&model, is_written, &report)?;
    } else {
        report::print(&report)?;
    }
    anyhow::ensure!(args.dry_run || !nobody, "nobody was enrolled; nothing was written");
    if !args.json {
        match held {
            None => output::line("nothing was written: this was a dry run")?,
            Some((_lock, replaced)) => {
                output::line(format_args!(
                    "wrote {} ({}, {} people, {} photos)",
                    data.gallery().display(),
                    model,
                    report.gallery.len(),
                    report.gallery.photo_count()
                ))?;
                replaced.print()?;
            }
        }
    }
    let is_incomplete = report.left_out().next().is_some();
    Ok(if args.strict && is_incomplete { ExitCode::from(LEFT_OUT) } else { ExitCode::SUCCESS })
}

/// The model, and the outcome for the photos.
fn enroll(args: &EnrollArgs) -> anyhow::Result<(String, EnrollmentReport)> {
    let loaded = models::load(&args.models, &models::model_of_new_gallery(&args.models)?, Compat::Standard)?;
    let observer = ProgressObserver {
        progress: &|done, total| output::note(format_args!("enrolling: {done} of {total} photos")),
        cancelled: &|| false,
    };
    let enrolled = enroll_with_progress(&loaded, &args.people, &args.gate, args.force, &observer)?;
    Ok((loaded.model, enrolled.context("the enrolment was cancelled")?))
}

/// Callbacks during the enrolment of a directory.
pub struct ProgressObserver<'a> {
    /// Called every ten seconds with photos done and photos in all, where no terminal shows a bar.
    pub progress: &'a dyn Fn(usize, usize),
    /// Whether to cancel; called between two photos.
    pub cancelled: &'a dyn Fn() -> bool,
}

/// Enrols a directory with a progress bar on standard error. `None` when it was cancelled.
///
/// # Errors
/// When the directory can't be read or a network can't be run.
pub fn enroll_with_progress(
    loaded: &LoadedModels,
    people: &Path,
    gate: &GateArgs,
    force: bool,
    observer: &ProgressObserver<'_>,
) -> anyhow::Result<Option<EnrollmentReport>> {
    let listing = list_people(people)?;
    let mut progress = Photos::new(listing.photos.len(), observer.progress);
    let (recipe, params) = (loaded.new_recipe(), GateParams::from(gate));
    let report = enroll_people(&loaded.pipeline, listing, recipe, params, force, |done| {
        progress.show(done);
        if (observer.cancelled)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    Ok(report?)
}
