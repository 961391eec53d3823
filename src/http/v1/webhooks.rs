//! `/v1/webhooks`: messages that no receiver took.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::attendance::{self, OutboxCounts};
use crate::http::extract::dead_letters::{DeadLettersQuery, Resending};
use crate::http::extract::query::Checked;
use crate::http::problem::{ApiError, CloseSessionProblems, SessionsProblems};
use crate::http::state::AppState;

/// A message given up on.
#[derive(Debug, Serialize, ToSchema)]
struct DeadLetter {
    /// Of the message, which its receiver gets as `webhook-id`.
    #[schema(example = "01KB9V3A5C7E9G1J3M5P7R9T1V")]
    id: String,
    /// `webhook`, or `legacy` for the old service's message.
    #[schema(example = "webhook")]
    channel: &'static str,
    /// What it tells of.
    #[schema(example = "attendance.marked")]
    event: String,
    /// What the receiver was sent.
    #[schema(value_type = Object)]
    message: Value,
    /// When it was written, UTC.
    #[schema(format = DateTime, example = "2026-11-26T07:12:00Z")]
    created_at: String,
    /// When it was given up on, UTC.
    #[schema(format = DateTime, example = "2026-11-28T13:12:00Z")]
    dead_at: String,
    /// How often it was sent.
    #[schema(example = 10)]
    attempts: u32,
    /// What went wrong at last.
    #[schema(example = "expected a status of 2xx, the receiver answers 500 Internal Server Error")]
    last_error: String,
}

impl From<attendance::DeadLetter> for DeadLetter {
    fn from(letter: attendance::DeadLetter) -> Self {
        Self {
            id: letter.id,
            channel: letter.channel.as_str(),
            event: letter.event,
            message: serde_json::from_str(&letter.body).unwrap_or_default(),
            created_at: letter.created_at.to_string(),
            dead_at: letter.dead_at.to_string(),
            attempts: letter.attempts,
            last_error: letter.last_error,
        }
    }
}

/// Messages that no receiver took.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeadLetters {
    /// The latest first.
    messages: Vec<DeadLetter>,
    /// How many there are in all.
    #[schema(example = 1)]
    dead: u64,
    /// How many messages wait to be delivered.
    #[schema(example = 0)]
    pending: u64,
}

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
    let (letters, OutboxCounts { pending, dead }) = app.service.dead_letters(query.limit).await?;
    let messages = letters.into_iter().map(DeadLetter::from).collect();
    Ok(Json(DeadLetters { messages, dead, pending }))
}

/// How many messages are sent again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resent {
    #[schema(example = 1)]
    resent: u64,
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
