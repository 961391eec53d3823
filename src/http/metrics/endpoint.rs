//! `GET /metrics`, in the text format of Prometheus.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::prometheus_text;

use super::snapshot;
use crate::error::Error;
use crate::http::problem::{ApiError, PlainProblems};
use crate::http::state::AppState;
use crate::service::blocking::run_blocking;

/// Metrics of the service, in the text format of Prometheus.
///
/// Scope: `recognize`.
///
/// # Errors
/// 500 when the metrics can't be written.
#[utoipa::path(
    get, operation_id = "metrics", path = "/metrics", tag = "health",
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), PlainProblems),
)]
pub async fn metrics(State(app): State<AppState>) -> Result<Response, ApiError> {
    // Reads files of /proc, and formats a registry that may be large.
    let text = run_blocking(move || {
        let mut text = String::new();
        let state = snapshot::registry(&app);
        for registry in [app.service.metrics().registry(), app.metrics.registry(), &state] {
            prometheus_text::encode(&mut text, registry)
                .map_err(|error| Error::Internal(format!("the metrics can't be written: {error}")))?;
        }
        Ok(text)
    });
    Ok(([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text.await?).into_response())
}
