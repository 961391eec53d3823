//! `/v1/attendance` and `/v1/people/{person_id}/attendance`: who was there, over many sessions.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::files::in_format;
use crate::attendance::Report;
use crate::attendance::export::report_table;
use crate::http::extract::attendance_query::{AttendanceQuery, ForgetQuery, FormatQuery};
use crate::http::extract::query::Checked;
use crate::http::problem::{ApiError, SessionProblems};
use crate::http::state::AppState;
use crate::presentation::attendance as wire;
use crate::service::attendance::reports::PersonHistory;

/// Report attendance.
///
/// The people of the closed sessions of a group and a time, with counts and shares. Shares are of the sessions in which the
/// person could have been seen. Open sessions and visitors are left out. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "report_attendance", path = "/v1/attendance", tag = "attendance",
    params(AttendanceQuery),
    responses((status = 200, description = "The report", content(
        (wire::Report = "application/json"), ("text/csv"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )), SessionProblems),
)]
pub async fn report(
    State(app): State<AppState>,
    Checked(query): Checked<AttendanceQuery>,
) -> Result<Response, ApiError> {
    let report = app.service.attendance_report(query.report).await?;
    let json = |report: &Report| wire::Report::from(report);
    in_format(report, query.format, "attendance".to_owned(), json, report_table).await
}

/// Get a person's attendance.
///
/// The sessions in which the person has an entry, latest first, those as a visitor included. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "get_person_attendance", path = "/v1/people/{person_id}/attendance", tag = "attendance",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA"), FormatQuery),
    responses((status = 200, description = "The sessions", content(
        (wire::History = "application/json"), ("text/csv"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )), SessionProblems),
)]
pub async fn of_person(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Checked(FormatQuery(format)): Checked<FormatQuery>,
) -> Result<Response, ApiError> {
    let history = app.service.person_attendance(&id).await?;
    let json = |history: &PersonHistory| wire::History::from(history);
    in_format(history, format, "attendance".to_owned(), json, PersonHistory::table).await
}

/// How much was forgotten.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForgottenAttendance {
    /// How many entries the person had.
    #[schema(example = 12)]
    entries: u64,
}

/// Forget a person's attendance.
///
/// The entries, and messages about the person that no receiver has taken yet. Enrolment and roster stay as they are. Somebody
/// without entries has none: that is no error. Scope: `manage`.
#[utoipa::path(
    delete, operation_id = "forget_person_attendance", path = "/v1/people/{person_id}/attendance", tag = "attendance",
    params(("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA"), ForgetQuery),
    responses((status = 200, description = "Forgotten", body = ForgottenAttendance), SessionProblems),
)]
pub async fn forget(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Checked(ForgetQuery(how)): Checked<ForgetQuery>,
) -> Result<Json<ForgottenAttendance>, ApiError> {
    Ok(Json(ForgottenAttendance { entries: app.service.forget_attendance(&id, how).await? }))
}
