//! `/v1/audit`: what is odd about the enrolled people, and which findings are dismissed.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::extract::audit_query::AuditQuery;
use crate::http::extract::query::Checked;
use crate::http::problem::{ApiError, AuditProblems, DismissProblems, RestoreProblems};
use crate::http::state::AppState;
use crate::presentation::audit::AuditReport;

/// Audit the people.
///
/// Photos unlike the person's others, one face under two names, few or weak photos, names without a face, each with a key
/// and what can be done about it; the people most alike; what rates of false names mean here. 409 for a gallery without
/// statistics of strangers. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "audit", path = "/v1/audit", tag = "people",
    params(AuditQuery),
    responses((status = 200, description = "The findings", body = AuditReport), AuditProblems),
)]
pub async fn get(
    State(app): State<AppState>,
    Checked(query): Checked<AuditQuery>,
) -> Result<Json<AuditReport>, ApiError> {
    let audit = app.service.audit().await?;
    Ok(Json(AuditReport::new(audit, query.all, &app.service.snapshot())))
}

/// Dismiss a finding.
///
/// It is right as it is, and not listed again; `all=true` lists it. Dismissed once more, it stays so. The dismissal ends
/// when its people or its photo are gone. Scope: `manage`.
#[utoipa::path(
    put, operation_id = "dismiss_finding", path = "/v1/audit/dismissals/{key}", tag = "people",
    params(("key" = String, Path, description = "Of the finding", example = "5f0c1d0b6c2e4a7f9b3d8e1a2c4f6071")),
    responses((status = 204, description = "Dismissed"), DismissProblems),
)]
pub async fn dismiss(State(app): State<AppState>, Path(key): Path<String>) -> Result<StatusCode, ApiError> {
    app.service.dismiss_finding(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Withdraw a dismissal.
///
/// The finding is listed again. Scope: `manage`.
#[utoipa::path(
    delete, operation_id = "restore_finding", path = "/v1/audit/dismissals/{key}", tag = "people",
    params(("key" = String, Path, description = "Of the finding", example = "5f0c1d0b6c2e4a7f9b3d8e1a2c4f6071")),
    responses((status = 204, description = "Withdrawn"), RestoreProblems),
)]
pub async fn restore(State(app): State<AppState>, Path(key): Path<String>) -> Result<StatusCode, ApiError> {
    app.service.restore_finding(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
