//! Small JSON objects as bodies.

use axum::extract::Request;
use serde::de::DeserializeOwned;

use super::admission::media_type;
use super::body::read_small_body;
use super::refusals::wrong_media_type;
use crate::error::InputError;
use crate::http::problem::ApiError;
use crate::upload::limits::MAX_PATCH_BYTES;

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
    parse(&read_bytes(request, types, limit).await?, expected)
}

/// [`read_small_object`], or the default where there is no body or it is null.
///
/// # Errors
/// As [`read_small_object`].
pub async fn read_optional_object<T: DeserializeOwned + Default>(
    request: Request,
    types: &[&str],
    expected: &str,
) -> Result<T, ApiError> {
    if media_type(&request).is_empty() {
        return Ok(T::default());
    }
    let body = read_bytes(request, types, MAX_PATCH_BYTES).await?;
    if body.trim_ascii() == b"null" { Ok(T::default()) } else { parse(&body, expected) }
}

async fn read_bytes(request: Request, types: &[&str], limit: usize) -> Result<Vec<u8>, ApiError> {
    let found = media_type(&request);
    if !types.contains(&found.as_str()) {
        return Err(wrong_media_type(&types.join(" or "), &found));
    }
    read_small_body(request.into_body(), limit).await
}

fn parse<T: DeserializeOwned>(body: &[u8], expected: &str) -> Result<T, ApiError> {
    let refused = |why: &str| ApiError::from(InputError::Invalid(format!("expected {expected}; {why}")));
    // Members without names would do for serde.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refused("found none"));
    }
    serde_json::from_slice(body).map_err(|error| refused(&error.to_string()))
}
