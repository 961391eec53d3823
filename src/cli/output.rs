//! What commands print: what was asked for on standard output, which may be a program's input, and what
//! a person should know on standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::Context;

/// Nobody reads standard output any more, as after `| head`: more work is in vain.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub struct Closed;

/// Prints a line on standard output.
///
/// # Errors
/// [`Closed`] when nobody reads it; else what the system says, a full disk perhaps.
pub fn line(text: impl Display) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("standard output can't be written to"),
    }
}

/// Prints a line on standard error. Where nobody reads that either, there is nobody to tell.
pub fn note(text: impl Display) {
    let line = format!("{text}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// A path for people: a file's name may hold what moves a terminal's cursor.
#[must_use]
pub fn printable(path: &Path) -> String {
    path.display().to_string().replace(char::is_control, "\u{fffd}")
}
