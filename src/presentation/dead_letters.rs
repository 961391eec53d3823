//! Messages to other systems that no receiver took.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::attendance::{self, OutboxCounts};

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
    #[schema(example = "expected a status of 2xx, the receiver responds with 500 Internal Server Error")]
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

impl DeadLetters {
    /// Those listed, and how many there are.
    #[must_use]
    pub fn new(letters: Vec<attendance::DeadLetter>, counts: &OutboxCounts) -> Self {
        let messages = letters.into_iter().map(DeadLetter::from).collect();
        Self { messages, dead: counts.dead, pending: counts.pending }
    }
}

/// How many messages are sent again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resent {
    /// So many.
    #[schema(example = 1)]
    pub resent: u64,
}
