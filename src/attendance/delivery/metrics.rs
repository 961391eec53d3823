//! Counters of deliveries.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::attendance::outbox::{Outcome, Settlement};

/// What became of deliveries since the start.
#[derive(Debug, Default)]
pub struct DeliveryMetrics {
    delivered: AtomicU64,
    retried: AtomicU64,
    dead: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryTotals {
    /// Messages that a receiver took.
    pub delivered: u64,
    /// Attempts that failed and are made again.
    pub retried: u64,
    /// Messages given up on.
    pub dead: u64,
}

impl DeliveryMetrics {
    pub(super) fn record(&self, settlements: &[Settlement]) {
        for settlement in settlements {
            let counter = match settlement.outcome {
                Outcome::Delivered => &self.delivered,
                Outcome::Retry { .. } => &self.retried,
                Outcome::Dead { .. } => &self.dead,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The counters now.
    #[must_use]
    pub fn totals(&self) -> DeliveryTotals {
        DeliveryTotals {
            delivered: self.delivered.load(Ordering::Relaxed),
            retried: self.retried.load(Ordering::Relaxed),
            dead: self.dead.load(Ordering::Relaxed),
        }
    }
}
