//! Receivers of messages, and messages that no receiver took.

use jiff::Timestamp;

use super::Attendance;
use crate::access_log::Action;
use crate::attendance::delivery::DeliveryTotals;
use crate::attendance::{DeadLetter, OutboxCounts};
use crate::error::{InputError, Result};
use crate::service::Service;

/// What is to be delivered and what became of deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// Messages in the outbox.
    pub outbox: OutboxCounts,
    /// Deliveries since the start.
    pub totals: DeliveryTotals,
    /// Photos of the old endpoint that were not recorded, since the queue was full.
    pub photos_lost: u64,
}

impl Service {
    /// The latest messages given up on, `limit` at most, and how many wait and are dead.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub async fn dead_letters(&self, limit: u32) -> Result<(Vec<DeadLetter>, OutboxCounts)> {
        let recorder = self.recorder();
        self.attend(move |_, attendance| {
            let letters = attendance.store().dead_letters(limit)?;
            recorder.record(Action::ReadAttendance, []);
            Ok((letters, attendance.store().outbox_counts()?))
        })
        .await
    }

    /// Sends a dead message again, or all of them; how many.
    ///
    /// # Errors
    /// [`InputError::NotFound`] for an id that no dead message has.
    pub async fn resend(&self, id: Option<String>) -> Result<u64> {
        let recorder = self.recorder();
        self.attend(move |_, attendance| {
            let sent = attendance.resend(id.as_deref())?;
            recorder.record(Action::ResendMessages, []);
            Ok(sent)
        })
        .await
    }

    /// The state of deliveries. Reads the database: call it from a thread that may block.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub fn delivery_status(&self) -> Result<DeliveryStatus> {
        let Ok(attendance) = self.attendance() else { return Ok(DeliveryStatus::default()) };
        Ok(DeliveryStatus {
            outbox: attendance.store().outbox_counts()?,
            totals: attendance.delivered(),
            photos_lost: self.photos_lost(),
        })
    }
}

impl Attendance {
    fn resend(&self, id: Option<&str>) -> Result<u64> {
        let now = Timestamp::now();
        let sent = match id {
            _ if !self.store.exists() && id.is_none() => 0,
            Some(id) if !self.store.exists() => {
                return Err(
                    InputError::NotFound(format!("there is no dead message with the id {id:?}")).into()
                );
            }
            Some(id) => self.store.resend(id, now).map(|()| 1)?,
            None => self.store.resend_all(now)?,
        };
        self.wake();
        Ok(sent)
    }
}
