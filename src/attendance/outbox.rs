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

/// What webhooks tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A photo changed somebody's status.
    Marked,
    /// Somebody set or withdrew a status by hand.
    Corrected,
    /// A session was closed.
    Closed,
    /// A photo shows faces of nobody enrolled.
    UnknownFace,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 4] = [Self::Marked, Self::Corrected, Self::Closed, Self::UnknownFace];

    /// The name in messages and settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marked => "attendance.marked",
            Self::Corrected => "attendance.corrected",
            Self::Closed => "session.closed",
            Self::UnknownFace => "face.unknown",
        }
    }

    /// The event of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

/// A set of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events([bool; Event::ALL.len()]);

impl Events {
    /// No event: there is no receiver.
    pub const NONE: Self = Self([false; Event::ALL.len()]);
    /// Every event.
    pub const ALL: Self = Self([true; Event::ALL.len()]);

    /// Whether `event` is one of them.
    #[must_use]
    pub fn has(self, event: Event) -> bool {
        self.0[event as usize]
    }
}

impl FromIterator<Event> for Events {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut all = Self::NONE;
        events.into_iter().for_each(|event| all.0[event as usize] = true);
        all
    }
}

/// The channels that have a receiver. No messages are written for others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Channels {
    /// The events that a receiver of webhooks gets; none where there is no receiver.
    pub webhook: Events,
    /// Whether there is a receiver of the old service's messages.
    pub legacy: bool,
}

/// A message to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Unique id, the same in every attempt: receivers drop repetitions by it.
    pub id: String,
    /// Ordering key: messages of one are delivered in order. One for each person and each session.
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
