//! Backups of a data directory: one tar file with checksums, made while a service runs, and restored whole or not at all.

mod contents;
mod create;
mod exchange;
mod manifest;
mod restore;
mod staging;

pub use contents::{KEYS_NAME, left_out};
pub use create::create;
pub use exchange::SET_ASIDE;
pub use manifest::{BackupFile, Manifest};
pub use restore::{Restored, restore};
