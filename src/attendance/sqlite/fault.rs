//! Faults of the database as errors of this library.

use crate::error::{DataError, Error};

/// A fault of the database, not yet named.
pub(super) fn fault(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    DataError::Database { file: String::new(), source: source.into() }.into()
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        fault(error)
    }
}
