//! What a failure of the database means: it is away for now, or it refuses what it is given.

use std::error::Error as _;

use tokio_postgres::error::SqlState;

use crate::error::{DataError, Error};

/// The database, in messages.
pub(super) const DATABASE: &str = "the database";

/// Classes of errors that pass: connection, resources (a full disk too), intervention of an operator, transactions that were
/// ended, locks, authorisation while passwords are changed, and I/O.
const PASSING: [&str; 7] = ["08", "53", "57", "25", "40", "28", "58"];

/// Why something could not be done in the database.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server or the driver says so.
    Driver(tokio_postgres::Error),
    /// It took longer than it may.
    TimedOut,
    /// What is stored is not what was expected.
    Content(String),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Driver(error) if is_passing(&error) => unavailable(&describe(&error)),
            Fault::Driver(error) => {
                DataError::Database { file: DATABASE.to_owned(), source: describe(&error).into() }.into()
            }
            Fault::TimedOut => unavailable("it did not answer in time"),
            Fault::Content(reason) => {
                DataError::Database { file: DATABASE.to_owned(), source: reason.into() }.into()
            }
        }
    }
}

/// The database can't be used for now.
pub(super) fn unavailable(reason: &str) -> Error {
    Error::Unavailable(format!("{DATABASE} can't be used for now: {reason}"))
}

/// Whether waiting or another connection helps.
fn is_passing(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(|code| {
        *code == SqlState::LOCK_NOT_AVAILABLE || PASSING.iter().any(|class| code.code().starts_with(class))
    })
}

/// The error with its causes, in one line.
fn describe(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = inner.source();
    }
    text
}
