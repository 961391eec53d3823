//! `/v1/sessions`: sessions of attendance, their lists, corrections and closing.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::Response;
use axum::{Extension, Json};

use super::files::in_format;
use crate::attendance::{SessionFilter, SessionPage};
use crate::http::extract::attendance_query::{FormatQuery, SessionsQuery};
use crate::http::extract::idempotency::Idempotency;
use crate::http::extract::query::Checked;
use crate::http::extract::session_body::{EntryPatch, NewSessionBody, SessionClosing, SessionPatchBody};
use crate::http::problem::{
    ApiError, ChangeSessionProblems, CloseSessionProblems, CreateSessionProblems, DeleteSessionProblems,
    SessionProblems, SessionsProblems,
};
use crate::http::state::AppState;
use crate::presentation::attendance::{Entry, Session, SessionList};
use crate::presentation::session_list::SessionsPage;
use crate::service::attendance::idempotency::idempotency_key;
use crate::service::attendance::sessions::SessionDetail;
use crate::service::disclosure::Disclosure;

/// List sessions.
///
/// Latest start first. Callers who may not manage people get id and title of the open ones, whatever else they ask for.
/// Scope: `recognize`.
#[utoipa::path(
    get, operation_id = "list_sessions", path = "/v1/sessions", tag = "attendance",
    params(SessionsQuery),
    responses((status = 200, description = "The sessions of this page", body = SessionsPage), SessionsProblems),
)]
pub async fn list(
    State(app): State<AppState>,
    Extension(disclosure): Extension<Disclosure>,
    Checked(query): Checked<SessionsQuery>,
) -> Result<Json<SessionsPage>, ApiError> {
    let SessionsQuery { filter, page } = query;
    let filter = match disclosure {
        Disclosure::Full => filter,
        Disclosure::Limited => SessionFilter { open_only: true, ..SessionFilter::default() },
    };
    let SessionPage { sessions, total } = app.service.list_sessions(filter, page).await?;
    Ok(Json(SessionsPage::new(&sessions, total, page, disclosure)))
}

/// Begin a session.
///
/// Repeated with the same `Idempotency-Key`, it returns the session of the first time. The first session creates the
/// database. Scope: `manage`.
#[utoipa::path(
    post, operation_id = "create_session", path = "/v1/sessions", tag = "attendance",
    params(("Idempotency-Key" = Option<String>, Header, pattern = "^[ -~]{1,128}$", description = "1 to 128 characters; the same for a repeated request")),
    request_body(description = "What it is", content = NewSessionBody),
    responses((status = 201, description = "Begun", body = Session,
               headers(("location" = String, description = "Where the session is")),
               links(
                   ("session" = (operation_id = "get_session", parameters(("session_id" = "$response.body#/id")))),
                   ("photos" = (operation_id = "add_session_photos", parameters(("session_id" = "$response.body#/id")))),
                   ("close" = (operation_id = "close_session", parameters(("session_id" = "$response.body#/id")))),
                   ("delete" = (operation_id = "delete_session", parameters(("session_id" = "$response.body#/id")))),
               )), CreateSessionProblems),
)]
pub async fn create(
    State(app): State<AppState>,
    Idempotency(key): Idempotency,
    body: NewSessionBody,
) -> Result<(StatusCode, [(axum::http::HeaderName, String); 1], Json<Session>), ApiError> {
    let key = key.map(|key| idempotency_key(&key, &[b"create_session", body.fingerprint().as_bytes()]));
    let session = app.service.create_session(body.session()?, key).await?;
    let location = format!("/v1/sessions/{}", session.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json((&session).into())))
}

/// Get a session.
///
/// With its list: one entry for each member of its group, and for whoever else was seen. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "get_session", path = "/v1/sessions/{session_id}", tag = "attendance",
    params(("session_id" = String, Path, description = "Of the session", example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E"), FormatQuery),
    responses((status = 200, description = "The session", content(
        (SessionList = "application/json"), ("text/csv"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )), SessionProblems),
)]
pub async fn get(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Checked(FormatQuery(format)): Checked<FormatQuery>,
) -> Result<Response, ApiError> {
    let detail = app.service.read_session(&id).await?;
    let name = format!("session-{}", detail.session.date);
    let json = |detail: &SessionDetail| SessionList::from(detail);
    in_format(detail, format, name, json, SessionDetail::table).await
}

/// Change a session.
///
/// A JSON merge patch: absent members stay. Statuses follow a new start and new minutes until late. Of a closed session only
/// the title can be changed. Scope: `manage`.
#[utoipa::path(
    patch, operation_id = "update_session", path = "/v1/sessions/{session_id}", tag = "attendance",
    params(("session_id" = String, Path, description = "Of the session", example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E")),
    request_body(description = "What is to change", content(
        (SessionPatchBody = "application/merge-patch+json"), (SessionPatchBody = "application/json"),
    )),
    responses((status = 200, description = "The session, changed", body = Session), ChangeSessionProblems),
)]
pub async fn patch(
    State(app): State<AppState>,
    Path(id): Path<String>,
    patch: SessionPatchBody,
) -> Result<Json<Session>, ApiError> {
    let session = app.service.update_session(&id, patch.change()?).await?;
    Ok(Json((&session).into()))
}

/// Delete a session.
///
/// With its entries. Scope: `manage`.
#[utoipa::path(
    delete, operation_id = "delete_session", path = "/v1/sessions/{session_id}", tag = "attendance",
    params(("session_id" = String, Path, description = "Of the session", example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E")),
    responses((status = 204, description = "Deleted"), DeleteSessionProblems),
)]
pub async fn delete(State(app): State<AppState>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    app.service.delete_session(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Close a session.
///
/// The list is frozen: members who were not seen become `absent` or `not_enrolled`, and photos are refused from then on.
/// Closed once more, it stays as it is. Corrections are still possible. The body may be left out. Scope: `manage`.
#[utoipa::path(
    post, operation_id = "close_session", path = "/v1/sessions/{session_id}/close", tag = "attendance",
    params(("session_id" = String, Path, description = "Of the session", example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E")),
    request_body(description = "By whom", content = Option<SessionClosing>),
    responses((status = 200, description = "The session, closed", body = SessionList), CloseSessionProblems),
)]
pub async fn close(
    State(app): State<AppState>,
    Path(id): Path<String>,
    closing: SessionClosing,
) -> Result<Json<SessionList>, ApiError> {
    let detail = app.service.close_session(&id, closing.by).await?;
    Ok(Json((&detail).into()))
}

/// Correct an entry.
///
/// What is set by hand stands over what photos show, until it is corrected again or withdrawn. Possible in a closed session
/// as well; every change is recorded. Scope: `manage`.
#[utoipa::path(
    patch, operation_id = "correct_entry", path = "/v1/sessions/{session_id}/entries/{person_id}", tag = "attendance",
    params(
        ("session_id" = String, Path, description = "Of the session", example = "01KB9V1QFJ4T0Z6Q8Y3C5W7D2E"),
        ("person_id" = String, Path, description = "Of the person", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA"),
    ),
    request_body(description = "The status", content(
        (EntryPatch = "application/merge-patch+json"), (EntryPatch = "application/json"),
    )),
    responses((status = 200, description = "The entry, corrected", body = Entry), ChangeSessionProblems),
)]
pub async fn correct(
    State(app): State<AppState>,
    Path((session_id, person_id)): Path<(String, String)>,
    patch: EntryPatch,
) -> Result<Json<Entry>, ApiError> {
    let status = patch.status();
    let entry = app.service.correct_entry(&session_id, &person_id, status, patch.note, patch.by).await?;
    Ok(Json((&entry).into()))
}
