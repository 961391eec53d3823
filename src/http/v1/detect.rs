//! `POST /v1/detect`: where the faces are, without asking whose.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::faces::{FaceBox, Image, Landmarks, milliseconds};
use super::photo::{Photo, PhotoFormSchema};
use super::query::{Checked, FromQuery, Pairs};
use super::recognize::MAX_FACES;
use crate::detect::Detection;
use crate::http::error::ApiError;
use crate::http::problems::PhotoProblems;
use crate::http::state::AppState;
use crate::pipeline::FoundFaces;

/// Which faces are listed.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DetectQuery {
    /// Faces that the detector is less sure of are left out; the service's own setting by default.
    #[param(minimum = 0, maximum = 1, example = 0.9, nullable = false)]
    min_probability: Option<f32>,
    /// Only so many faces, the largest; all by default.
    #[param(minimum = 1, maximum = 10_000, nullable = false)]
    max_faces: Option<usize>,
}

impl FromQuery for DetectQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        Ok(Self {
            min_probability: query.number("min_probability", 0.0, 1.0)?,
            max_faces: query.whole("max_faces", 1, MAX_FACES)?,
        })
    }
}

/// A face.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DetectedFace)]
pub struct DetectedFace {
    r#box: FaceBox,
    landmarks: Landmarks,
    /// How sure the detector is that it is a face.
    #[schema(minimum = 0, maximum = 1, example = 0.9999)]
    probability: f32,
}

impl From<&Detection> for DetectedFace {
    fn from(face: &Detection) -> Self {
        Self {
            r#box: (&face.bbox).into(),
            landmarks: (&face.landmarks).into(),
            probability: face.probability,
        }
    }
}

/// Where the faces are.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetectionAnswer {
    image: Image,
    /// The faces, the largest first.
    faces: Vec<DetectedFace>,
    timings_ms: DetectionTimings,
}

/// Where the time went, milliseconds.
#[derive(Debug, Serialize, ToSchema)]
struct DetectionTimings {
    #[schema(example = 14.1)]
    decode: f64,
    #[schema(example = 96.0)]
    detect: f64,
}

impl From<FoundFaces> for DetectionAnswer {
    fn from(found: FoundFaces) -> Self {
        Self {
            image: found.photo.into(),
            faces: found.faces.iter().map(DetectedFace::from).collect(),
            timings_ms: DetectionTimings {
                decode: milliseconds(found.timings.decode),
                detect: milliseconds(found.timings.detect),
            },
        }
    }
}

/// Where are faces in this photo?
///
/// Faces without names. Scope: `recognize`.
///
/// # Errors
/// As listed.
#[utoipa::path(
    post, operation_id = "detect", path = "/v1/detect", tag = "recognition",
    params(DetectQuery),
    request_body(description = "The photo", content((PhotoFormSchema = "multipart/form-data"), ("image/*"))),
    responses((status = 200, description = "The faces, the largest first; none is no error", body = DetectionAnswer), PhotoProblems),
)]
pub async fn detect(
    State(app): State<AppState>,
    Checked(query): Checked<DetectQuery>,
    Photo(photo): Photo,
) -> Result<Json<DetectionAnswer>, ApiError> {
    let mut params = app.recognize_params().faces;
    params.min_probability = query.min_probability.unwrap_or(params.min_probability);
    params.max_faces = query.max_faces.or(params.max_faces);
    let found = app.work(move |app, pipeline| {
        let found = pipeline.find_faces(&photo.bytes, &params)?;
        app.metrics.detected(&found);
        Ok(found)
    });
    Ok(Json(found.await?.into()))
}
