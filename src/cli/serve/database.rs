//! `facerec serve --database-url`: people, roster, attendance and API keys in a database.

use std::sync::Arc;

use super::adapt::adapt;
use super::opened::Opened;
use crate::audit::dismissals::DismissalStore;
use crate::cli::data::DataDirectory;
use crate::cli::log_place;
use crate::config::{AttendanceParams, DatabaseParams, ServeArgs};
use crate::gallery::backend::PeopleBackend;
use crate::keys::backend::KeysBackend;
use crate::postgres::{Database, PostgresAttendance, PostgresLog, PostgresPeople, stored_recipe};
use crate::service::Records;
use crate::service::attendance::Attendance;
use crate::service::models;
use crate::service::people::PeopleStore;
use crate::service::roster::RosterStore;
use crate::thumbnails::ThumbnailStore;

/// The networks, and people and roster of the database.
///
/// # Errors
/// When the database can't be reached, or holds embeddings of another model than the one asked for.
pub(super) fn open(
    args: &ServeArgs,
    data: &DataDirectory,
    params: &DatabaseParams,
) -> anyhow::Result<Opened> {
    let database = Database::new(params)?;
    let shown = database.shown();
    let recipe = stored_recipe(&database)?;
    let model = match &recipe {
        Some(recipe) => models::model_of_gallery(&args.models, recipe)?,
        None => models::model_of_new_gallery(&args.models)?,
    };
    let loaded = models::load(&args.models, &model, args.compat.unwrap_or_default())?;
    let recipe = recipe.unwrap_or_else(|| loaded.new_recipe());
    let people = PostgresPeople::open(database, &recipe, adapt(args, &loaded)?)?;
    tracing::info!(
        database = shown,
        "people, thumbnails, roster, attendance, API keys, dismissed findings and, with --access-log database, the access log are \
         kept in the database; kept photos are this process's own files"
    );
    if people.current().is_empty() && (data.gallery().exists() || data.roster().exists()) {
        tracing::warn!(
            "nobody is enrolled in the database; the files of the data directory are not read: `facerec migrate` takes people and \
             roster over"
        );
    }
    let roster = RosterStore::kept_by(people.roster());
    let keys = Some(Arc::new(people.keys()) as Arc<dyn KeysBackend>);
    let dismissals = Some(Box::new(people.dismissals()) as Box<dyn DismissalStore>);
    let thumbnails = Some(Arc::new(people.thumbnails()) as Arc<dyn ThumbnailStore>);
    Ok(Opened { loaded, people: PeopleStore::kept_by(people), roster, keys, dismissals, thumbnails })
}

/// Attendance in the database, and the access log, in a file or there.
///
/// # Errors
/// When the database can't be reached, a receiver of messages can't be one, or a file can't be written.
pub(super) fn records(
    args: &ServeArgs,
    params: &DatabaseParams,
    attendance: &AttendanceParams,
) -> anyhow::Result<Records> {
    let database = Database::new(params)?;
    let attendance = Attendance::open_with(attendance, |channels| {
        Ok(Arc::new(PostgresAttendance::open(database, channels)?))
    })?;
    let access_log = log_place::open(&args.access_log, Some(params))?;
    Ok(Records { attendance: Some(attendance), access_log, ..Records::default() })
}

/// Entries of the access log in the database that are too old.
pub(super) struct OldEntries {
    log: PostgresLog,
    days: u32,
}

/// `None` where the log is not in the database.
///
/// # Errors
/// When the database can't be reached.
pub(super) fn old_entries(args: &ServeArgs, params: &DatabaseParams) -> anyhow::Result<Option<OldEntries>> {
    if !args.access_log.in_database() {
        return Ok(None);
    }
    let log = log_place::in_database(Some(params))?;
    Ok(Some(OldEntries { log, days: args.access_log.access_log_days }))
}

impl OldEntries {
    /// Deletes them; where that fails, the next time.
    pub(super) fn delete(&self) {
        if let Err(error) = self.log.prune(self.days) {
            tracing::warn!("old entries of the access log can't be deleted: {error}");
        }
    }
}
