//! `facerec strangers`: statistics of people who are not enrolled, from one's own photos.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::output::{self, printable};
use super::progress::Photos;
use crate::cohort::fit::{MIN_PEOPLE, StrangerFace, fit};
use crate::cohort::{Origin, file};
use crate::config::range::whole;
use crate::config::{Compat, DEFAULT_MIN_PROBABILITY, ModelArgs};
use crate::embed::Embedding;
use crate::error::Error;
use crate::nn::FACENET_SIDE;
use crate::photo_file;
use crate::pipeline::Pipeline;
use crate::service::models;

/// Beyond it, nothing of the crop would be face.
const MAX_MARGIN_PX: u32 = FACENET_SIDE as u32 - 1;

/// The arguments of `facerec strangers`.
#[derive(Debug, Args)]
pub struct StrangersArgs {
    #[command(subcommand)]
    action: Action,
}

impl StrangersArgs {
    /// `--models`.
    pub(super) fn models(&self) -> &ModelArgs {
        let Action::Fit(args) = &self.action;
        &args.models
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Compute the statistics of strangers from photos of people who are not enrolled, one face a photo
    Fit(Box<FitArgs>),
}

#[derive(Debug, Args)]
struct FitArgs {
    /// Directory of photos: a subdirectory for each person, or single photos of a person each
    #[arg(value_name = "PHOTOS_DIR")]
    photos: PathBuf,
    /// File that is written, for `facerec serve --strangers`
    #[arg(long, short, env = "FACEREC_OUTPUT", value_name = "FILE")]
    output: PathBuf,
    /// Crop margin of the gallery that they are for, pixels of the 160-pixel crop; imported galleries have 0
    #[arg(long, env = "FACEREC_MARGIN_PX", value_name = "PIXELS", default_value = "32",
          value_parser = whole(0..=MAX_MARGIN_PX))]
    margin_px: u32,
    #[command(flatten)]
    models: ModelArgs,
}

/// Runs the command.
///
/// # Errors
/// When a model can't be used, there are too few people, or the file can't be written.
pub fn run(args: &StrangersArgs) -> anyhow::Result<ExitCode> {
    let Action::Fit(args) = &args.action;
    let people = list(&args.photos)?;
    // Before the work: it takes minutes.
    let (directory, found) = (args.photos.display(), people.len());
    ensure!(
        found >= MIN_PEOPLE,
        "{directory}: expected photos of at least {MIN_PEOPLE} people, found {found}"
    );
    let loaded = models::load(&args.models, &models::model_of_new_gallery(&args.models)?, Compat::Standard)?;
    let faces = embed_all(&loaded.pipeline, &people, args.margin_px)?;
    let origin = Origin {
        model: loaded.model.clone(),
        margin_px: args.margin_px,
        source: "own photos".to_owned(),
        people: 0,
        photos: 0,
    };
    output::note("computing the statistics");
    let cohort = fit(origin, &faces, |_, _| ()).map_err(anyhow::Error::msg)?;
    file::write(&args.output, &cohort)?;
    let (origin, calibration) = (cohort.origin(), cohort.calibration());
    output::line(format_args!(
        "wrote {} ({}, margin {}): {} people, {} photos, {} dimensions, {} components, shift {:.3}, spread {:.3}",
        args.output.display(),
        origin.model,
        origin.margin_px,
        origin.people,
        origin.photos,
        cohort.dims(),
        cohort.mixture().components().len(),
        calibration.shift,
        calibration.spread
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// The photos of each person, sorted. Hidden files are left out.
pub(super) fn list(directory: &Path) -> anyhow::Result<Vec<Vec<PathBuf>>> {
    let mut people = Vec::new();
    for path in entries(directory)? {
        people.push(if path.is_dir() { entries(&path)? } else { vec![path] });
    }
    Ok(people)
}

fn entries(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = || format!("{} can't be read", directory.display());
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).with_context(unreadable)? {
        let entry = entry.with_context(unreadable)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// The main face of each photo. Photos that can't be used are named and left out.
pub(super) fn embed_all(
    pipeline: &Pipeline,
    people: &[Vec<PathBuf>],
    margin_px: u32,
) -> anyhow::Result<Vec<StrangerFace>> {
    let report = |done, total| output::note(format_args!("reading: {done} of {total} photos"));
    let mut progress = Photos::new(people.iter().map(Vec::len).sum(), &report);
    let (mut faces, mut done) = (Vec::new(), 0);
    for (person, photos) in people.iter().enumerate() {
        for path in photos {
            progress.show(done);
            done += 1;
            match embed_one(pipeline, path, margin_px)? {
                Ok(embedding) => faces.push(StrangerFace { person, embedding }),
                Err(reason) => output::note(format_args!("skipped  {}: {reason}", printable(path))),
            }
        }
    }
    progress.finish();
    Ok(faces)
}

/// The main face of a photo, or why the photo can't be used.
///
/// # Errors
/// When a network can't be run.
fn embed_one(pipeline: &Pipeline, path: &Path, margin_px: u32) -> anyhow::Result<Result<Embedding, String>> {
    let bytes = match photo_file::read(path) {
        Ok(bytes) => bytes,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(match pipeline.embed_main_face(&bytes, DEFAULT_MIN_PROBABILITY, margin_px) {
        Ok(Some((_, embedding))) => Ok(embedding),
        Ok(None) => Err("expected a face, found none".to_owned()),
        Err(Error::Input(error)) => Err(error.to_string()),
        Err(error) => return Err(error.into()),
    })
}
