//! What a failure of the database means: it is away for now, or it refuses what it is given.

use std::error::Error as _;

use tokio_postgres::error::SqlState;

use super::tls::is_untrusted;
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
    match error.code() {
        Some(code) => {
            *code == SqlState::LOCK_NOT_AVAILABLE
                || PASSING.iter().any(|class| code.code().starts_with(class))
        }
        None => error.is_closed() || is_io(error),
    }
}

/// Whether the network or the other end failed. A certificate that is not believed comes as such an error, too, and stays what
/// it is.
fn is_io(error: &tokio_postgres::Error) -> bool {
    let io = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| !is_untrusted(io))
}

/// The error with its causes, in one line. Of what the server says only what holds no stored values: it quotes rows in its
/// details, and what it can't take, which class 22 is about, in the message itself.
fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        let (severity, code) = (said.severity(), said.code().code());
        let message = if code.starts_with("22") { "a value can't be stored" } else { said.message() };
        return format!("{severity} {code}: {message}");
    }
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
