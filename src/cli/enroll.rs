//! `facerec enroll`: enrols people from a directory into a new gallery, or adds them to one.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use clap::builder::BoolishValueParser;

use super::client::{Client, KeyArgs};
use super::command_log::CommandLog;
use super::data::{DataDirectory, Replaced};
use super::files_only::FilesOnlyArgs;
use super::output;
use super::progress::Photos;
use super::thumbnails::{WaitingThumbnails, write_enrolled};
use super::url::url;
use crate::config::{AccessLogArgs, Compat, GateArgs, ModelArgs};
use crate::enroll::GateParams;
use crate::enroll::directory::{EnrollmentReport, enroll_people};
use crate::enroll::listing::{PeopleListing, list_people};
use crate::error::{Error, InputError};
use crate::gallery::Gallery;
use crate::gallery::writer::DirectoryLock;
use crate::service::models::{self, LoadedModels};

mod remote;
mod report;

use report::Report;

/// The exit code of `--strict` when anybody is left out.
const LEFT_OUT: u8 = 3;
/// Why a service is not told to keep thumbnails. No error: the variable may be meant for the service.
const THUMBNAILS_ELSEWHERE: &str = "facerec: --keep-thumbnails is without effect with --url: the service keeps thumbnails if it was \
                                    started with `facerec serve --keep-thumbnails`";

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
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR", required_unless_present = "url")]
    data: Option<PathBuf>,
    /// Replace a gallery that has people; they are lost. Without this flag it is an error
    #[arg(long, env = "FACEREC_REPLACE", value_parser = BoolishValueParser::new())]
    replace: bool,
    /// Add new people, and new photos of people, to the gallery; photos that are enrolled already are skipped
    #[arg(long, env = "FACEREC_ADD", value_parser = BoolishValueParser::new(), conflicts_with = "replace")]
    add: bool,
    /// Add through the service at this URL, which may be running on the data directory; its gate judges the photos
    #[arg(long, env = "FACEREC_URL", value_name = "URL", value_parser = url, requires = "add",
          conflicts_with = "dry_run")]
    url: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
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
    /// Keep a thumbnail of each photo that is enrolled, the crop of the face, in the directory thumbnails/ of the data directory
    #[arg(long, env = "FACEREC_KEEP_THUMBNAILS", value_parser = BoolishValueParser::new())]
    keep_thumbnails: bool,
    #[command(flatten)]
    pub(super) models: ModelArgs,
    #[command(flatten)]
    access_log: AccessLogArgs,
    #[command(flatten)]
    files: FilesOnlyArgs,
    #[command(flatten)]
    gate: GateArgs,
}

/// Enrols everyone, writes the gallery, and prints who was left out, the totals, and the outcome for each photo. Exit code 1 when
/// nobody was enrolled; the old gallery stays then.
///
/// # Errors
/// When there are people in the old gallery and neither `--add` nor `--replace` was given; when the directory or a model can't be used, another
/// process writes to the data directory, or the gallery or the report can't be written.
pub fn run(args: &EnrollArgs) -> anyhow::Result<ExitCode> {
    if let Some(url) = &args.url {
        if args.keep_thumbnails {
            output::note(THUMBNAILS_ELSEWHERE);
        }
        let report = add_through_service(args, url)?;
        publish(args, &report, None, report.enrolled_photos() > 0)?;
        return Ok(exit_code(args, &report));
    }
    args.files.ensure("enrol through a service, with --add --url URL")?;
    let data = DataDirectory::new(args.data.as_deref().context("expected --data DIR, found none")?);
    // Before the work, not after it: enrolling a school takes minutes.
    let log = CommandLog::open(&args.access_log, None)?;
    let held = if args.dry_run { None } else { Some(hold(args, &data)?) };
    let keeps = held.is_some() && args.keep_thumbnails;
    let mut waiting = keeps.then(|| WaitingThumbnails::new(data.directory())).transpose()?;
    let (model, enrolled) = enroll(args, &data, waiting.as_mut())?;
    let report = Report::of(&enrolled);
    let is_written = held.is_some() && report.enrolled_photos() > 0;
    if is_written {
        let old = data.read_gallery().ok(); // one that can't be read is replaced
        // Before the report: standard output may be closed while it is printed, as by `| head`.
        let record = || log.record_change(old.as_ref(), &enrolled.gallery);
        write_enrolled(&data, &enrolled, waiting.take(), record)?;
    }
    publish(args, &report, Some(&model), is_written)?;
    if !args.json && !is_in_vain(args, &report) {
        match held {
            None => output::line("nothing was written: this was a dry run")?,
            Some(_) if !is_written => output::line("nothing was written: nothing is new")?,
            Some((_lock, replaced)) => {
                output::line(format_args!(
                    "wrote {} ({}, {} people, {} photos)",
                    data.gallery().display(),
                    model,
                    enrolled.gallery.len(),
                    enrolled.gallery.photo_count()
                ))?;
                replaced.print()?;
            }
        }
    }
    Ok(exit_code(args, &report))
}

