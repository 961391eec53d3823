//! Where people are kept, a data directory or a database: commands read and change both in the same way.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::command_log::CommandLog;
use super::data::DataDirectory;
use super::log_place;
use crate::access_log::AccessLog;
use crate::config::{AccessLogArgs, DatabaseArgs, DatabaseParams};
use crate::gallery::Recipe;
use crate::postgres::{Database, is_enrolled};
use directory::InDirectory;
use in_database::InDatabase;

mod directory;
mod in_database;
mod kept;

pub(super) use kept::Kept;

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
    /// The place that they name, for a command with this access log.
    ///
    /// # Errors
    /// As [`Place::of`].
    pub(super) fn place(&self, access_log: &AccessLogArgs) -> anyhow::Result<Place> {
        Place::of(self.data.as_deref(), &self.database, access_log)
    }
}

/// A data directory or a database.
pub(super) enum Place {
    Directory(DataDirectory),
    Database(DatabaseParams),
}

impl Place {
    /// The database, where one is named, else the directory, as `facerec serve` has it; for a command with this access log.
    ///
    /// # Errors
    /// When neither is named; when the access log is in a database, and that is none.
    pub(super) fn of(
        data: Option<&Path>,
        database: &DatabaseArgs,
        access_log: &AccessLogArgs,
    ) -> anyhow::Result<Self> {
        let place = Self::optional(data, database).context("expected --data DIR, found none")?;
        if place.database().is_none() {
            log_place::ensure_file(access_log)?;
        }
        Ok(place)
    }

    /// The same where there need not be one, and no access log is written.
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
