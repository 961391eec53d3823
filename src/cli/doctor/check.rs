//! The result of a check.

use std::fmt;

use serde::Serialize;

/// Whether something is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Nothing.
    Ok,
    /// Not of the service, but perhaps not what is wanted.
    Warn,
    /// The service does not start, or does not work.
    Fail,
}

/// What was checked, what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) detail: String,
    /// The next step, where there is one.
    pub(super) next: Option<String>,
}

impl Check {
    /// Nothing is in the way.
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), next: None }
    }

    /// Something to look at.
    pub(super) fn warn(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, state: State::Warn, detail: detail.into(), next: Some(next.into()) }
    }

    /// Something that must be done.
    pub(super) fn fail(name: &'static str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self { name, state: State::Fail, detail: detail.into(), next: Some(next.into()) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        // A file's name may hold what moves a terminal's cursor.
        let plain = |text: &str| text.replace(char::is_control, " ");
        write!(f, "{state:<4}  {:<11}  {}", self.name, plain(&self.detail))?;
        self.next.as_ref().map_or(Ok(()), |next| write!(f, "; next: {}", plain(next)))
    }
}
