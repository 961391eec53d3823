//! `POST /v1/verify`: whether two photos show the same person.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::error::InputError;
use crate::http::extract::admission::{admit, media_type};
use crate::http::extract::form::{Form, read_file};
use crate::http::extract::params::{MIN_PROBABILITY, THRESHOLD};
use crate::http::extract::query::{Checked, FromQuery, Pairs};
use crate::http::extract::refusals::{repeated_part, unknown_part, wrong_media_type};
use crate::http::extract::upload::ImageUpload;
use crate::http::problem::{ApiError, PairProblems, ProblemCode};
use crate::http::state::AppState;
use crate::http::wire::faces::{DetectedFace, wire_distance, wire_probability};
use crate::service::verify::VerifyOutcome;

/// The form's parts, in order.
const PARTS: [&str; 2] = ["a", "b"];

/// How the photos are compared.
#[derive(Debug)]
pub struct VerifyQuery {
    threshold: Option<f32>,
    min_probability: Option<f32>,
}

impl IntoParams for VerifyQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            THRESHOLD.document(
                "The faces are the same person's below this cosine distance; default: the service's setting.",
            ),
            MIN_PROBABILITY
                .document("Faces of lower probability don't count; default: the service's setting."),
        ]
    }
}

impl FromQuery for VerifyQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        Ok(Self { threshold: query.number(&THRESHOLD)?, min_probability: query.number(&MIN_PROBABILITY)? })
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
        let limit = app.limits.pair;
        let _admission = admit(&request, app, limit).await?;
        let mut form = Form::open(request, &app.uploads, limit).await?;
        let (mut a, mut b) = (None, None);
        while let Some(part) = form.next().await? {
            let (name, slot) = match part.name() {
                Some("a") => ("a", &mut a),
                Some("b") => ("b", &mut b),
                _ => return Err(unknown_part(&PARTS, &part)),
            };
            if slot.replace(read_file(part, &app.uploads, limit).await?).is_some() {
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
    /// How likely the faces of two different people are to be this alike: the false match rate of a threshold at this
    /// pair. Null where the service has no statistics of strangers for its embedder.
    #[schema(required, minimum = 0, maximum = 1, example = 2.1e-7)]
    false_match_probability: Option<f64>,
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

/// Compare two faces.
///
/// Compares the main face of each photo: the largest, preferring the centre of the photo. Uses no enrolled people. Scope: `recognize`.
///
/// # Errors
/// Among others 422 `no_face`: `part` names the photo without a face.
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
    let params = app.service.default_params();
    let threshold = query.threshold.unwrap_or(app.service.default_threshold());
    let min_probability = query.min_probability.unwrap_or(params.faces.min_probability);
    match app.service.verify([a, b], threshold, min_probability).await? {
        VerifyOutcome::NoFace(index) => Err(no_face(PARTS.get(index).copied().unwrap_or_default())),
        VerifyOutcome::Compared(compared) => {
            let [a, b] = &compared.faces;
            Ok(Json(Verification {
                distance: wire_distance(compared.distance),
                false_match_probability: compared.false_match_probability.map(wire_probability),
                same: compared.same,
                threshold,
                model: compared.model,
                a: a.into(),
                b: b.into(),
            }))
        }
    }
}

fn no_face(part: &str) -> ApiError {
    let detail = format!("expected a face in the photo of part `{part}`, found none");
    ApiError::new(ProblemCode::NoFace, detail).with("part", part.into())
}
