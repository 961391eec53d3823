//! `facerec inspect`: what each stage finds, with the fields of `tests/golden/reference.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::failure::UnusablePhoto;
use super::output;
use crate::align::AlignedCrop;
use crate::config::range::whole;
use crate::config::{Compat, ModelArgs};
use crate::detect::Detection;
use crate::embed::Standardisation;
use crate::imaging::OrientedRgb;
use crate::models::{ModelStore, SHIPPED_EMBEDDER};
use crate::nn::FACENET_SIDE;
use crate::photo_file;
use crate::pipeline::{DetectedPhoto, Pipeline};
use crate::service::models;

/// Faces from this probability on are embedded, as in the reference.
const MIN_PROBABILITY: f32 = 0.9;

/// Beyond it, nothing of the crop would be face.
const MAX_MARGIN_PX: u32 = FACENET_SIDE as u32 - 1;

/// The arguments of `facerec inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The photos; one that can't be used has "error" in place of what was found
    #[arg(value_name = "PHOTO", required = true)]
    photos: Vec<PathBuf>,
    /// Crop margin, pixels of the 160-pixel crop; the reference has none
    #[arg(long, env = "FACEREC_MARGIN_PX", value_name = "PIXELS", default_value = "0",
          value_parser = whole(0..=MAX_MARGIN_PX))]
    margin_px: u32,
    #[command(flatten)]
    pub(super) models: ModelArgs,
}

/// What stands in the array for a photo.
#[derive(Serialize)]
#[serde(untagged)]
enum Inspection {
    Photo(Photo),
    Unusable(UnusablePhoto),
}

#[derive(Serialize)]
struct Photo {
    #[serde(rename = "photo")]
    file: String,
    width: usize,
    height: usize,
    rnet_candidates: usize,
    onet_candidates: usize,
    faces: Vec<Face>,
}

#[derive(Serialize)]
struct Face {
    #[serde(rename = "box")]
    bbox: [f32; 4],
    probability: f32,
    landmarks: Vec<[f32; 2]>,
    crop_box: Option<[usize; 4]>,
    crop_mean_rgb: Option<[f64; 3]>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    embeddings: BTreeMap<String, Embeddings>,
}

#[derive(Serialize)]
struct Embeddings {
    standard: Vec<f32>,
    flask: Vec<f32>,
}

/// Prints a JSON array, one element a photo. Embedders: the one asked for, else all that are installed.
/// Exit code 1 when a photo could not be used; the others are inspected all the same.
///
/// # Errors
/// When a model can't be used.
pub fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let mut pipelines = BTreeMap::new();
    for model in embedders(&args.models)? {
        let pipeline = models::load(&args.models, &model, Compat::Standard)?.pipeline;
        pipelines.insert(model, pipeline);
    }
    let inspect = |path: &PathBuf| match inspect(path, &pipelines, args.margin_px) {
        Ok(photo) => Inspection::Photo(photo),
        Err(error) => Inspection::Unusable(UnusablePhoto::report(path, file_name(path), &error)),
    };
    let inspections: Vec<Inspection> = args.photos.iter().map(inspect).collect();
    output::line(serde_json::to_string_pretty(&inspections)?)?;
    let failed = inspections.iter().any(|inspection| matches!(inspection, Inspection::Unusable(_)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn embedders(args: &ModelArgs) -> anyhow::Result<Vec<String>> {
    if let Some(model) = args.model {
        return Ok(vec![model.as_str().to_owned()]);
    }
    let store = ModelStore::new(args.models.as_deref())?;
    let optional = store.installed("vggface2").then(|| "vggface2".to_owned());
    Ok([SHIPPED_EMBEDDER.to_owned()].into_iter().chain(optional).collect())
}

fn inspect(path: &Path, pipelines: &BTreeMap<String, Pipeline>, margin_px: u32) -> anyhow::Result<Photo> {
    let bytes = photo_file::read(path).map_err(anyhow::Error::msg)?;
    let (_, pipeline) = pipelines.first_key_value().context("no embedder is installed")?;
    let DetectedPhoto { photo: image, detected, .. } = pipeline.open_and_detect(&bytes)?;
    let faces = detected.faces.iter().map(|face| inspect_face(&image, face, pipelines, margin_px));
    Ok(Photo {
        file: file_name(path),
        width: image.width(),
        height: image.height(),
        rnet_candidates: detected.candidates.rnet,
        onet_candidates: detected.candidates.onet,
        faces: faces.collect::<anyhow::Result<_>>()?,
    })
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn inspect_face(
    image: &OrientedRgb,
    face: &Detection,
    pipelines: &BTreeMap<String, Pipeline>,
    margin_px: u32,
) -> anyhow::Result<Face> {
    let crop = Pipeline::align_face(image, face, margin_px);
    let mut embeddings = BTreeMap::new();
    if let Some(crop) = crop.as_ref().filter(|_| face.probability >= MIN_PROBABILITY) {
        for (model, pipeline) in pipelines {
            embeddings.insert(model.clone(), embed_both(pipeline, crop)?);
        }
    }
    let b = face.bbox;
    Ok(Face {
        bbox: [b.x1, b.y1, b.x2, b.y2],
        probability: face.probability,
        landmarks: face.landmarks.points().iter().map(|p| [p.x, p.y]).collect(),
        crop_box: crop.as_ref().map(|c| [c.window.x0, c.window.y0, c.window.x1, c.window.y1]),
        crop_mean_rgb: crop.as_ref().map(|crop| std::array::from_fn(|channel| mean(crop, channel))),
        embeddings,
    })
}

fn mean(crop: &AlignedCrop, channel: usize) -> f64 {
    let values = crop.pixels.iter().skip(channel).step_by(3);
    values.map(|&v| f64::from(v)).sum::<f64>() / (crop.pixels.len() / 3) as f64
}

fn embed_both(pipeline: &Pipeline, crop: &AlignedCrop) -> anyhow::Result<Embeddings> {
    let embed = |how| -> anyhow::Result<Vec<f32>> { Ok(pipeline.embed_face(crop, how)?.values().to_vec()) };
    Ok(Embeddings {
        standard: embed(Standardisation::FixedImage)?,
        flask: embed(Standardisation::FlaskDoubled)?,
    })
}
