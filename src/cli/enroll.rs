//! `facerec enroll`: a folder of people becomes a gallery.

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
use crate::enroll::folder::{FolderReport, PhotoReport, Skipped, enroll_folder, list_folder};
use crate::gallery::store;
use crate::service::models::{self, LoadedModels};

/// The arguments of `facerec enroll`.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// One folder a person, named as the person; in it photos with one face each
    #[arg(value_name = "PEOPLE_DIR")]
    people: PathBuf,
    /// Folder in which gallery.bin is written
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Write over a gallery with people in it, who are lost; without this it is refused
    #[arg(long, env = "FACEREC_REPLACE", value_parser = BoolishValueParser::new())]
    replace: bool,
    /// Only say what would become of each photo: nothing is written, and a running service does not matter
    #[arg(long, env = "FACEREC_DRY_RUN", value_parser = BoolishValueParser::new())]
    dry_run: bool,
    /// Take every photo with a face in it, of several faces the main one
    #[arg(long, env = "FACEREC_FORCE", value_parser = BoolishValueParser::new())]
    force: bool,
    #[command(flatten)]
    pub(super) models: ModelArgs,
    #[command(flatten)]
    gate: GateArgs,
}

/// Enrols everyone, writes the gallery, and prints what became of each photo.
///
/// # Errors
/// When there are people in the old gallery and `--replace` was not given; when nobody was enrolled, the old
/// gallery stays then; when the folder or a model can't be used, another
/// process writes to the data folder, or the gallery can't be written.
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
        // Before the summary: whoever reads only the beginning of that wants the gallery all the same.
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

/// The model, and what becomes of the photos.
fn enroll(args: &EnrollArgs) -> anyhow::Result<(String, FolderReport, Vec<Skipped>)> {
    let loaded = models::load(&args.models, &models::model_of_new_gallery(&args.models)?, Compat::Standard)?;
    let watcher = Watcher {
        say: &|done, total| output::note(format_args!("enrolling: {done} of {total} photos")),
        stop: &|| false,
    };
    let enrolled = enroll_with_progress(&loaded, &args.people, &args.gate, args.force, &watcher)?;
    let (report, skipped) = enrolled.context("the enrolment was broken off")?;
    Ok((loaded.model, report, skipped))
}

/// Who looks on while a folder is enrolled.
pub struct Watcher<'a> {
    /// Is told photos done and all photos, now and then, where no terminal shows a bar.
    pub say: &'a dyn Fn(usize, usize),
    /// Whether to break off, asked between two photos.
    pub stop: &'a dyn Fn() -> bool,
}

/// Enrols a folder with a progress bar on standard error. `None` when it was broken off.
///
/// # Errors
/// When the folder can't be read or a network can't be run.
pub fn enroll_with_progress(
    loaded: &LoadedModels,
    people: &Path,
    gate: &GateArgs,
    force: bool,
    watcher: &Watcher<'_>,
) -> anyhow::Result<Option<(FolderReport, Vec<Skipped>)>> {
    let contents = list_folder(people)?;
    let mut progress = Photos::new(contents.photos.len(), watcher.say);
    let (recipe, params) = (loaded.new_recipe(), GateParams::from(gate));
    let report = enroll_folder(&loaded.pipeline, contents.photos, recipe, params, force, |done| {
        progress.show(done);
        if (watcher.stop)() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    Ok(report?.map(|report| (report, contents.skipped)))
}

/// A line for each person: photos enrolled and refused.
fn print_summary(report: &FolderReport) -> anyhow::Result<()> {
    output::line(format_args!("{:>8}  {:>7}  person", "enrolled", "refused"))?;
    let mut people: Vec<(&str, usize, usize)> = Vec::new();
    for PhotoReport { photo, accepted, .. } in &report.photos {
        let at = people.iter().position(|(name, ..)| *name == photo.name).unwrap_or_else(|| {
            people.push((&photo.name, 0, 0));
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
fn print_refused(report: &FolderReport, skipped: &[Skipped]) -> anyhow::Result<()> {
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
