//! Faults of SQLite as errors of this library.

use crate::attendance::sql::value::fault;
use crate::error::Error;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        fault(error)
    }
}
