//! Output of the commands: results on standard output, which another program may read, notes for people
//! on standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Serialize;

/// The flag of commands that print a table or JSON.
#[derive(Debug, Clone, Copy, Args)]
pub struct JsonArgs {
    /// Print JSON, one object
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
}

/// Standard output was closed by its reader, as after `| head`: the command may end.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub struct Closed;

/// Prints a line on standard output.
///
/// # Errors
/// [`Closed`] when its reader closed it; else the error of the operating system, e.g. a full disk.
pub fn line(text: impl Display) -> anyhow::Result<()> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        written => written.context("standard output can't be written to"),
    }
}

/// Prints `value` on standard output as JSON on one line.
///
/// # Errors
/// As `line`.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?)
}

/// Prints a line on standard error; failures are ignored.
pub fn note(text: impl Display) {
    let line = format!("{text}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Refuses a file that is there, unless it is to be replaced by force.
///
/// # Errors
/// When the file is there.
pub fn ensure_new(path: &Path, force: bool) -> anyhow::Result<()> {
    ensure!(
        force || !path.exists(),
        "{} is there already: expected another file name, or --force to replace it",
        printable(path)
    );
    Ok(())
}

/// A path for people: a file's name may hold what moves a terminal's cursor.
#[must_use]
pub fn printable(path: &Path) -> String {
    path.display().to_string().replace(char::is_control, "\u{fffd}")
}
