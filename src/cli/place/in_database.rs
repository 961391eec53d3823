//! People in a database, which services may use meanwhile.

use std::sync::Arc;

use anyhow::{Context, bail};

use super::kept::Kept;
use crate::attendance::{AttendanceStore, Channels};
use crate::audit::dismissals::DismissalStore;
use crate::cli::data::note_warnings;
use crate::config::DatabaseParams;
use crate::error::Result;
use crate::gallery::Recipe;
use crate::gallery::backend::PeopleBackend;
use crate::postgres::{Database, PostgresAttendance, PostgresPeople, examine};
use crate::roster::Roster;
use crate::roster::backend::RosterBackend;
use crate::service::roster::RosterStore;
use crate::thumbnails::ThumbnailStore;

/// People of a database.
pub(super) struct InDatabase {
    params: DatabaseParams,
    people: PostgresPeople,
}

impl InDatabase {
    /// Reads all people. Makes no tables in what may be a wrong database.
    pub(super) fn open(params: &DatabaseParams) -> anyhow::Result<Self> {
        let found =
            examine(&Database::new(params)?)?.context("expected people in the database, found none")?;
        Self::open_or_new(params, &found.recipe)
    }

    /// Reads all people; a new database begins with nobody, and with `recipe`.
    pub(super) fn open_or_new(params: &DatabaseParams, recipe: &Recipe) -> anyhow::Result<Self> {
        let people = PostgresPeople::open(Database::new(params)?, recipe, Ok)?;
        Ok(Self { params: params.clone(), people })
    }
}

impl Kept for InDatabase {
    fn people(&self) -> &dyn PeopleBackend {
        &self.people
    }

    fn roster(&self) -> anyhow::Result<RosterStore> {
        let roster = self.people.roster();
        if let Some(error) = roster.error() {
            bail!(error.message);
        }
        Ok(RosterStore::kept_by(roster))
    }

    fn dismissals(&self) -> Box<dyn DismissalStore> {
        Box::new(self.people.dismissals())
    }

    fn attendance(&self) -> Result<Arc<dyn AttendanceStore>> {
        Ok(Arc::new(PostgresAttendance::open(Database::new(&self.params)?, Channels::default())?))
    }

    fn thumbnails(&self) -> Result<Box<dyn ThumbnailStore>> {
        Ok(Box::new(self.people.thumbnails()))
    }

    /// The database removes them with their photos.
    fn sweep_thumbnails(&self) -> anyhow::Result<usize> {
        Ok(0)
    }

    fn shown(&self) -> String {
        "the database".to_owned()
    }

    fn note_warnings(&self, roster: &Roster) {
        note_warnings("the roster of the database", !roster.is_empty(), roster);
    }
}
