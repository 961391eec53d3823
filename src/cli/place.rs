//! Where people are kept, a data directory or a database: commands read and change both in the same way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::command_log::CommandLog;
use super::data::DataDirectory;
use super::log_place;
use crate::access_log::AccessLog;
use crate::attendance::AttendanceStore;
use crate::audit::dismissals::DismissalStore;
use crate::config::{AccessLogArgs, DatabaseArgs, DatabaseParams};
use crate::error::Result;
use crate::gallery::backend::{Edit, PeopleBackend};
use crate::gallery::{Gallery, Recipe};
use crate::postgres::{Database, is_enrolled};
use crate::roster::Roster;
use crate::service::roster::RosterStore;
use crate::service::snapshot::{Snapshot, today};
use crate::thumbnails::ThumbnailStore;
use directory::InDirectory;
use in_database::InDatabase;

mod directory;
mod in_database;

/// The place as arguments.
#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// The data directory, with gallery.bin, roster.xlsx and attendance.db
    #[arg(long, env = "FACEREC_DATA", value_name = "DIR", required_unless_present = "database_url")]
    data: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl DataArgs {
    /// The place that they name.
    ///
    /// # Errors
    /// When they name none.
    pub(super) fn place(&self) -> anyhow::Result<Place> {
        Place::of(self.data.as_deref(), &self.database)
    }
}

/// A data directory or a database.
pub(super) enum Place {
    Directory(DataDirectory),
    Database(DatabaseParams),
}

impl Place {
    /// The database, where one is named, else the directory, as `facerec serve` has it.
    ///
    /// # Errors
    /// When neither is named.
    pub(super) fn of(data: Option<&Path>, database: &DatabaseArgs) -> anyhow::Result<Self> {
        Self::optional(data, database).context("expected --data DIR, found none")
    }

    /// The same where there need not be one.
    pub(super) fn optional(data: Option<&Path>, database: &DatabaseArgs) -> Option<Self> {
        let directory = || data.map(|data| Self::Directory(DataDirectory::new(data)));
        database.params().map(Self::Database).or_else(directory)
    }

    /// The people as they are, to be read. Makes no tables in what may be a wrong database.
    ///
    /// # Errors
    /// When there are none, or they can't be read.
    pub(super) fn read(&self) -> anyhow::Result<Box<dyn Kept>> {
        Ok(match self {
            Self::Directory(data) => Box::new(InDirectory::read(data)?),
            Self::Database(params) => Box::new(InDatabase::open(params)?),
        })
    }

    /// The same to be changed. Of a directory this process is the only writer meanwhile; of a database it is one of several.
    ///
    /// # Errors
    /// As [`Place::read`]; when another process writes to the directory.
    pub(super) fn open(&self) -> anyhow::Result<Box<dyn Kept>> {
        Ok(match self {
            Self::Directory(data) => Box::new(InDirectory::open(data)?),
            Self::Database(params) => Box::new(InDatabase::open(params)?),
        })
    }

    /// The same where there need not be anybody yet: a new place begins with `recipe`.
    ///
    /// # Errors
    /// As [`Place::open`].
    pub(super) fn open_or_new(&self, recipe: &Recipe) -> anyhow::Result<Box<dyn Kept>> {
        Ok(match self {
            Self::Directory(data) => Box::new(InDirectory::open_or_new(data, recipe)?),
            Self::Database(params) => Box::new(InDatabase::open_or_new(params, recipe)?),
        })
    }

    /// Whether the person with this id is enrolled.
    ///
    /// # Errors
    /// As [`Place::read`].
    pub(super) fn is_enrolled(&self, id: &str) -> anyhow::Result<bool> {
        Ok(match self {
            Self::Directory(data) => data.read_gallery()?.person(id).is_some(),
            Self::Database(params) => is_enrolled(&Database::new(params)?, id)?,
        })
    }

    /// How the database is reached; `None` for a directory.
    pub(super) fn database(&self) -> Option<&DatabaseParams> {
        match self {
            Self::Directory(_) => None,
            Self::Database(params) => Some(params),
        }
    }

    /// The access log that the arguments name. Open the people first: a log in a database makes tables.
    ///
    /// # Errors
    /// When it can't be written.
    pub(super) fn log(&self, args: &AccessLogArgs) -> anyhow::Result<CommandLog> {
        CommandLog::open(args, self.database())
    }

    /// The same for a command that recognises.
    ///
    /// # Errors
    /// As [`Place::log`].
    pub(super) fn service_log(&self, args: &AccessLogArgs) -> anyhow::Result<Option<AccessLog>> {
        log_place::open(args, self.database())
    }
}

/// People in a place, and what lies beside them.
pub(super) trait Kept {
    /// The people.
    fn people(&self) -> &dyn PeopleBackend;

    /// The roster.
    ///
    /// # Errors
    /// When it can't be read.
    fn roster(&self) -> anyhow::Result<RosterStore>;

    /// The dismissed findings.
    fn dismissals(&self) -> Box<dyn DismissalStore>;

    /// Attendance. Nobody is told of its changes.
    ///
    /// # Errors
    /// When it can't be opened.
    fn attendance(&self) -> Result<Arc<dyn AttendanceStore>>;

    /// The thumbnails of photos.
    ///
    /// # Errors
    /// When they can't be listed.
    fn thumbnails(&self) -> Result<Box<dyn ThumbnailStore>>;

    /// Removes the thumbnails whose photos are gone, and returns how many.
    ///
    /// # Errors
    /// When one can't be removed; what was done before is done.
    fn sweep_thumbnails(&self) -> anyhow::Result<usize>;

    /// The people's place in words.
    fn shown(&self) -> String;

    /// Prints on standard error what is odd about the roster.
    fn note_warnings(&self, roster: &Roster);

    /// People and roster at one moment.
    ///
    /// # Errors
    /// When roster or thumbnails can't be read.
    fn snapshot(&self) -> anyhow::Result<Snapshot> {
        let (gallery, roster) = (self.people().current(), self.roster()?.current());
        Ok(Snapshot { gallery, roster, thumbnails: self.thumbnails()?.ids(), day: today() })
    }

    /// Changes the people, has that recorded by `record`, which gets those afterwards, and removes the thumbnails whose photos are gone.
    ///
    /// # Errors
    /// What `edit` says, and then nothing has changed; what `record` says; as [`Kept::sweep_thumbnails`].
    fn edit(
        &self,
        edit: Edit,
        record: &mut dyn FnMut(&Gallery) -> anyhow::Result<()>,
    ) -> anyhow::Result<Arc<Gallery>> {
        let edited = self.people().edit(edit)?;
        let recorded = record(&edited);
        let swept = self.sweep_thumbnails();
        recorded?;
        swept?;
        Ok(edited)
    }
}
