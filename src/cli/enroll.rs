//! `facerec enroll`: enrols people from a directory into a new gallery.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::builder::BoolishValueParser;

use super::data::DataFolder;
use super::output::{self, printable};
use super::progress::Photos;
use crate::config::{Compat, GateArgs, ModelArgs};
use crate::enroll::GateParams;
use crate::enroll::directory::{EnrollmentReport, PhotoReport, Skipped, enroll_people, list_people};
use crate::gallery::store;
use crate::service::models::{self, LoadedModels};

/// The arguments of `facerec enroll`.
#[derive(Debug, Args)]
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
    #[command(flatten)]
    pub(super) models: ModelArgs,
    #[command(flatten)]
    gate: GateArgs,
}

/// Enrols everyone, writes the gallery, and prints the outcome for each photo.
///
/// # Errors
/// When there are people in the old gallery and `--replace` was not given; when nobody was enrolled, the old
/// gallery stays then; when the directory or a model can't be used, another
/// process writes to the data directory, or the gallery can't be written.
pub fn run(args: &EnrollArgs) -> anyhow::Result<ExitCode> {
    let data = DataFolder::new(&args.data);
    if args.dry_run {
        let (_, report, skipped) = enroll(args)?;
        print_summary(&report)?;
        print_refused(&report, &skipped)?;
        output::line("nothing was written: this was a dry run")?;
        return Ok(ExitCode::SUCCESS);
    }
    // Before the work, not after it: enrolling a school takes minutes.
    let _lock = data.lock()?;
    let replaced = data.replaced(args.replace)?;
    let (model, report, skipped) = enroll(args)?;
    let nobody = report.gallery.is_empty();
    if !nobody {
        // Before the summary: standard output may be closed while it is printed, as by `| head`.
        store::write(&data.gallery(), &report.gallery)?;
    }
    print_summary(&report)?;
    print_refused(&report, &skipped)?;
    anyhow::ensure!(!nobody, "nobody was enrolled; nothing was written");
    output::line(format_args!(
        "wrote {} ({}, {} people, {} photos)",
        data.gallery().display(),
        model,
        report.gallery.len(),
        report.gallery.photo_count()
    ))?;
    replaced.print()?;
    Ok(ExitCode::SUCCESS)
}

/// The model, and the outcome for the photos.
fn enroll(args: &EnrollArgs) -> anyhow::Result<(String, EnrollmentReport, Vec<Skipped>)> {
    let loaded = models::load(&args.models, &models::model_of_new_gallery(&args.models)?, Compat::Standard)?;
    let observer = ProgressObserver {
        progress: &|done, total| output::note(format_args!("enrolling: {done} of {total} photos")),
        cancelled: &|| false,
    };
    let enrolled = enroll_with_progress(&loaded, &args.people, &args.gate, args.force, &observer)?;
    let (report, skipped) = enrolled.context("the enrolment was cancelled")?;
    Ok((loaded.model, report, skipped))
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
) -> anyhow::Result<Option<(EnrollmentReport, Vec<Skipped>)>> {
    let contents = list_people(people)?;
    let mut progress = Photos::new(contents.photos.len(), observer.progress);
    let (recipe, params) = (loaded.new_recipe(), GateParams::from(gate));
    let report = enroll_people(&loaded.pipeline, contents.photos, recipe, params, force, |done| {
        progress.show(done);
        if (observer.cancelled)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    Ok(report?.map(|report| (report, contents.skipped)))
}

/// A line for each person: photos enrolled and refused.
fn print_summary(report: &EnrollmentReport) -> anyhow::Result<()> {
    output::line(format_args!("{:>8}  {:>7}  person", "enrolled", "refused"))?;
    let mut people: Vec<(&str, usize, usize)> = Vec::new();
    for PhotoReport { photo, accepted, .. } in &report.photos {
        let at = people.iter().position(|(name, ..)| photo.name == *name).unwrap_or_else(|| {
            people.push((photo.name.as_str(), 0, 0));
            people.len() - 1
        });
        if let Some((_, enrolled, refused)) = people.get_mut(at) {
            *(if *accepted { enrolled } else { refused }) += 1;
        }
    }
    for (name, enrolled, refused) in people {
        output::line(format_args!("{enrolled:>8}  {refused:>7}  {name}"))?;
    }
    Ok(())
}

/// A line for each photo that was refused or forced, with the reasons, and for what was left out.
fn print_refused(report: &EnrollmentReport, skipped: &[Skipped]) -> anyhow::Result<()> {
    for PhotoReport { photo, accepted, reasons } in &report.photos {
        if !reasons.is_empty() {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            let outcome = if *accepted { "forced" } else { "refused" };
            output::line(format_args!("{outcome}  {}: {}", printable(&photo.path), reasons.join("; ")))?;
        }
    }
    for Skipped { path, why } in skipped {
        output::line(format_args!("skipped  {}: {why}", printable(path)))?;
    }
    Ok(())
}
