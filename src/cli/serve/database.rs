//! `facerec serve --database-url`: people, roster, attendance and API keys in a database.

use std::sync::Arc;

use super::adapt::adapt;
use super::opened::Opened;
use crate::cli::data::DataDirectory;
use crate::config::{AttendanceParams, DatabaseParams, ServeArgs};
use crate::gallery::backend::PeopleBackend;
use crate::keys::backend::KeysBackend;
use crate::postgres::{Database, PostgresAttendance, PostgresPeople, stored_recipe};
use crate::service::attendance::Attendance;
use crate::service::models;
use crate::service::people::PeopleStore;
use crate::service::roster::RosterStore;

/// The networks, and people and roster of the database.
///
/// # Errors
/// When the database can't be reached, or holds embeddings of another model than the one asked for.
pub(super) fn open(
    args: &ServeArgs,
    data: &DataDirectory,
    params: &DatabaseParams,
) -> anyhow::Result<Opened> {
    refuse_files(args)?;
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
        "people, roster, attendance and API keys are kept in the database; dismissed findings are not kept, and access log and kept \
         photos are this process's own files"
    );
    if people.current().is_empty() && (data.gallery().exists() || data.roster().exists()) {
        tracing::warn!(
            "nobody is enrolled in the database; the files of the data directory are not read: `facerec migrate` takes people and \
             roster over"
        );
    }
    let roster = RosterStore::kept_by(people.roster());
    let keys = Some(Arc::new(people.keys()) as Arc<dyn KeysBackend>);
    Ok(Opened { loaded, people: PeopleStore::kept_by(people), roster, keys })
}

/// Attendance in the database.
///
/// # Errors
/// When the database can't be reached, or a receiver of messages can't be one.
pub(super) fn attendance(
    params: &DatabaseParams,
    attendance: &AttendanceParams,
) -> anyhow::Result<Attendance> {
    let database = Database::new(params)?;
    Ok(Attendance::open_with(attendance, |channels| {
        Ok(Arc::new(PostgresAttendance::open(database, channels)?))
    })?)
}

/// What each process would keep by itself would be a part of the truth in each.
fn refuse_files(args: &ServeArgs) -> anyhow::Result<()> {
    anyhow::ensure!(
        !args.keep_thumbnails,
        "--database-url: expected no --keep-thumbnails, which are files of a data directory, found it"
    );
    Ok(())
}
