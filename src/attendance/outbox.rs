//! Messages to other systems, written in the transaction of what they tell of.

use jiff::Timestamp;

/// Where messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// Signed webhooks.
    Webhook,
    /// The old service's message.
    Legacy,
}

impl Channel {
    /// All channels.
    pub const ALL: [Self; 2] = [Self::Webhook, Self::Legacy];

    /// The name in API and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Legacy => "legacy",
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Self::Webhook => 1,
            Self::Legacy => 2,
        }
    }

    pub(super) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.code() == code)
    }
}

/// The channels that have a receiver. No messages are written for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Channels {
    /// Whether there is a receiver of webhooks.
    pub webhook: bool,
    /// Whether there is a receiver of the old service's messages.
    pub legacy: bool,
}

impl Channels {
    /// Whether `channel` has a receiver.
    #[must_use]
    pub fn has(self, channel: Channel) -> bool {
        match channel {
            Channel::Webhook => self.webhook,
            Channel::Legacy => self.legacy,
        }
    }
}

/// A message to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique id, the same in every attempt: receivers drop repetitions by it.
    pub id: String,
    /// Messages of one lane are delivered in order. A person is a lane, a session another.
    pub lane: String,
    /// JSON.
    pub body: String,
    /// Attempts so far.
    pub attempts: u32,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// Id of the message.
    pub id: String,
    /// How it went.
    pub outcome: Outcome,
}

/// How an attempt to deliver went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it: the message is deleted.
    Delivered,
    /// It is tried again.
    Retry {
        /// Not before this instant.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// It is given up on, until somebody sends it again.
    Dead {
        /// What went wrong.
        error: String,
    },
}

/// A message given up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Id of the message.
    pub id: String,
    /// Where it was to go.
    pub channel: Channel,
    /// Its event, such as `attendance.marked`.
    pub event: String,
    /// JSON.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was given up on.
    pub dead_at: Timestamp,
    /// Attempts made.
    pub attempts: u32,
    /// What went wrong at last.
    pub last_error: String,
}

/// How many messages there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Waiting to be delivered.
    pub pending: u64,
    /// Given up on.
    pub dead: u64,
}
