//! The access log of commands that change people.

use std::time::Duration;

use anyhow::ensure;
use jiff::Timestamp;

use crate::access_log::{AccessLog, Action, Entry};
use crate::config::AccessLogArgs;

/// Time for the access log to take the entry of a command.
const LIMIT: Duration = Duration::from_secs(10);

/// The access log, opened before anything is changed: one that can't be written must not be noticed afterwards.
pub(super) struct CommandLog(Option<AccessLog>);

impl CommandLog {
    /// The log that the arguments name, if any.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn open(args: &AccessLogArgs) -> anyhow::Result<Self> {
        Ok(Self(args.params().as_ref().map(AccessLog::open).transpose()?))
    }

    /// Records that `action` concerned these people; on the disk when this returns.
    ///
    /// # Errors
    /// When the entry could not be written; what was done is done.
    pub(super) fn record<'a>(
        &self,
        action: Action,
        people: impl IntoIterator<Item = &'a str>,
    ) -> anyhow::Result<()> {
        let Some(log) = &self.0 else { return Ok(()) };
        log.record(Entry {
            time: Timestamp::now(),
            request_id: None,
            key: None,
            client: "local".to_owned(),
            action,
            people: people.into_iter().map(str::to_owned).collect(),
            candidates: Vec::new(),
        });
        ensure!(log.flush(LIMIT), "the change was made, but the access log can't be written");
        Ok(())
    }
}
