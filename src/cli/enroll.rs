//! `facerec enroll`: enrols people from a directory into a new gallery, or adds them to one.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use clap::Args;
use clap::builder::BoolishValueParser;

use super::client::{Client, KeyArgs};
use super::command_log::CommandLog;
use super::data::Replaced;
use super::output;
use super::place::Place;
use super::progress::Photos;
use super::target::{Join, Mode, Target};
use super::thumbnails::{UnnamedFile, Waiting, WaitingFiles, write_enrolled};
use super::url::url;
use crate::config::{AccessLogArgs, Compat, DatabaseArgs, GateArgs, ModelArgs};
use crate::enroll::GateParams;
use crate::enroll::directory::{EnrollmentReport, enroll_people};
use crate::enroll::listing::{PeopleListing, list_people};
use crate::error::{Error, InputError};
use crate::gallery::Gallery;
use crate::service::models::{self, LoadedModels};

mod join;
mod remote;
mod report;

use join::Assessed;
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
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR", required_unless_present_any = ["url", "database_url"])]
    data: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
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
    /// Keep a thumbnail of each photo that is enrolled, the crop of the face, in the directory thumbnails/ of the data directory or in the database
    #[arg(long, env = "FACEREC_KEEP_THUMBNAILS", value_parser = BoolishValueParser::new())]
    keep_thumbnails: bool,
    #[command(flatten)]
    pub(super) models: ModelArgs,
    #[command(flatten)]
    access_log: AccessLogArgs,
    #[command(flatten)]
    gate: GateArgs,
}

/// Enrols everyone, writes the gallery, and prints who was left out, the totals, and the outcome for each photo. Exit code 1 when
/// nobody was enrolled; the old gallery stays then.
///
/// # Errors
/// When there are people in the old gallery and neither `--add` nor `--replace` was given; when the directory, the database or a model can't
/// be used, another process writes to the data directory, or the people or the report can't be written.
pub fn run(args: &EnrollArgs) -> anyhow::Result<ExitCode> {
    if let Some(url) = &args.url {
        if args.keep_thumbnails {
            output::note(THUMBNAILS_ELSEWHERE);
        }
        let report = add_through_service(args, url)?;
        publish(args, &report, None, report.enrolled_photos() > 0)?;
        return Ok(exit_code(args, &report));
    }
    let place = Place::of(args.data.as_deref(), &args.database, &args.access_log)?;
    if args.dry_run {
        return dry_run(args, &Target::read(&place, mode(args))?);
    }
    // Before the work, not after it: enrolling a school takes minutes.
    let (target, replaced) = hold(args, &place)?;
    let log = place.log(&args.access_log)?;
    let mut crops = Crops::new(args, &place)?;
    let (model, base, enrolled) = enroll(args, &target, crops.waiting())?;
    let report = Report::of(&enrolled);
    if report.enrolled_photos() == 0 {
        publish(args, &report, Some(&model), false)?;
        if !args.json && !is_in_vain(args, &report) {
            output::line("nothing was written: nothing is new")?;
        }
        return Ok(exit_code(args, &report));
    }
    let shown = target.shown();
    // Before the report: standard output may be closed while it is printed, as by `| head`.
    let after = write(args, target, (base, enrolled), crops, &log)?;
    publish(args, &report, Some(&model), true)?;
    if !args.json {
        let (people, photos) = (after.len(), after.photo_count());
        output::line(format_args!("wrote {shown} ({model}, {people} people, {photos} photos)"))?;
        replaced.print()?;
    }
    Ok(exit_code(args, &report))
}

/// What becomes of the people who are there.
fn mode(args: &EnrollArgs) -> Mode {
    if args.add { Mode::Add } else { Mode::of(args.replace) }
}

/// Reports what would be enrolled.
fn dry_run(args: &EnrollArgs, target: &Target) -> anyhow::Result<ExitCode> {
    let (model, _, enrolled) = enroll(args, target, None)?;
    let report = Report::of(&enrolled);
    publish(args, &report, Some(&model), false)?;
    if !args.json {
        output::line("nothing was written: this was a dry run")?;
    }
    Ok(exit_code(args, &report))
}

/// Where crops wait, if thumbnails are kept: for a data directory in files, for a database in an unnamed one.
#[derive(Default)]
struct Crops {
    files: Option<WaitingFiles>,
    unnamed: Option<UnnamedFile>,
}

