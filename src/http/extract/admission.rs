//! What is decided about a request before its body is read.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use super::limits::MULTIPART_OVERHEAD_BYTES;
use super::permits::ReadPermit;
use super::refusals::too_large;
use crate::http::problem::ApiError;
use crate::http::state::AppState;

/// The content type without its parameters, in lower case; empty where it is absent.
#[must_use]
pub fn media_type(request: &Request) -> String {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// Refuses a request before its body is read, where possible: an announced length above `limit` bytes of files,
/// or a full queue. The body is to be read while the permit is held.
///
/// # Errors
/// 413 or 503.
pub async fn admit(head: &HeaderMap, app: &AppState, limit: u64) -> Result<ReadPermit, ApiError> {
    app.service.workers().check_room()?;
    let announced = head.get(CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
    if announced > limit.saturating_add(MULTIPART_OVERHEAD_BYTES) {
        return Err(too_large(limit));
    }
    let read_permit = app.uploads.permits.take().await;
    // Earlier requests may have filled the queue meanwhile.
    app.service.workers().check_room()?;
    Ok(read_permit)
}
