//! The old endpoint, `POST /recognize_faces`.

use axum::Json;
use axum::extract::State;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{StatusCode, header::HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::error::Failure;
use super::extract::PhotoForm;
use super::flask;
use super::state::AppState;
use super::types::legacy_entries;
use crate::config::Compat;

/// `POST /recognize_faces`: names and IDs, faces largest first.
///
/// # Errors
/// What [`Failure`] says of the upload or the queue; in the flask profile a photo that can't be
/// decoded is answered 200, as that service did.
pub async fn recognize_faces(
    State(app): State<AppState>,
    PhotoForm(photo): PhotoForm,
) -> Result<Response, Failure> {
    let answer = app.recognize(photo, app.recognize_params()).await.map_err(Failure::from);
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
