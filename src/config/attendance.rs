//! Attendance as arguments.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::range::whole;
use crate::attendance::{Event, Events};

/// Lengths of automatic sessions, seconds.
const SECONDS: std::ops::RangeInclusive<u32> = 60..=86_400;

/// Arguments of attendance.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct AttendanceArgs {
    /// Age at which sessions of attendance are deleted with their entries, days
    #[arg(long, env = "FACEREC_ATTENDANCE_RETENTION_DAYS", value_name = "DAYS", default_value = "400",
          value_parser = whole(1..=36_500_u32))]
    pub attendance_retention_days: u32,
    /// Record the photos of the old endpoint into the open session; where there is none into one of so many seconds, or with
    /// auto into one of the day [default: they are not recorded]
    #[arg(long, env = "FACEREC_ATTENDANCE_SESSION", value_name = "SECONDS|auto", value_parser = automatic)]
    pub attendance_session: Option<AutomaticSessions>,
    /// Receiver of the old service's message about each student recognised in a session [default: none]
    #[arg(long, env = "FACEREC_ATTENDANCE_POST_URL", value_name = "URL")]
    pub attendance_post_url: Option<String>,
    /// Receiver of webhooks, signed as Standard Webhooks defines [default: none]
    #[arg(long, env = "FACEREC_WEBHOOK_URL", value_name = "URL", requires = "webhook_secret_file")]
    pub webhook_url: Option<String>,
    /// File with the secrets that sign webhooks, one a line: whsec_ and 24 to 64 bytes in base64 [default: none]
    #[arg(long, env = "FACEREC_WEBHOOK_SECRET_FILE", value_name = "FILE", requires = "webhook_url")]
    pub webhook_secret_file: Option<PathBuf>,
    /// Events that webhooks tell of, separated by commas: attendance.marked, attendance.corrected, session.closed,
    /// face.unknown [default: all]
    #[arg(long, env = "FACEREC_WEBHOOK_EVENT", value_name = "EVENT", value_delimiter = ',', value_parser = event)]
    pub webhook_event: Vec<Event>,
    /// Let both receivers have private addresses and those of this machine
    #[arg(long, env = "FACEREC_WEBHOOK_ALLOW_PRIVATE", value_parser = BoolishValueParser::new())]
    pub webhook_allow_private: bool,
}

/// How attendance is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttendanceParams {
    /// Age at which sessions are deleted, days.
    pub retention_days: u32,
    /// Which sessions are begun for photos of the old endpoint; `None` to record none of these.
    pub automatic: Option<AutomaticSessions>,
    /// The receiver of webhooks.
    pub webhook: Option<WebhookParams>,
    /// The receiver of the old service's messages.
    pub post_url: Option<String>,
    /// Whether receivers may have private addresses.
    pub allow_private: bool,
}

/// How long a session is that begins by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AutomaticSessions {
    /// A day.
    Daily,
    /// So many seconds, counted from midnight; the last one of a day ends with it.
    Every {
        /// 60 to 86,400.
        seconds: u32,
    },
}

/// A receiver of webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookParams {
    /// Where they go.
    pub url: String,
    /// The file with the secrets.
    pub secret_file: PathBuf,
    /// What they tell of.
    pub events: Events,
}

impl AttendanceArgs {
    /// The checked form.
    #[must_use]
    pub fn params(&self) -> AttendanceParams {
        let events = match self.webhook_event.as_slice() {
            [] => Events::ALL,
            some => some.iter().copied().collect(),
        };
        let webhook = self.webhook_url.clone().zip(self.webhook_secret_file.clone());
        AttendanceParams {
            retention_days: self.attendance_retention_days,
            automatic: self.attendance_session,
            webhook: webhook.map(|(url, secret_file)| WebhookParams { url, secret_file, events }),
            post_url: self.attendance_post_url.clone(),
            allow_private: self.webhook_allow_private,
        }
    }
}

fn automatic(text: &str) -> Result<AutomaticSessions, String> {
    if text == "auto" {
        return Ok(AutomaticSessions::Daily);
    }
    let seconds = text.parse().ok().filter(|seconds| SECONDS.contains(seconds));
    let expected = || {
        let (least, most) = (SECONDS.start(), SECONDS.end());
        format!("expected auto or a whole number from {least} to {most}, found {text:?}")
    };
    Ok(AutomaticSessions::Every { seconds: seconds.ok_or_else(expected)? })
}

fn event(text: &str) -> Result<Event, String> {
    Event::from_name(text.trim()).ok_or_else(|| {
        let names = Event::ALL.map(Event::as_str).join(", ");
        format!("expected one of {names}, found {text:?}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_a_day_or_a_number_of_seconds() {
        assert_eq!(automatic("auto"), Ok(AutomaticSessions::Daily));
        assert_eq!(automatic("3600"), Ok(AutomaticSessions::Every { seconds: 3600 }));
        let message = "expected auto or a whole number from 60 to 86400, found \"59\"";
        assert_eq!(automatic("59"), Err(message.to_owned()));
    }

    #[test]
    fn events_have_their_names() {
        assert_eq!(event(" session.closed"), Ok(Event::Closed));
        assert!(
            event("closed")
                .unwrap_err()
                .starts_with("expected one of attendance.marked, attendance.corrected")
        );
    }
}
