//! `facerec serve`: load, warm up, then bind; answer until told to stop.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tokio::runtime::Runtime;

use super::data::DataFolder;
use super::enroll::{Watcher, enroll_with_progress};
use super::load::{self, Loaded};
use super::watch::{LoadedEmbedder, watch};
use crate::allocator;
use crate::config::{Config, ServeArgs};
use crate::enroll::folder::{FolderReport, Skipped};
use crate::gallery::writer::GALLERY;
use crate::gallery::{Gallery, store};
use crate::http::auth::Access;
use crate::http::router;
use crate::http::serve::serve;
use crate::http::state::{App, AppState};
use crate::imaging::OrientedRgb;
use crate::keys::ApiKeys;
use crate::keys::file::KEYS;
use crate::logging;
use crate::reloadable::Reloadable;
use stop::Stop;

mod stop;

/// Side of the blank photo that warms the networks up, pixels.
const WARM_UP_SIDE: usize = 160;

/// Runs the service. Exit code 0 after SIGTERM or SIGINT.
///
/// # Errors
/// When models, gallery or roster can't be used, or the address can't be bound.
pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    allocator::give_back_large_buffers();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Before all else: loading and enrolling take time, in which a signal must not be lost.
    let stop = Stop::install(&runtime)?;
    logging::init(args.log_format)?;
    let data = DataFolder::new(&args.data);
    let Some((loaded, gallery)) = load_or_enroll(args, &data, &stop)? else {
        tracing::info!("stopped while people/ was enrolled: nothing was written");
        return Ok(ExitCode::SUCCESS);
    };
    run_loaded(args, &data, loaded, gallery, &runtime, stop)
}

