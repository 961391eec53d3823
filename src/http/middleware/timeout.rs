//! The time limit of requests.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::problem::{ApiError, ProblemCode};
use crate::http::state::AppState;

/// Middleware: ends a request after the time limit. Its job is cancelled: removed from the queue if waiting,
/// signalled if running.
pub async fn limit_time(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let limit = app.config.request_timeout;
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        app.metrics.timed_out();
        let detail = format!("request timed out after {} s; retry when the load is lower", limit.as_secs());
        ApiError::new(ProblemCode::Timeout, detail).into_response()
    })
}
