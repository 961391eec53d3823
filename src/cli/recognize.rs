//! `facerec recognize`: names without a server.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::json;

use super::command_log;
use super::data::{DataDirectory, note_warnings};
use super::failure::UnusablePhoto;
use super::files_only::FilesOnlyArgs;
use super::log_place;
use super::output::{self, printable};
use crate::config::{AccessLogArgs, Compat, DEFAULT_FALSE_NAME_RATE, FaceArgs, ModelArgs};
use crate::photo_file;
use crate::presentation::legacy::{LegacyEntry, legacy_entries};
use crate::service::people::PeopleStore;
use crate::service::roster::RosterStore;
use crate::service::settings::Settings;
use crate::service::strangers::StrangerStatistics;
use crate::service::{Service, models};

/// The arguments of `facerec recognize`.
#[derive(Debug, Args)]
pub struct RecognizeArgs {
    /// The photos
    #[arg(value_name = "PHOTO", required = true)]
    photos: Vec<PathBuf>,
    /// Directory with gallery.bin and roster.xlsx
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    #[command(flatten)]
    faces: FaceArgs,
    /// Print JSON, one photo a line: {"photo": ..., "result": ...} with the service's response, or
    /// {"photo": ..., "error": ...} for one that can't be used
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    #[command(flatten)]
    access_log: AccessLogArgs,
    #[command(flatten)]
    files: FilesOnlyArgs,
    #[command(flatten)]
    pub(super) models: ModelArgs,
}

/// Recognises each photo. Exit code 1 when one could not be used; the others are recognised all the same.
///
/// # Errors
/// When gallery, roster or models can't be used, or the access log can't be written.
pub fn run(args: &RecognizeArgs) -> anyhow::Result<ExitCode> {
    args.files.ensure("recognise through a service, `POST /v1/recognize`")?;
    let service = start(&DataDirectory::new(&args.data), &args.faces, &args.models, &args.access_log)?;
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

/// The service on the data directory, whose people and roster are only read.
///
/// # Errors
/// When gallery, roster or models can't be used, or the access log can't be written.
pub(super) fn start(
    data: &DataDirectory,
    faces: &FaceArgs,
    models: &ModelArgs,
    access_log: &AccessLogArgs,
) -> anyhow::Result<Service> {
    log_place::ensure_file(access_log)?;
    let (gallery, roster) = (data.read_gallery()?, data.open_roster()?);
    note_warnings(data, &roster.current());
    let model = models::model_of_gallery(models, gallery.recipe())?;
    let loaded = models::load(models, &model, Compat::Standard)?;
    let strangers = StrangerStatistics::load(faces, models.models.as_deref(), &model)?;
    let gallery = strangers.attach(gallery)?;
    let settings = Settings {
        threshold: faces.threshold,
        false_name_rate: match faces.threshold {
            Some(_) => None,
            None => Some(faces.false_name_rate.unwrap_or(DEFAULT_FALSE_NAME_RATE)),
        },
        min_probability: faces.min_probability,
        access_log: access_log.params(),
        // Photos are recognised one after the other on this thread.
        ..Settings::new(NonZeroUsize::MIN, 0)
    };
    Ok(Service::start(settings, loaded, PeopleStore::in_memory(gallery), RosterStore::new(roster))?)
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
