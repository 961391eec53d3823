//! One log line a request.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use tracing::Span;

use super::auth::KEY_FIELD;
use super::request_id::X_REQUEST_ID;

/// The span of a request: its route, never the path as sent, which may contain a name.
#[must_use]
pub fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let id = request.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or("-");
    tracing::info_span!("request", method = %request.method(), route, id, { KEY_FIELD } = tracing::field::Empty)
}

/// Logs a response.
pub fn log(response: &Response, latency: Duration, _span: &Span) {
    tracing::info!(status = response.status().as_u16(), ms = latency.as_millis() as u64, "answered");
}