impl Crops {
    fn new(args: &EnrollArgs, place: &Place) -> anyhow::Result<Self> {
        Ok(match place {
            _ if !args.keep_thumbnails => Self::default(),
            Place::Directory(data) => {
                Self { files: Some(WaitingFiles::new(data.directory())?), ..Self::default() }
            }
            Place::Database(_) => Self { unnamed: Some(UnnamedFile::new()?), ..Self::default() },
        })
    }

    fn waiting(&mut self) -> Option<&mut dyn Waiting> {
        let files = self.files.as_mut().map(|files| files as &mut dyn Waiting);
        files.or(self.unnamed.as_mut().map(|file| file as &mut dyn Waiting))
    }
}

/// Writes the photos that were accepted for `base`; who is enrolled afterwards.
fn write(
    args: &EnrollArgs,
    target: Target,
    (base, enrolled): (Gallery, EnrollmentReport),
    crops: Crops,
    log: &CommandLog,
) -> anyhow::Result<Arc<Gallery>> {
    if let Target::Directory { data, .. } = &target {
        let old = data.read_gallery().ok(); // one that can't be read is replaced
        write_enrolled(data, &enrolled, crops.files, || log.record_change(old.as_ref(), &enrolled.gallery))?;
        return Ok(Arc::new(enrolled.gallery));
    }
    let recipe = base.recipe().clone();
    let EnrollmentReport { gallery, photos, .. } = enrolled;
    let join: Join = if args.add {
        let (params, force) = (GateParams::from(&args.gate), args.force);
        let assessed = Assessed { base, enrolled: gallery, params, force };
        Box::new(move |newest| assessed.join(newest))
    } else {
        Box::new(move |_| Ok(gallery))
    };
    let (after, kept) = target.edit(&recipe, join, log)?;
    let copied = crops.unnamed.map_or(Ok(()), |file| file.copy(&*kept.thumbnails()?, &photos, &after));
    copied.context("the people are enrolled, but not all their thumbnails are kept")?;
    Ok(after)
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

/// The right to write to the place, and what is replaced in it.
fn hold(args: &EnrollArgs, place: &Place) -> anyhow::Result<(Target, Replaced)> {
    Target::open(place, mode(args)).map_err(|error| match error.downcast_ref::<Error>() {
        Some(Error::Input(InputError::Locked(_))) => anyhow!(
            "{error}. People are added through a running service with `facerec enroll {} --add --url \
             http://127.0.0.1:5000`",
            output::printable(&args.people)
        ),
        _ => error,
    })
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

/// The model, the people whom the photos were compared with, and the outcome for them.
fn enroll(
    args: &EnrollArgs,
    target: &Target,
    waiting: Option<&mut dyn Waiting>,
) -> anyhow::Result<(String, Gallery, EnrollmentReport)> {
    let base = target.base()?;
    let model = match &base {
        Some(gallery) => {
            target.ensure_model(args.models.model, gallery.recipe())?;
            models::model_of_gallery(&args.models, gallery.recipe())?
        }
        None => models::model_of_new_gallery(&args.models)?,
    };
    let loaded = models::load(&args.models, &model, Compat::Standard)?;
    let base = base.unwrap_or_else(|| Gallery::empty(loaded.new_recipe()));
    loaded.embedder().check(base.recipe())?;
    let mut observer = ProgressObserver {
        waiting,
        progress: &|done, total| output::note(format_args!("enrolling: {done} of {total} photos")),
        cancelled: &|| false,
    };
    let listing = list_people(&args.people)?.without_known(&base);
    let enrolled = enroll_with_progress(&loaded, listing, &base, &args.gate, args.force, &mut observer)?;
    Ok((loaded.model, base, enrolled.context("the enrolment was cancelled")?))
}

/// Callbacks during the enrolment of a directory.
pub struct ProgressObserver<'a> {
    /// Called every ten seconds with photos done and photos in all, where no terminal shows a bar.
    pub progress: &'a dyn Fn(usize, usize),
    /// Whether to cancel; called between two photos.
    pub cancelled: &'a dyn Fn() -> bool,
    /// Where crops wait, where thumbnails are kept.
    pub(super) waiting: Option<&'a mut dyn Waiting>,
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
