//! Raw bodies of requests.

use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};

use super::refusals::{broken_body, too_large};
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
