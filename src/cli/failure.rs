//! Error output of the commands: text for people on standard error, and JSON for programs where the
//! command prints JSON or logs in it.

use std::path::Path;

use serde::Serialize;
use serde_json::json;
use tracing::Level;

use super::output::{self, printable};

/// The output format of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// For people.
    Text,
    /// JSON on standard output.
    JsonOutput,
    /// A log on standard error, one JSON object a line.
    JsonLog,
}

/// Reports the error that ended the command.
pub(super) fn report(error: &anyhow::Error, format: OutputFormat) {
    let message = message(error);
    match format {
        OutputFormat::Text => output::note(format_args!("facerec: {message}")),
        OutputFormat::JsonOutput => {
            output::note(format_args!("facerec: {message}"));
            // If this fails, the message is on standard error all the same.
            let _ = output::line(json!({ "error": message }));
        }
        OutputFormat::JsonLog if tracing::enabled!(Level::ERROR) => tracing::error!("{message}"),
        // It could not be started, or is switched off: a service that does not start says why all the same.
        OutputFormat::JsonLog => output::note(json!({ "level": "ERROR", "message": message })),
    }
}

/// Has panics told as faults of this program, in the log where there is one. The place in the code is told at level debug: it
/// begins with directories of the machine that the program was built on.
pub(super) fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let what = panic.payload_as_str().unwrap_or("without a message");
        tracing::debug!(place = panic.location().map(tracing::field::display), "panicked");
        if tracing::enabled!(Level::ERROR) {
            tracing::error!("a fault of facerec, please report it: {what}");
        } else {
            output::note(format_args!("facerec: a fault of facerec, please report it: {what}"));
        }
    }));
}

/// The contexts that the command added, then the library's error, whose message includes its causes.
fn message(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for part in error.chain() {
        parts.push(part.to_string());
        if part.is::<crate::error::Error>() {
            break;
        }
    }
    parts.join(": ")
}

/// Output in place of the result for one of several photos that can't be used.
#[derive(Debug, Serialize)]
pub(super) struct UnusablePhoto {
    photo: String,
    error: String,
}

impl UnusablePhoto {
    /// Also prints the error on standard error. `name` is the photo's name in the output.
    pub(super) fn report(path: &Path, name: String, error: &anyhow::Error) -> Self {
        let error = message(error);
        output::note(format_args!("facerec: {}: {error}", printable(path)));
        Self { photo: name, error }
    }
}
