//! One uploaded file: part `file` of a form, or the body itself.

use axum::extract::Request;

use super::admission::{admit, media_type};
use super::form::{Form, read_file};
use super::refusals::{repeated_part, unknown_part, wrong_media_type};
use super::upload::ImageUpload;
use crate::error::InputError;
use crate::http::problem::ApiError;
use crate::http::state::AppState;

/// The file of the request; `is_raw` tells whether a body of this media type is the file itself.
///
/// # Errors
/// 400 without the part or for a broken body, 408, 413, 415 for another kind of body, 503.
pub async fn read_upload(
    request: Request,
    app: &AppState,
    is_raw: impl Fn(&str) -> bool,
    expected: &str,
) -> Result<ImageUpload, ApiError> {
    let found = media_type(&request);
    let is_raw = is_raw(&found);
    if !is_raw && found != "multipart/form-data" {
        return Err(wrong_media_type(expected, &found));
    }
    let limit = app.limits.single;
    let _admission = admit(&request, app, limit).await?;
    if is_raw {
        return ImageUpload::read_body(request, &app.uploads).await;
    }
    let mut form = Form::open(request, &app.uploads, limit)?;
    let mut file = None;
    while let Some(part) = form.next().await? {
        match (part.name(), &file) {
            (Some("file"), None) => file = Some(read_file(part, &app.uploads).await?),
            (Some("file"), Some(_)) => return Err(repeated_part("file")),
            _ => return Err(unknown_part(&["file"], part.name())),
        }
    }
    let missing = || InputError::Missing("expected a part `file` in the form, found none".to_owned());
    Ok(file.ok_or_else(missing)?)
}