/// Answers until told to stop.
fn run_loaded(
    args: &ServeArgs,
    data: &DataFolder,
    loaded: Loaded,
    gallery: Reloadable<Gallery>,
    runtime: &Runtime,
    stop: Stop,
) -> anyhow::Result<ExitCode> {
    let config = Config::from(args);
    warm_up(&loaded)?;
    let (gallery, roster) = (Arc::new(gallery), Arc::new(data.open_roster()?));
    let keys = open_keys(&config)?;
    watch(Arc::clone(&gallery), Arc::clone(&roster), keys.clone())?;
    let (model, people) = (loaded.model, gallery.current().len());
    let app = App::start(config, loaded.pipeline, loaded.threshold, gallery, roster, Access::new(keys))?;
    tracing::info!(model, people, threshold = app.threshold, "loaded");
    let app = AppState::new(app);
    let answered = runtime.block_on(listen(&app, stop))?;
    // What follows an answer, keeping its photo, is not lost either.
    let finished = answered && app.workers.finish(app.config.timeouts.drain);
    tracing::info!(finished, "stopped");
    if !finished {
        // Dropping the rest would wait for it, for ever perhaps.
        std::process::exit(0);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether all that ran at the end was finished.
async fn listen(app: &AppState, stop: Stop) -> anyhow::Result<bool> {
    let address = (app.config.host.clone(), app.config.port);
    let listener = tokio::net::TcpListener::bind(&address)
        .await
        .with_context(|| format!("{}:{} can't be listened on", address.0, address.1))?;
    tracing::info!(address = %listener.local_addr()?, "ready");
    let timeouts = app.config.timeouts;
    Ok(serve(listener, router(app.clone()), timeouts, stop.wait()).await)
}

/// The API keys, where there is a file of them.
fn open_keys(config: &Config) -> crate::error::Result<Option<Arc<Reloadable<ApiKeys>>>> {
    let Some(path) = &config.api_keys_file else {
        tracing::info!("no file of API keys: recognition is open, people are managed from this machine only");
        return Ok(None);
    };
    let keys = Reloadable::open(path, KEYS)?;
    tracing::info!(keys = keys.current().entries().len(), "calls need an API key");
    Ok(Some(Arc::new(keys)))
}

/// The networks, and the gallery that they made, kept up to date; `None` when told to stop.
fn load_or_enroll(
    args: &ServeArgs,
    data: &DataFolder,
    stop: &Stop,
) -> anyhow::Result<Option<(Loaded, Reloadable<Gallery>)>> {
    let Some((loaded, gallery)) = open_or_enroll(args, data, stop)? else { return Ok(None) };
    let embedder = LoadedEmbedder::of(&loaded);
    embedder.check(gallery.current().recipe())?;
    Ok(Some((loaded, gallery.checked(move |changed| embedder.check(changed.recipe())))))
}

/// A folder with people but no gallery is enrolled first; one with neither begins with nobody.
fn open_or_enroll(
    args: &ServeArgs,
    data: &DataFolder,
    stop: &Stop,
) -> anyhow::Result<Option<(Loaded, Reloadable<Gallery>)>> {
    anyhow::ensure!(args.data.is_dir(), "{}: expected a folder, found none", args.data.display());
    let compat = args.compat.unwrap_or_default();
    if data.gallery().exists() {
        let gallery = data.open_gallery()?;
        let model = load::model_of_gallery(&args.models, gallery.current().recipe())?;
        return Ok(Some((load::load(&args.models, &model, compat)?, gallery)));
    }
    let loaded = load::load(&args.models, &load::model_of_new_gallery(&args.models)?, compat)?;
    if !data.people().is_dir() {
        tracing::warn!("nobody is enrolled: {} has neither gallery.bin nor people/", args.data.display());
        let gallery = Gallery::empty(loaded.new_recipe());
        return Ok(Some((loaded, Reloadable::with_value(&data.gallery(), GALLERY, gallery))));
    }
    let enrolled = enroll_people(args, data, &loaded, stop)?;
    Ok(enrolled.map(|gallery| (loaded, gallery)))
}

/// Makes the gallery out of `people/`; `None` when told to stop, and then nothing was written.
fn enroll_people(
    args: &ServeArgs,
    data: &DataFolder,
    loaded: &Loaded,
    stop: &Stop,
) -> anyhow::Result<Option<Reloadable<Gallery>>> {
    let _lock = data.lock()?;
    tracing::info!("enrolling people/: until that is done, nobody is answered");
    let watcher = Watcher {
        say: &|done, total| tracing::info!("enrolling: {done} of {total} photos"),
        stop: &|| stop.came(),
    };
    let enrolled = enroll_with_progress(loaded, &data.people(), &args.gate, false, &watcher)?;
    let Some((report, skipped)) = enrolled else { return Ok(None) };
    log_refused(&report, &skipped, data);
    anyhow::ensure!(!report.gallery.is_empty(), "nobody in {} could be enrolled", data.people().display());
    store::write(&data.gallery(), &report.gallery)?;
    Ok(Some(data.open_gallery()?))
}

/// Logs hold no names, and so no paths and no reasons, unless they are asked for.
fn log_refused(report: &FolderReport, skipped: &[Skipped], data: &DataFolder) {
    let refused = report.photos.iter().filter(|photo| !photo.accepted);
    let photos_refused = refused.clone().count();
    tracing::info!(
        people = report.gallery.len(),
        photos_refused,
        skipped = skipped.len(),
        "enrolled people/"
    );
    if photos_refused > 0 {
        let people = data.people();
        let (people, folder) = (people.display(), data.folder().display());
        tracing::warn!(
            "not all photos were enrolled: `facerec enroll {people} --data {folder} --dry-run` says why"
        );
    }
    for photo in refused {
        tracing::debug!(path = ?photo.photo.path, reasons = ?photo.reasons, "refused");
    }
    for Skipped { path, why } in skipped {
        tracing::debug!(?path, why, "skipped");
    }
}

/// The first inference allocates what later ones reuse.
pub(super) fn warm_up(loaded: &Loaded) -> anyhow::Result<()> {
    let pixels = vec![127; WARM_UP_SIDE * WARM_UP_SIDE * 3];
    if let Some(photo) = OrientedRgb::from_upright(WARM_UP_SIDE, WARM_UP_SIDE, pixels) {
        loaded.pipeline.detect(&photo)?;
    }
    Ok(())
}
