//! `/v1/audit`: what is odd about the enrolled people.

use axum::Json;
use axum::extract::State;

use crate::http::problem::{ApiError, AuditProblems};
use crate::http::state::AppState;
use crate::presentation::audit::AuditReport;

/// Audit the people.
///
/// Photos unlike the person's others, one face under two names, few or weak photos, names without a face; the people
/// most alike; what rates of false names mean here. 409 for a gallery without statistics of strangers. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "audit", path = "/v1/audit", tag = "people",
    responses((status = 200, description = "The findings", body = AuditReport), AuditProblems),
)]
pub async fn get(State(app): State<AppState>) -> Result<Json<AuditReport>, ApiError> {
    Ok(Json(app.service.audit().await?.into()))
}
