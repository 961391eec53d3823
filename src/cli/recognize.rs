//! `facerec recognize`: names without a server.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::json;

use super::command_log;
use super::failure::UnusablePhoto;
use super::output::{self, printable};
use super::place::{DataArgs, Kept, Place};
use crate::config::{AccessLogArgs, Compat, DEFAULT_FALSE_NAME_RATE, FaceArgs, ModelArgs};
use crate::photo_file;
use crate::presentation::legacy::{LegacyEntry, legacy_entries};
use crate::service::people::PeopleStore;
use crate::service::settings::Settings;
use crate::service::strangers::StrangerStatistics;
use crate::service::{Records, Service, models};

/// The arguments of `facerec recognize`.
#[derive(Debug, Args)]
pub struct RecognizeArgs {
    /// The photos
    #[arg(value_name = "PHOTO", required = true)]
    photos: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    faces: FaceArgs,
    /// Print JSON, one photo a line: {"photo": ..., "result": ...} with the service's response, or
    /// {"photo": ..., "error": ...} for one that can't be used
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    #[command(flatten)]
    access_log: AccessLogArgs,
    #[command(flatten)]
    pub(super) models: ModelArgs,
}

/// Recognises each photo. Exit code 1 when one could not be used; the others are recognised all the same.
///
/// # Errors
/// When gallery, roster or models can't be used, or the access log can't be written.
pub fn run(args: &RecognizeArgs) -> anyhow::Result<ExitCode> {
    let place = args.data.place(&args.access_log)?;
    let service = start(&place, &*place.read()?, &args.faces, &args.models, &args.access_log)?;
    let params = service.default_params();
    let recognize = |path: &Path| -> anyhow::Result<Vec<LegacyEntry>> {
        let bytes = photo_file::read(path).map_err(anyhow::Error::msg)?;
        Ok(legacy_entries(&service.recognize_blocking(&bytes, &params, None)?))
    };
    let mut code = ExitCode::SUCCESS;
    for path in &args.photos {
        let recognized = recognize(path);
        // Before anybody is told: standard output may be closed.
        command_log::finish(&service)?;
        match recognized {
            Ok(entries) if args.json => {
                output::json(&json!({ "photo": path.to_string_lossy(), "result": entries }))?;
            }
            Ok(entries) => print(path, &entries)?,
            Err(error) => {
                code = ExitCode::FAILURE;
                let unusable = UnusablePhoto::report(path, path.display().to_string(), &error);
                if args.json {
                    output::json(&unusable)?;
                }
            }
        }
    }
    Ok(code)
}

/// The service on the people who are `kept` in the place; they and the roster are only read.
///
/// # Errors
/// When roster or models can't be used, or the access log can't be written.
pub(super) fn start(
    place: &Place,
    kept: &dyn Kept,
    faces: &FaceArgs,
    models: &ModelArgs,
    access_log: &AccessLogArgs,
) -> anyhow::Result<Service> {
    let (gallery, roster) = (kept.people().current(), kept.roster()?);
    kept.note_warnings(&roster.current());
    let model = models::model_of_gallery(models, gallery.recipe())?;
    let loaded = models::load(models, &model, Compat::Standard)?;
    let strangers = StrangerStatistics::load(faces, models.models.as_deref(), &model)?;
    let gallery = strangers.attach((*gallery).clone())?;
    let settings = Settings {
        threshold: faces.threshold,
        false_name_rate: match faces.threshold {
            Some(_) => None,
            None => Some(faces.false_name_rate.unwrap_or(DEFAULT_FALSE_NAME_RATE)),
        },
        min_probability: faces.min_probability,
        // Photos are recognised one after the other on this thread.
        ..Settings::new(NonZeroUsize::MIN, 0)
    };
    let access_log = place.service_log(access_log)?;
    let records = Records { access_log, ..Records::default() };
    Ok(Service::start_with(settings, loaded, PeopleStore::in_memory(gallery), roster, records)?)
}

fn print(path: &Path, entries: &[LegacyEntry]) -> anyhow::Result<()> {
    output::line(printable(path))?;
    for entry in entries {
        output::line(match entry {
            LegacyEntry::Student { name, id } => format!("  {name}  {}", serde_json::to_string(id)?),
            LegacyEntry::Unknown { unknown_faces } => format!("  {unknown_faces} unknown"),
            LegacyEntry::Message { message } => format!("  {message}"),
        })?;
    }
    Ok(())
}
