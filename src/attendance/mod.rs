//! Attendance: who was here, who was not.
//!
//! A [`Session`] has a group of people and a time. [`AttendanceStore::mark`] records who was recognised
//! in a photo; [`AttendanceStore::correct`] what somebody says by hand; closing freezes the list. The
//! rules stand in [`marking`], without storage. Changes are told to other systems through an outbox:
//! a message is written in the transaction of what it tells of, and [`delivery`] delivers it later.
//!
//! Recognition is not known here: faces come as [`FaceResult`]s. Neither photos nor embeddings are
//! stored. Nothing is on the disk until the first write.

pub(crate) mod check;
pub mod delivery;
mod events;
pub mod export;
pub mod marking;
mod model;
mod outbox;
mod report;
pub(crate) mod sql;
mod sqlite;
mod status;
mod store;
pub mod time;

pub use model::{
    Change, Correction, CorrectionRecord, Decision, Deleted, Entry, FaceResult, Forget, Group, HandMark,
    HistoryItem, IdempotencyKey, Marked, NewSession, Page, Person, PersonRecord, PersonRef, Photo, PhotoRef,
    Session, SessionFilter, SessionPage, SessionPatch, SessionState, StoredResponse,
};
pub use outbox::{Channel, Channels, DeadLetter, Event, Events, Message, OutboxCounts, Outcome, Settlement};
pub use report::{Report, ReportQuery, ReportRow};
pub use sqlite::SqliteStore;
pub use status::{Counts, Status};
pub use store::AttendanceStore;
