//! The old endpoint, `POST /recognize_faces`.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{StatusCode, header::HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::error::ApiError;
use super::extract::PhotoForm;
use super::flask;
use super::state::AppState;
use super::types::{LegacyEntry, LegacyError, LegacyForm, legacy_entries};
use crate::config::Compat;

/// Names and IDs of a photo.
///
/// The endpoint of the Flask service, faces largest first: for each recognised face name and ID, at the
/// end how many are nobody's. With `--compat flask` a photo that can't be decoded is answered 200, as that
/// service did. Scope: `recognize`.
///
/// # Errors
/// As listed, in the old form `{"error": "..."}`.
#[utoipa::path(
    post, path = "/recognize_faces", tag = "flask",
    request_body(description = "The photo", content((LegacyForm = "multipart/form-data"))),
    responses(
        (status = 200, description = "The faces, or a message that there are none", body = Vec<LegacyEntry>),
        (status = 400, description = "There is no file in part `file`", body = LegacyError),
        (status = 401, description = "There is no API key, or an unknown one", body = LegacyError),
        (status = 403, description = "The API key is not for this", body = LegacyError),
        (status = 408, description = "The upload stood still", body = LegacyError),
        (status = 413, description = "The file is over the limit", body = LegacyError),
        (status = 415, description = "The file is of no image format that is read here", body = LegacyError),
        (status = 422, description = "The image is broken or has too many pixels", body = LegacyError),
        (status = 500, description = "The service has failed", body = LegacyError),
        (status = 503, description = "There is no room for more work", body = LegacyError),
    ),
)]
pub async fn recognize_faces(
    State(app): State<AppState>,
    PhotoForm(photo): PhotoForm,
) -> Result<Response, ApiError> {
    let answer = app.recognize(photo, app.recognize_params()).await.map_err(ApiError::from);
    match answer {
        Ok(answer) => {
            Ok(Json(legacy_entries(&answer.recognition, &answer.gallery, &answer.roster)).into_response())
        }
        Err(failure) if app.compat() == Compat::Flask && failure.is_about_the_image() => {
            Ok(Json(json!({ "error": "Conversion failed" })).into_response())
        }
        Err(failure) => Err(failure),
    }
}

/// `OPTIONS /recognize_faces`: which methods there are; Flask said it with an empty page.
pub async fn options(State(app): State<AppState>) -> Response {
    let allow = (ALLOW, HeaderValue::from_static(flask::ALLOW_RECOGNIZE));
    match app.compat() {
        Compat::Flask => ([allow, (CONTENT_TYPE, HeaderValue::from_static(flask::HTML))], "").into_response(),
        Compat::Standard => (StatusCode::NO_CONTENT, [allow]).into_response(),
    }
}
