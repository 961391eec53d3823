//! Raw bodies of requests.

use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use serde::de::DeserializeOwned;

use super::admission::media_type;
use super::limits::MAX_PATCH_BYTES;
use super::refusals::{broken_body, too_large, wrong_media_type};
use crate::error::InputError;
use crate::http::problem::ApiError;

/// The next bytes of a body; none of a frame that has no data, `None` at the end.
pub async fn next_chunk(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

/// Reads a small body, which does not count against the upload budget.
///
/// # Errors
/// 413 for more than `limit` bytes, 408 for a stalled body, 400 for a truncated one.
pub async fn read_small_body(mut body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = next_chunk(&mut body).await {
        bytes.extend_from_slice(&chunk.map_err(|error| broken_body(&error))?);
        if bytes.len() > limit {
            return Err(too_large(limit as u64));
        }
    }
    Ok(bytes)
}

/// Reads a small JSON object of one of these media types. `expected` says what it holds, for messages.
///
/// # Errors
/// 415 for another media type, 400 for anything but such an object, and as [`read_small_body`].
pub async fn read_small_object<T: DeserializeOwned>(
    request: Request,
    types: &[&str],
    expected: &str,
) -> Result<T, ApiError> {
    let found = media_type(&request);
    if !types.contains(&found.as_str()) {
        return Err(wrong_media_type(&types.join(" or "), &found));
    }
    let body = read_small_body(request.into_body(), MAX_PATCH_BYTES).await?;
    let refused = |why: &str| ApiError::from(InputError::Invalid(format!("expected {expected}; {why}")));
    // Members without names would do for serde.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refused("found none"));
    }
    serde_json::from_slice(&body).map_err(|error| refused(&error.to_string()))
}
