//! `POST /v1/detect`: face boxes and landmarks, without names.

use axum::Json;
use axum::extract::State;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::http::extract::params::{MAX_FACES, MIN_PROBABILITY};
use crate::http::extract::photos::{Photos, PhotosFormSchema};
use crate::http::extract::query::{Checked, FromQuery, Pairs};
use crate::http::problem::{ApiError, PhotoProblems};
use crate::http::state::AppState;
use crate::http::v1::photo_results::{OneOrSeveral, run_each};
use crate::presentation::detection::DetectionResponse;
use crate::upload::base64_json::PhotosInJson;

/// Which faces are listed.
#[derive(Debug)]
pub struct DetectQuery {
    min_probability: Option<f32>,
    max_faces: Option<usize>,
}

impl IntoParams for DetectQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            MIN_PROBABILITY
                .document("Faces of lower probability are left out; default: the service's setting."),
            MAX_FACES.document("Most faces, the largest first; default and limit: the service's setting."),
        ]
    }
}

impl FromQuery for DetectQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        Ok(Self { min_probability: query.number(&MIN_PROBABILITY)?, max_faces: query.number(&MAX_FACES)? })
    }
}

/// Detect faces.
///
/// Faces without names. Of several photos, in parts `photos` or in JSON as `images`, each has a result. Scope: `recognize`.
#[utoipa::path(
    post, operation_id = "detect", path = "/v1/detect", tag = "recognition",
    params(DetectQuery),
    request_body(description = "The photo, or several", content(
        (PhotosFormSchema = "multipart/form-data"), ("image/*"), (PhotosInJson = "application/json"),
    )),
    responses((status = 200, description = "The faces, the largest first; none is no error", body = OneOrSeveral<DetectionResponse>), PhotoProblems),
)]
pub async fn detect(
    State(app): State<AppState>,
    Checked(query): Checked<DetectQuery>,
    photos: Photos,
) -> Result<Json<OneOrSeveral<DetectionResponse>>, ApiError> {
    let mut params = app.service.default_params().faces;
    params.min_probability = query.min_probability.unwrap_or(params.min_probability);
    params = params.at_most(query.max_faces);
    let detect = |photo| {
        let service = app.service.clone();
        async move { Ok(service.detect(photo, params).await?.into()) }
    };
    Ok(Json(run_each(photos, detect).await?))
}
