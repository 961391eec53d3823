//! Log lines on standard error, as text or JSON. `FACEREC_LOG` (else `RUST_LOG`) chooses the level,
//! in the syntax of `tracing_subscriber::EnvFilter`. At the default level no line holds a name, an
//! embedding or an image.

use std::ffi::OsString;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;
use crate::error::{DataError, Result};

/// facerec speaks at `info`, its libraries at `warn`.
const DEFAULT_FILTER: &str = "warn,facerec=info";

/// Starts logging; to be called once.
///
/// # Errors
/// [`crate::error::Error::Data`] when the filter in the environment can't be read or logging runs already.
pub fn init(format: LogFormat) -> Result<()> {
    let (variable, text) = ["FACEREC_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|v| !v.is_empty()).map(|v| (variable, v)))
        .unwrap_or(("the default", DEFAULT_FILTER.to_owned()));
    let filter = EnvFilter::try_new(&text).map_err(|e| {
        DataError::Invalid(format!(
            "{variable}: expected a log filter like \"info\" or \"facerec=debug\", found {text:?}: {e}"
        ))
    })?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours(std::io::stderr().is_terminal(), std::env::var_os("NO_COLOR")))
        // It would complain on standard error, and panic when that is what can't be written to.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
        }
    };
    started.map_err(|e| DataError::Invalid(format!("logging can't be started: {e}")).into())
}

/// On a terminal, unless `NO_COLOR` is set and not empty (no-color.org).
fn colours(terminal: bool, no_color: Option<OsString>) -> bool {
    terminal && no_color.is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_takes_the_colours_away() {
        assert!(colours(true, None) && colours(true, Some(OsString::new())));
        assert!(!colours(true, Some("1".into())) && !colours(true, Some("0".into())));
        assert!(!colours(false, None));
    }
}
