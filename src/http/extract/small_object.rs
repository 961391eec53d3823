//! Small JSON objects as bodies.

use axum::extract::Request;
use serde::de::DeserializeOwned;

use super::admission::media_type;
use super::body::read_small_body;
use super::limits::MAX_PATCH_BYTES;
use super::refusals::wrong_media_type;
use crate::error::InputError;
use crate::http::problem::ApiError;

/// Reads a small JSON object of one of these media types. `expected` says what it holds, for messages.
///
/// # Errors
/// 415 for another media type, 400 for anything but such an object, and as [`read_small_body`].
pub async fn read_small_object<T: DeserializeOwned>(
    request: Request,
    types: &[&str],
    expected: &str,
) -> Result<T, ApiError> {
    read_object(request, types, expected, MAX_PATCH_BYTES).await
}

/// [`read_small_object`] of at most `limit` bytes.
///
/// # Errors
/// As [`read_small_object`].
pub async fn read_object<T: DeserializeOwned>(
    request: Request,
    types: &[&str],
    expected: &str,
    limit: usize,
) -> Result<T, ApiError> {
    let found = media_type(&request);
    if !types.contains(&found.as_str()) {
        return Err(wrong_media_type(&types.join(" or "), &found));
    }
    let body = read_small_body(request.into_body(), limit).await?;
    let refused = |why: &str| ApiError::from(InputError::Invalid(format!("expected {expected}; {why}")));
    // Members without names would do for serde.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refused("found none"));
    }
    serde_json::from_slice(&body).map_err(|error| refused(&error.to_string()))
}
