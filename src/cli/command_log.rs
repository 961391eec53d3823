//! The access log of commands that read or change people's data.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use jiff::Timestamp;

use super::log_place;
use crate::access_log::{AccessLog, Action, Entry};
use crate::config::{AccessLogArgs, DatabaseParams};
use crate::gallery::{Gallery, Person};
use crate::service::Service;

/// People in one entry: lines stay as short as those of the service, whose lists have pages.
const MAX_PEOPLE: usize = 1000;
/// The error where an entry is missing.
const UNWRITTEN: &str = "it is done, but the access log can't be written";
/// Time for the access log to take the entry of a command.
const LIMIT: Duration = Duration::from_secs(10);

/// Has the entries of a command that recognises on the disk when it returns.
///
/// # Errors
/// When they could not be written; what was done is done.
pub(super) fn finish(service: &Service) -> anyhow::Result<()> {
    ensure!(service.drain(LIMIT), UNWRITTEN);
    Ok(())
}

/// The access log, opened before anything is read or changed: one that can't be written must not be noticed afterwards.
pub(super) struct CommandLog(Option<AccessLog>);

impl CommandLog {
    /// The log that the arguments name, if any; where people are in `database`, it may be, too.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn open(args: &AccessLogArgs, database: Option<&DatabaseParams>) -> anyhow::Result<Self> {
        Ok(Self(log_place::open(args, database)?))
    }

    /// Records what makes one gallery of another: who is gone, who is new, and who has more photos.
    ///
    /// # Errors
    /// As [`CommandLog::record`].
    pub(super) fn record_change(&self, old: Option<&Gallery>, new: &Gallery) -> anyhow::Result<()> {
        let photos = |gallery: &'_ Gallery| -> HashMap<String, usize> {
            gallery.people().iter().map(|person| (person.id.clone(), person.photos.len())).collect()
        };
        let (before, after) = (old.map(photos).unwrap_or_default(), photos(new));
        let old = old.into_iter().flat_map(Gallery::people);
        let gone = old.filter(|person| !after.contains_key(&person.id));
        self.record_some(Action::Delete, gone.map(|person| &person.id))?;
        let added = new.people().iter().filter(|person| !before.contains_key(&person.id));
        self.record_some(Action::Enroll, added.map(|person| &person.id))?;
        let has_more = |person: &&Arc<Person>| {
            before.get(&person.id).is_some_and(|before| *before < person.photos.len())
        };
        let grown = new.people().iter().filter(has_more);
        self.record_some(Action::AddPhotos, grown.map(|person| &person.id))
    }

    /// Records the action unless it concerned nobody.
    fn record_some<'a>(
        &self,
        action: Action,
        people: impl Iterator<Item = &'a String>,
    ) -> anyhow::Result<()> {
        let people: Vec<&str> = people.map(String::as_str).collect();
        if people.is_empty() { Ok(()) } else { self.record(action, people) }
    }

    /// Records that `action` concerned these people, in several entries where they are many; on the disk when this returns.
    ///
    /// # Errors
    /// When the entry could not be written; what was done is done.
    pub(super) fn record<'a>(
        &self,
        action: Action,
        people: impl IntoIterator<Item = &'a str>,
    ) -> anyhow::Result<()> {
        let Some(log) = &self.0 else { return Ok(()) };
        let people: Vec<String> = people.into_iter().map(str::to_owned).collect();
        // Nobody is concerned by name: that is one entry, too.
        let parts = if people.is_empty() { vec![&people[..]] } else { people.chunks(MAX_PEOPLE).collect() };
        for part in parts {
            log.record(Entry {
                time: Timestamp::now(),
                request_id: None,
                key: None,
                client: "local".to_owned(),
                action,
                people: part.to_vec(),
                candidates: Vec::new(),
            });
        }
        ensure!(log.flush(LIMIT), UNWRITTEN);
        Ok(())
    }
}
