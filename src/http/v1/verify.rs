//! `POST /v1/verify`: are two photos of one person?

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::detect::DetectedFace;
use super::faces::wire_distance;
use super::query::{Checked, FromQuery, Pairs};
use crate::error::InputError;
use crate::gallery::search::is_match;
use crate::http::error::ApiError;
use crate::http::extract::{
    Form, ImageUpload, admit, media_type, read_file, repeated_part, unknown_part, wrong_media_type,
};
use crate::http::problems::PairProblems;
use crate::http::state::AppState;

/// How the photos are compared.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct VerifyQuery {
    /// The faces are one person's when the cosine distance is below this; the service's own setting by default.
    #[param(minimum = 0, maximum = 2, example = 0.5, nullable = false)]
    threshold: Option<f32>,
    /// Faces that the detector is less sure of don't count; the service's own setting by default.
    #[param(minimum = 0, maximum = 1, example = 0.9, nullable = false)]
    min_probability: Option<f32>,
}

impl FromQuery for VerifyQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        Ok(Self {
            threshold: query.number("threshold", 0.0, 2.0)?,
            min_probability: query.number("min_probability", 0.0, 1.0)?,
        })
    }
}

/// A form with two photos.
#[derive(ToSchema)]
#[schema(as = PhotoPair)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct PhotoPairSchema {
    /// The one photo.
    #[schema(value_type = String, format = Binary)]
    a: Vec<u8>,
    /// The other photo.
    #[schema(value_type = String, format = Binary)]
    b: Vec<u8>,
}

/// The two photos of the request.
pub struct PhotoPair {
    a: ImageUpload,
    b: ImageUpload,
}

impl FromRequest<AppState> for PhotoPair {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let found = media_type(&request);
        if found != "multipart/form-data" {
            return Err(wrong_media_type("multipart/form-data with the photos in parts `a` and `b`", &found));
        }
        let limit = app.config.max_upload_bytes.saturating_mul(2);
        let _turn = admit(request.headers(), app, limit).await?;
        let mut form = Form::open(request, app, limit).await?;
        let (mut a, mut b) = (None, None);
        while let Some(part) = form.next().await? {
            let (name, slot) = match part.name() {
                Some("a") => ("a", &mut a),
                Some("b") => ("b", &mut b),
                _ => return Err(unknown_part("a, b", &part)),
            };
            if slot.replace(read_file(part, app, limit).await?).is_some() {
                return Err(repeated_part(name));
            }
        }
        let missing =
            |part| InputError::Missing(format!("expected a photo in part `{part}` of the form, found none"));
        Ok(Self { a: a.ok_or_else(|| missing("a"))?, b: b.ok_or_else(|| missing("b"))? })
    }
}

/// How far apart the main faces of two photos are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Verification {
    /// Cosine distance.
    #[schema(minimum = 0, maximum = 2, example = 0.191)]
    distance: f32,
    /// Whether it is below the threshold.
    same: bool,
    #[schema(example = 0.5)]
    threshold: f32,
    /// The embedder; distances of different ones can't be compared.
    #[schema(example = "vggface2")]
    model: String,
    a: DetectedFace,
    b: DetectedFace,
}

/// Is it the same person?
///
/// Compares the main face of each photo, that is the largest, with those in the middle before those at
/// the edge. Nobody need be enrolled. Scope: `recognize`.
///
/// # Errors
/// As listed; a photo without a face is one (`no_face`, `part`).
#[utoipa::path(
    post, operation_id = "verify", path = "/v1/verify", tag = "recognition",
    params(VerifyQuery),
    request_body(description = "Two photos", content((PhotoPairSchema = "multipart/form-data"))),
    responses((status = 200, description = "How far apart they are", body = Verification), PairProblems),
)]
pub async fn verify(
    State(app): State<AppState>,
    Checked(query): Checked<VerifyQuery>,
    PhotoPair { a, b }: PhotoPair,
) -> Result<Json<Verification>, ApiError> {
    let params = app.recognize_params();
    let threshold = query.threshold.unwrap_or(params.matching.threshold);
    let min_probability = query.min_probability.unwrap_or(params.faces.min_probability);
    let compared = app.work(move |app, pipeline| {
        let gallery = app.gallery.current();
        let recipe = gallery.recipe();
        let main =
            |photo: &ImageUpload| pipeline.embed_main_face(&photo.bytes, min_probability, recipe.margin_px);
        Ok((main(&a)?, main(&b)?, recipe.model.clone()))
    });
    let (a, b, model) = compared.await?;
    let ((a, a_looks), (b, b_looks)) = (a.ok_or_else(|| no_face("a"))?, b.ok_or_else(|| no_face("b"))?);
    let distance = a_looks.cosine_distance(&b_looks);
    Ok(Json(Verification {
        distance: wire_distance(distance),
        same: is_match(distance, threshold),
        threshold,
        model,
        a: (&a).into(),
        b: (&b).into(),
    }))
}

fn no_face(part: &str) -> ApiError {
    let detail = format!("expected a face in the photo of part `{part}`, found none");
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "no_face", detail).with("part", part.into())
}
