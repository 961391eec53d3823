//! The outbox's rows.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::value::{fault, values};
use super::{Sql, ids};
use crate::attendance::events;
use crate::attendance::model::Session;
use crate::attendance::outbox::{
    Channel, Channels, DeadLetter, Event, Message, OutboxCounts, Outcome, Settlement,
};
use crate::error::{InputError, Result};
use crate::student_id::StudentId;

/// A message further in the future than the longest pause was put off by a clock that has since been
/// set back: it is due.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_hours(2 * 24);
/// Longest error text that is kept, characters.
const MAX_ERROR_CHARS: usize = 500;

/// A webhook to write.
pub(super) struct NewMessage {
    event: Event,
    lane: String,
    person: Option<i64>,
    body: String,
}

impl NewMessage {
    /// About a person; in order with all others about this person.
    pub(super) fn of_person(event: Event, person: i64, body: String) -> Self {
        Self { event, lane: lane(person), person: Some(person), body }
    }

    /// About a session.
    pub(super) fn of_session(event: Event, session: &Session, body: String) -> Self {
        Self { event, lane: format!("session {}", session.id), person: None, body }
    }
}

fn lane(person: i64) -> String {
    format!("person {person}")
}

pub(super) fn write(db: &dyn Sql, channels: Channels, message: &NewMessage, now: Timestamp) -> Result<()> {
    if !channels.webhook.has(message.event) {
        return Ok(());
    }
    insert(db, Channel::Webhook, &ids::new_id(), message, now)
}

/// Writes the old service's message about somebody recognised.
pub(super) fn write_legacy(
    db: &dyn Sql,
    channels: Channels,
    person: i64,
    student_id: Option<&StudentId>,
    date: Date,
    now: Timestamp,
) -> Result<()> {
    if !channels.legacy {
        return Ok(());
    }
    let id = ids::new_id();
    let message = NewMessage::of_person(Event::Marked, person, events::legacy(&id, student_id, date));
    insert(db, Channel::Legacy, &id, &message, now)
}

fn insert(db: &dyn Sql, channel: Channel, id: &str, message: &NewMessage, now: Timestamp) -> Result<()> {
    let NewMessage { event, lane, person, body } = message;
    db.execute(
        "INSERT INTO outbox (id, channel, event, lane, person_key, body, created_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
        values![id, channel.code(), event.as_str(), lane, *person, body, now],
    )?;
    Ok(())
}

pub(super) fn due(db: &dyn Sql, channel: Channel, now: Timestamp, limit: u32) -> Result<Vec<Message>> {
    let far = now.checked_add(LONGEST_PAUSE).unwrap_or(Timestamp::MAX);
    db.rows(
        "SELECT o.id, o.lane, o.body, o.attempts FROM outbox o
         WHERE o.channel = ?1 AND o.dead_at IS NULL AND (o.due_at <= ?2 OR o.due_at > ?3)
         AND NOT EXISTS (SELECT 1 FROM outbox earlier WHERE earlier.channel = o.channel
             AND earlier.lane = o.lane AND earlier.seq < o.seq AND earlier.dead_at IS NULL)
         ORDER BY o.due_at, o.seq LIMIT ?4",
        values![channel.code(), now, far, limit],
        |row| Ok(Message { id: row.get(0)?, lane: row.get(1)?, body: row.get(2)?, attempts: row.get(3)? }),
    )
}

pub(super) fn settle(db: &dyn Sql, settlements: &[Settlement], now: Timestamp) -> Result<()> {
    for Settlement { id, outcome } in settlements {
        match outcome {
            Outcome::Delivered => db.execute("DELETE FROM outbox WHERE id = ?1", values![id])?,
            Outcome::Retry { at, error } => db.execute(
                "UPDATE outbox SET attempts = attempts + 1, due_at = ?2, last_error = ?3 WHERE id = ?1",
                values![id, *at, shortened(error)],
            )?,
            Outcome::Dead { error } => db.execute(
                "UPDATE outbox SET attempts = attempts + 1, dead_at = ?2, last_error = ?3 WHERE id = ?1",
                values![id, now, shortened(error)],
            )?,
        };
    }
    Ok(())
}

fn shortened(error: &str) -> String {
    error.chars().take(MAX_ERROR_CHARS).collect()
}

pub(super) fn dead_letters(db: &dyn Sql, limit: u32) -> Result<Vec<DeadLetter>> {
    db.rows(
        "SELECT id, channel, event, body, created_at, dead_at, attempts, coalesce(last_error, '')
         FROM outbox WHERE dead_at IS NOT NULL ORDER BY dead_at DESC, seq DESC LIMIT ?1",
        values![limit],
        |row| {
            let channel = Channel::from_code(row.get(1)?);
            Ok(DeadLetter {
                id: row.get(0)?,
                channel: channel.ok_or_else(|| fault("expected a channel, found another number"))?,
                event: row.get(2)?,
                body: row.get(3)?,
                created_at: row.get(4)?,
                dead_at: row.get(5)?,
                attempts: row.get(6)?,
                last_error: row.get(7)?,
            })
        },
    )
}

pub(super) fn resend(db: &dyn Sql, id: &str, now: Timestamp) -> Result<()> {
    let changed = db.execute(
        "UPDATE outbox SET dead_at = NULL, attempts = 0, due_at = ?2 WHERE id = ?1 AND dead_at IS NOT NULL",
        values![id, now],
    )?;
    if changed > 0 {
        return Ok(());
    }
    Err(InputError::NotFound(format!("there is no dead message with the id {id:?}")).into())
}

pub(super) fn resend_all(db: &dyn Sql, now: Timestamp) -> Result<u64> {
    db.execute(
        "UPDATE outbox SET dead_at = NULL, attempts = 0, due_at = ?1 WHERE dead_at IS NOT NULL",
        values![now],
    )
}

pub(super) fn counts(db: &dyn Sql) -> Result<OutboxCounts> {
    let counted = db.row("SELECT count(*), count(dead_at) FROM outbox", values![], |row| {
        let (all, dead): (u64, u64) = (row.get(0)?, row.get(1)?);
        Ok(OutboxCounts { pending: all - dead, dead })
    })?;
    Ok(counted.unwrap_or_default())
}
