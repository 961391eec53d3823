//! How a command says what went wrong: to people on standard error, and to programs in the form that its
//! output was promised in.

use std::path::Path;

use serde::Serialize;
use serde_json::json;
use tracing::Level;

use super::output::{self, printable};

/// What a command's output is promised to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// For people.
    Text,
    /// JSON on standard output.
    JsonOutput,
    /// A log on standard error, one JSON object a line.
    JsonLog,
}

/// Says why the whole command failed.
pub(super) fn report(error: &anyhow::Error, format: OutputFormat) {
    let message = message(error);
    match format {
        OutputFormat::Text => output::note(format_args!("facerec: {message}")),
        OutputFormat::JsonOutput => {
            output::note(format_args!("facerec: {message}"));
            // Where it can't be printed, it stands on standard error.
            let _ = output::line(json!({ "error": message }));
        }
        OutputFormat::JsonLog if tracing::enabled!(Level::ERROR) => tracing::error!("{message}"),
        // It could not be started, or is switched off: a service that does not start says why all the same.
        OutputFormat::JsonLog => output::note(json!({ "level": "ERROR", "message": message })),
    }
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

/// One of several photos that can't be used, in place of its answer.
#[derive(Debug, Serialize)]
pub(super) struct UnusablePhoto {
    photo: String,
    error: String,
}

impl UnusablePhoto {
    /// Tells people of it. `name` is what the output calls the photo.
    pub(super) fn report(path: &Path, name: String, error: &anyhow::Error) -> Self {
        let error = message(error);
        output::note(format_args!("facerec: {}: {error}", printable(path)));
        Self { photo: name, error }
    }
}
