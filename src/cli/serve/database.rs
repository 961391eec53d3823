//! `facerec serve --database-url`: people and roster in a database.

use super::adapt::adapt;
use crate::cli::data::DataDirectory;
use crate::config::{DatabaseParams, ServeArgs};
use crate::gallery::backend::PeopleBackend;
use crate::postgres::{Database, PostgresPeople, stored_recipe};
use crate::service::models::{self, LoadedModels};
use crate::service::people::PeopleStore;
use crate::service::roster::RosterStore;

/// The networks, and people and roster of the database.
///
/// # Errors
/// When the database can't be reached, holds embeddings of another model than the one asked for, or settings ask for what
/// is not kept in a database.
pub(super) fn open(
    args: &ServeArgs,
    data: &DataDirectory,
    params: &DatabaseParams,
) -> anyhow::Result<(LoadedModels, PeopleStore, RosterStore)> {
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
        "people and roster are kept in the database; attendance and dismissed findings are not kept, and API keys, access log \
         and kept photos are this process's own files"
    );
    if people.current().is_empty() && (data.gallery().exists() || data.roster().exists()) {
        tracing::warn!(
            "nobody is enrolled in the database; the files of the data directory are not read: `facerec migrate` takes people and \
             roster over"
        );
    }
    let roster = RosterStore::kept_by(people.roster());
    Ok((loaded, PeopleStore::kept_by(people), roster))
}

/// What each process would keep by itself would be a part of the truth in each.
fn refuse_files(args: &ServeArgs) -> anyhow::Result<()> {
    let params = args.attendance.params();
    anyhow::ensure!(
        params.automatic.is_none() && params.webhook.is_none() && params.post_url.is_none(),
        "--database-url: expected no settings of attendance, which is not kept in a database yet, found some"
    );
    anyhow::ensure!(
        !args.keep_thumbnails,
        "--database-url: expected no --keep-thumbnails, which are files of a data directory, found it"
    );
    Ok(())
}
