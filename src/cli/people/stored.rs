//! `facerec people` on a database.

use std::sync::Arc;

use anyhow::Context;

use super::super::command_log::CommandLog;
use super::super::log_place;
use super::super::output;
use super::change::{chosen, confirm_all, print_removed, whose_name};
use super::read::{self, find};
use crate::access_log::Action;
use crate::config::{AccessLogArgs, DatabaseParams};
use crate::gallery::PersonUpdate;
use crate::gallery::backend::PeopleBackend;
use crate::person_name::PersonName;
use crate::postgres::{Database, PostgresPeople, examine, is_enrolled};
use crate::roster::backend::RosterBackend;
use crate::service::snapshot::{Snapshot, today};

/// The people of a database, and where it is recorded that they were read or changed.
pub(super) struct Stored {
    people: PostgresPeople,
    log: CommandLog,
}

impl Stored {
    /// Reads all people. Makes no tables in what may be a wrong database.
    ///
    /// # Errors
    /// When the database can't be used or holds nobody's recipe, or the access log can't be written.
    pub(super) fn open(params: &DatabaseParams, log: &AccessLogArgs) -> anyhow::Result<Self> {
        let database = Database::new(params)?;
        let found = examine(&database)?.context("expected people in the database, found none")?;
        let log = CommandLog::open_with(log, Some(params))?;
        Ok(Self { people: PostgresPeople::open(database, &found.recipe, Ok)?, log })
    }

    fn snapshot(&self) -> Snapshot {
        let (gallery, roster) = (self.people.current(), self.people.roster().current());
        Snapshot { gallery, roster, thumbnails: Arc::default(), day: today() }
    }

    pub(super) fn list(&self, as_json: bool) -> anyhow::Result<()> {
        read::list(&self.snapshot(), &self.log, as_json)
    }

    pub(super) fn show(&self, id: &str, as_json: bool) -> anyhow::Result<()> {
        read::show(id, &self.snapshot(), &self.log, as_json)
    }

    /// Gives the person `id` another name, unless somebody has it in any spelling by then.
    pub(super) fn rename(&self, id: &str, name: &str) -> anyhow::Result<()> {
        let name = PersonName::parse_new(name)?;
        let old = find(&self.people.current(), id)?.name.clone();
        let update = PersonUpdate { name: Some(name.clone()), ..PersonUpdate::default() };
        let of = id.to_owned();
        let edited = self.people.edit(Box::new(move |gallery| gallery.updated(&of, update)));
        edited.map_err(|error| whose_name(error, &self.people.current()))?;
        self.log.record(Action::Change, [id])?;
        output::line(format_args!("renamed {old} to {name}"))
    }

    /// Removes all of these people, or nobody.
    pub(super) fn remove(&self, ids: &[String], yes: bool) -> anyhow::Result<()> {
        let gallery = self.people.current();
        let people = chosen(&gallery, ids)?;
        if !yes {
            confirm_all(&people)?;
        }
        let gone: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
        self.people.edit(Box::new(move |gallery| {
            gone.iter().try_fold(gallery.clone(), |gallery, id| gallery.without_person(id))
        }))?;
        self.log.record(Action::Delete, people.iter().map(|person| person.id.as_str()))?;
        print_removed(&people)
    }
}

/// What the access log of the database says of a person, who may be enrolled there.
pub(super) fn show_history(id: &str, params: &DatabaseParams) -> anyhow::Result<()> {
    let history = log_place::in_database(Some(params))?.history(id)?;
    read::show_history(&history, is_enrolled(&Database::new(params)?, id)?)
}
