//! `/v1/webhooks`: messages that no receiver took.

use axum::Json;
use axum::extract::State;

use crate::http::extract::dead_letters::{DeadLettersQuery, Resending};
use crate::http::extract::query::Checked;
use crate::http::problem::{ApiError, CloseSessionProblems, SessionsProblems};
use crate::http::state::AppState;
use crate::presentation::dead_letters::{DeadLetters, Resent};

/// List dead letters.
///
/// Messages given up on: after ten attempts, or since the receiver wants no more. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "list_dead_letters", path = "/v1/webhooks/dead-letters", tag = "attendance",
    params(DeadLettersQuery),
    responses((status = 200, description = "The messages", body = DeadLetters), SessionsProblems),
)]
pub async fn list(
    State(app): State<AppState>,
    Checked(query): Checked<DeadLettersQuery>,
) -> Result<Json<DeadLetters>, ApiError> {
    let (letters, counts) = app.service.dead_letters(query.limit).await?;
    Ok(Json(DeadLetters::new(letters, &counts)))
}

/// Send dead letters again.
///
/// One, or without a body all of them; under the same ids, with ten attempts more. Scope: `manage`.
#[utoipa::path(
    post, operation_id = "resend_dead_letters", path = "/v1/webhooks/dead-letters/resend", tag = "attendance",
    request_body(description = "Which one", content = Option<Resending>),
    responses((status = 200, description = "They are sent", body = Resent), CloseSessionProblems),
)]
pub async fn resend(
    State(app): State<AppState>,
    Resending { id }: Resending,
) -> Result<Json<Resent>, ApiError> {
    Ok(Json(Resent { resent: app.service.resend(id).await? }))
}
