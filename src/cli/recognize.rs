//! `facerec recognize`: names without a server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::data::DataFolder;
use super::load;
use crate::config::{Compat, ModelArgs};
use crate::gallery::search::{Assignment, MatchParams};
use crate::http::types::{LegacyEntry, legacy_entries};
use crate::pipeline::{FaceParams, RecognizeParams};

/// The arguments of `facerec recognize`.
#[derive(Debug, Args)]
pub struct RecognizeArgs {
    /// The photos
    #[arg(value_name = "PHOTO", required = true)]
    photos: Vec<PathBuf>,
    /// Folder with gallery.bin and roster.xlsx
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR")]
    data: PathBuf,
    /// A face is a person's below this cosine distance, 0 to 2 [default: the model's]
    #[arg(long, env = "FACEREC_THRESHOLD", value_name = "DISTANCE")]
    threshold: Option<f32>,
    /// Faces that the detector is less sure of are left out, 0 to 1
    #[arg(long, env = "FACEREC_MIN_PROBABILITY", value_name = "PROBABILITY", default_value = "0.9")]
    min_probability: f32,
    /// Print the service's JSON, one photo a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    models: ModelArgs,
}

/// Recognises each photo. Exit code 1 when one could not be used; the others are answered all the same.
///
/// # Errors
/// When gallery, roster or models can't be used.
pub fn run(args: &RecognizeArgs) -> anyhow::Result<ExitCode> {
    let data = DataFolder::new(&args.data);
    let (gallery, roster) = (data.read_gallery()?, data.open_roster()?.current());
    let model = load::model_of_gallery(&args.models, gallery.recipe())?;
    let loaded = load::load(&args.models, &model, Compat::Standard)?;
    let threshold = args.threshold.unwrap_or(loaded.threshold);
    let params = RecognizeParams {
        faces: FaceParams { min_probability: args.min_probability, max_faces: None },
        matching: MatchParams { threshold, top_k: 1, assignment: Assignment::Unique },
    };
    let mut code = ExitCode::SUCCESS;
    for path in &args.photos {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        match loaded.pipeline.recognize(&bytes, &gallery, &params) {
            Ok(found) => print(path, &legacy_entries(&found, &gallery, &roster), args.json)?,
            Err(error) => {
                eprintln!("facerec: {}: {error}", path.display());
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn print(path: &std::path::Path, entries: &[LegacyEntry], json: bool) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string(entries)?);
        return Ok(());
    }
    println!("{}", path.display());
    for entry in entries {
        match entry {
            LegacyEntry::Student { name, id } => println!("  {name}  {}", serde_json::to_string(id)?),
            LegacyEntry::Unknown { unknown_faces } => println!("  {unknown_faces} unknown"),
            LegacyEntry::Message { message } => println!("  {message}"),
        }
    }
    Ok(())
}