/// Adds people and photos through the service at `url`.
fn add_through_service(args: &EnrollArgs, url: &str) -> anyhow::Result<Report> {
    let client = Client::new(url, &args.key)?;
    let listing = list_people(&args.people)?;
    let report = |done, total| output::note(format_args!("enrolling: {done} of {total} photos"));
    let mut progress = Photos::new(listing.photos.len(), &report);
    let added = remote::add(&client, listing, args.force, |done| progress.show(done));
    progress.finish();
    added
}

/// The right to write to the data directory, and what is replaced in it.
fn hold(args: &EnrollArgs, data: &DataDirectory) -> anyhow::Result<(DirectoryLock, Replaced)> {
    let lock = data.lock().map_err(|error| match error.downcast_ref::<Error>() {
        Some(Error::Input(InputError::Locked(_))) => anyhow!(
            "{error}. People are added through a running service with `facerec enroll {} --add --url \
             http://127.0.0.1:5000`",
            output::printable(&args.people)
        ),
        _ => error,
    })?;
    let replaced = if args.add { Replaced::Nothing } else { data.replaced(args.replace)? };
    Ok((lock, replaced))
}

/// Prints and writes the report.
///
/// # Errors
/// When it can't be written.
fn publish(args: &EnrollArgs, report: &Report, model: Option<&str>, is_written: bool) -> anyhow::Result<()> {
    if let Some(path) = &args.report {
        report::write_csv(path, report)?;
    }
    if args.json {
        report::print_json(model, is_written, report)?;
    } else {
        report::print(report)?;
    }
    Ok(())
}

/// Whether photos were to be enrolled, and somebody is without one since all were refused.
fn is_in_vain(args: &EnrollArgs, report: &Report) -> bool {
    let nothing_new = args.add && report.left_out.is_empty();
    !(args.dry_run || nothing_new || report.enrolled_photos() > 0)
}

/// The report is printed by now: what is wrong is said on standard error alone.
fn exit_code(args: &EnrollArgs, report: &Report) -> ExitCode {
    if is_in_vain(args, report) {
        output::note("facerec: nobody was enrolled; nothing was written");
        return ExitCode::FAILURE;
    }
    if args.strict && !report.left_out.is_empty() { ExitCode::from(LEFT_OUT) } else { ExitCode::SUCCESS }
}

/// The model, and the outcome for the photos.
fn enroll(
    args: &EnrollArgs,
    data: &DataDirectory,
    waiting: Option<&mut WaitingThumbnails>,
) -> anyhow::Result<(String, EnrollmentReport)> {
    let old = if args.add && data.gallery().exists() { Some(data.read_gallery()?) } else { None };
    let model = match &old {
        Some(gallery) => models::model_of_gallery(&args.models, gallery.recipe())?,
        None => models::model_of_new_gallery(&args.models)?,
    };
    let loaded = models::load(&args.models, &model, Compat::Standard)?;
    let base = old.unwrap_or_else(|| Gallery::empty(loaded.new_recipe()));
    loaded.embedder().check(base.recipe())?;
    let mut observer = ProgressObserver {
        waiting,
        progress: &|done, total| output::note(format_args!("enrolling: {done} of {total} photos")),
        cancelled: &|| false,
    };
    let listing = list_people(&args.people)?.without_known(&base);
    let enrolled = enroll_with_progress(&loaded, listing, &base, &args.gate, args.force, &mut observer)?;
    Ok((loaded.model, enrolled.context("the enrolment was cancelled")?))
}

/// Callbacks during the enrolment of a directory.
pub struct ProgressObserver<'a> {
    /// Called every ten seconds with photos done and photos in all, where no terminal shows a bar.
    pub progress: &'a dyn Fn(usize, usize),
    /// Whether to cancel; called between two photos.
    pub cancelled: &'a dyn Fn() -> bool,
    /// Where crops wait, where thumbnails are kept.
    pub(super) waiting: Option<&'a mut WaitingThumbnails>,
}

/// Enrols a directory into `base` with a progress bar on standard error. `None` when it was cancelled.
///
/// # Errors
/// When a network can't be run.
pub fn enroll_with_progress(
    loaded: &LoadedModels,
    listing: PeopleListing,
    base: &Gallery,
    gate: &GateArgs,
    force: bool,
    observer: &mut ProgressObserver<'_>,
) -> anyhow::Result<Option<EnrollmentReport>> {
    let mut progress = Photos::new(listing.photos.len(), observer.progress);
    let params = GateParams::from(gate);
    let (cancelled, waiting) = (observer.cancelled, &mut observer.waiting);
    let mut crops = |photo: &Path, crop| waiting.as_mut().map_or(Ok(()), |waiting| waiting.add(photo, crop));
    let report = enroll_people(&loaded.pipeline, listing, base, params, force, &mut crops, |done| {
        progress.show(done);
        if cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    Ok(report?)
}
