//! The Flask service's endpoint, `POST /recognize_faces`.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{StatusCode, header::HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::flask;
use super::form::PhotoForm;
use super::schema::{LegacyError, LegacyForm};
use crate::config::Compat;
use crate::http::problem::ApiError;
use crate::http::state::AppState;
use crate::presentation::legacy::{LegacyEntry, legacy_entries};

/// Names and IDs of a photo.
///
/// The endpoint of the Flask service. Name and ID of each recognised face, largest first, then the count of unknown
/// faces. With `--compat flask` the status of a photo that can't be decoded is 200, as that service's was. Scope:
/// `recognize`.
///
/// # Errors
/// `{"error": "..."}`, the Flask service's format.
#[utoipa::path(
    post, path = "/recognize_faces", tag = "flask",
    request_body(description = "The photo", content((LegacyForm = "multipart/form-data"))),
    responses(
        (status = 200, description = "The faces, or a message that there are none", body = Vec<LegacyEntry>),
        (status = 400, description = "The part `file` is missing", body = LegacyError),
        (status = 401, description = "The API key is missing or unknown", body = LegacyError),
        (status = 403, description = "The API key's scope does not include this", body = LegacyError),
        (status = 408, description = "The upload stalled", body = LegacyError),
        (status = 413, description = "The file exceeds the limit", body = LegacyError),
        (status = 415, description = "The file is in no supported image format", body = LegacyError),
        (status = 422, description = "The image is corrupt or exceeds the pixel limit", body = LegacyError),
        (status = 500, description = "The service failed", body = LegacyError),
        (status = 503, description = "The queue is full, or the request timed out", body = LegacyError),
    ),
)]
pub async fn recognize_faces(
    State(app): State<AppState>,
    PhotoForm(photo): PhotoForm,
) -> Result<Response, ApiError> {
    let recognized = app.service.recognize_and_record(photo, app.service.default_params()).await;
    match recognized.map_err(ApiError::from) {
        Ok(recognized) => Ok(Json(legacy_entries(&recognized)).into_response()),
        Err(error) if app.config.compat == Compat::Flask && error.code.is_about_the_image() => {
            Ok(Json(json!({ "error": "Conversion failed" })).into_response())
        }
        Err(error) => Err(error),
    }
}

/// `OPTIONS /recognize_faces`: which methods there are; Flask said it with an empty page.
pub async fn options(State(app): State<AppState>) -> Response {
    let allow = (ALLOW, HeaderValue::from_static(flask::ALLOW_RECOGNIZE));
    match app.config.compat {
        Compat::Flask => ([allow, (CONTENT_TYPE, HeaderValue::from_static(flask::HTML))], "").into_response(),
        Compat::Standard => (StatusCode::NO_CONTENT, [allow]).into_response(),
    }
}
