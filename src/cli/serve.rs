//! `facerec serve`: load, warm up, bind, then serve until SIGTERM or SIGINT.

use std::io::{self, ErrorKind};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::command_log::CommandLog;
use super::data::DataDirectory;
use super::enroll::{ProgressObserver, enroll_with_progress};
use super::log_place;
use super::thumbnails::{Waiting, WaitingFiles, write_enrolled};
use crate::allocator;
use crate::config::{Compat, Config, DatabaseParams, ServeArgs};
use crate::enroll::Outcome;
use crate::enroll::directory::EnrollmentReport;
use crate::enroll::listing::{Skipped, list_people};
use crate::gallery::Gallery;
use crate::gallery::writer::GALLERY;
use crate::http::middleware::auth::Access;
use crate::http::router;
use crate::http::state::AppState;
use crate::keys::backend::{KeysBackend, KeysFile};
use crate::logging;
use crate::reloadable::Reloadable;
use crate::server::serve;
use crate::server::tls::Tls;
use crate::service::models::{self, LoadedModels};
use crate::service::people::PeopleStore;
use crate::service::roster::RosterStore;
use crate::service::settings::Settings;
use crate::service::snapshot::today;
use crate::service::watch::watch;
use crate::service::{Records, Service};
use database::OldEntries;
use opened::Opened;
use stop::Stop;

mod adapt;
mod database;
mod opened;
mod stop;

/// How often kept photos are looked through, whose directory may hold many, and uses of keys are written.
const UPKEEP_INTERVAL: Duration = Duration::from_mins(1);

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
    let data = DataDirectory::new(&args.data);
    check(args)?;
    let opened = match args.database.params() {
        Some(params) => open_database(args, params, &runtime, &stop)?,
        None => load_or_enroll(args, &data, &stop)?,
    };
    let Some(opened) = opened else {
        tracing::info!("stopped while people were read or enrolled: nothing was written");
        runtime.shutdown_background();
        return Ok(ExitCode::SUCCESS);
    };
    run_loaded(args, opened, &runtime, stop)
}

/// Serves until told to stop.
fn run_loaded(args: &ServeArgs, opened: Opened, runtime: &Runtime, stop: Stop) -> anyhow::Result<ExitCode> {
    let config = Config::from(args);
    let Opened { loaded, people, roster, keys, dismissals, thumbnails } = opened;
    loaded.warm_up()?;
    let (model, settings) = (loaded.model.clone(), Settings::from(&config));
    let keys = open_keys(&config, keys)?;
    let tls = config.tls.as_ref().map(Tls::open).transpose()?.map(Arc::new);
    let (service, old_entries) = match args.database.params() {
        Some(database) => {
            let records = database::records(args, &database, &config.attendance)?;
            let records = Records { dismissals, thumbnails, ..records };
            let service = Service::start_with(settings, loaded, people, roster, records)?;
            (service, database::old_entries(args, &database)?)
        }
        None => (Service::start(settings, loaded, people, roster)?, None),
    };
    watch_files(&service, keys.clone(), tls.clone(), old_entries)?;
    let rule = service.default_params().matching.rule;
    tracing::info!(model, people = service.people().current().len(), %rule, "loaded");
    let drain = config.timeouts.drain;
    let router = router(AppState::new(config.clone(), service.clone(), Access::new(keys.clone())));
    // Packing the models and describing the API leave some 20 MB of freed pages.
    allocator::give_back_freed_pages();
    let listener = runtime.block_on(listen(&config, tls.is_some()))?;
    let serving = serve(listener, router, tls, config.timeouts, &config.clients, stop.wait());
    let requests_ended = runtime.block_on(serving);
    // Work that follows a response, such as keeping its photo, is finished too.
    let finished = requests_ended && service.drain(drain);
    keys.as_deref().inspect(|keys| save_uses(*keys));
    tracing::info!(finished, "stopped");
    if !finished {
        // Dropping the workers would wait for their jobs without a limit.
        std::process::exit(0);
    }
    Ok(ExitCode::SUCCESS)
}

/// The directory of the keys may be one that only root may write to.
fn save_uses(keys: &dyn KeysBackend) {
    if let Err(error) = keys.save_uses() {
        tracing::debug!("when keys were last used is not kept: {error}");
    }
}

/// Rereads gallery, roster, keys and certificate when their files change, deletes kept photos and
/// people whose time is over, and writes when keys were used.
fn watch_files(
    service: &Service,
    keys: Option<Arc<dyn KeysBackend>>,
    tls: Option<Arc<Tls>>,
    old_entries: Option<OldEntries>,
) -> crate::error::Result<()> {
    let (service, mut kept_up) = (service.clone(), Instant::now());
    watch(move || {
        if kept_up.elapsed() >= UPKEEP_INTERVAL {
            kept_up = Instant::now();
            service.prune_photos();
            service.tidy_attendance();
            if service.leads() {
                delete_expired(&service);
                old_entries.as_ref().inspect(|entries| entries.delete());
            }
            keys.as_deref().inspect(|keys| save_uses(*keys));
        }
        service.poll_files();
        keys.as_deref().inspect(|keys| keys.poll());
        tls.as_deref().inspect(|tls| tls.poll());
    })
}

fn delete_expired(service: &Service) {
    if let Err(error) = service.delete_expired(today()) {
        tracing::warn!("people whose time is over can't be deleted: {error}");
    }
}

/// Binds the address, and says so.
async fn listen(config: &Config, tls: bool) -> anyhow::Result<TcpListener> {
    let (host, port) = (config.host.as_str(), config.port);
    let listener = TcpListener::bind((host, port)).await.map_err(|error| {
        anyhow::anyhow!("{host}:{port} can't be listened on: {error}{}", advice(&error, port))
    })?;
    tracing::info!(address = %listener.local_addr()?, tls, "ready");
    Ok(listener)
}

/// What helps where a port can't be had.
fn advice(error: &io::Error, port: u16) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => format!(
            "; another program, perhaps another facerec, listens there (`ss -ltnp 'sport = :{port}'` shows which): stop it, or \
             choose another port with --port or FACEREC_PORT"
        ),
        ErrorKind::PermissionDenied => {
            "; ports below 1024 are root's: choose another one with --port or FACEREC_PORT".to_owned()
        }
        ErrorKind::AddrNotAvailable => "; choose an address of this machine with --host".to_owned(),
        _ => String::new(),
    }
}

/// The API keys: of the file, where there is one, else those that are `stored` in the database.
fn open_keys(
    config: &Config,
    stored: Option<Arc<dyn KeysBackend>>,
) -> crate::error::Result<Option<Arc<dyn KeysBackend>>> {
    let unused = stored.as_deref().and_then(KeysBackend::current).is_some();
    let keys = match &config.api_keys_file {
        Some(path) => Some(Arc::new(KeysFile::open(path)?) as Arc<dyn KeysBackend>),
        None => stored,
    };
    if config.api_keys_file.is_some() && unused {
        tracing::warn!("the file of API keys counts here, and those in the database do not");
    }
    if let Some(keys) = keys.as_deref().and_then(KeysBackend::current) {
        tracing::info!(keys = keys.entries().len(), "calls need an API key");
    } else {
        tracing::info!("no API keys: recognition is open, people are managed from this machine only");
    }
    Ok(keys)
}

/// Refuses settings and directories with which nothing can be served.
fn check(args: &ServeArgs) -> anyhow::Result<()> {
    anyhow::ensure!(args.data.is_dir(), "{}: expected a directory, found none", args.data.display());
    if args.database.params().is_none() {
        log_place::ensure_file(&args.access_log)?;
    }
    anyhow::ensure!(
        args.compat.unwrap_or_default() == Compat::Standard || args.faces.false_name_rate.is_none(),
        "--compat flask matches by distance: expected --threshold or nothing, found --false-name-rate"
    );
    Ok(())
}

/// The networks, and the people of the database; `None` when told to stop, also while the database does not answer.
fn open_database(
    args: &ServeArgs,
    params: DatabaseParams,
    runtime: &Runtime,
    stop: &Stop,
) -> anyhow::Result<Option<Opened>> {
    let args = args.clone();
    stop.unless_came(runtime, move || database::open(&args, &DataDirectory::new(&args.data), &params))?
        .transpose()
}

/// The networks, and the gallery that they made, kept up to date; `None` when told to stop.
fn load_or_enroll(args: &ServeArgs, data: &DataDirectory, stop: &Stop) -> anyhow::Result<Option<Opened>> {
    let Some((loaded, gallery)) = open_or_enroll(args, data, stop)? else { return Ok(None) };
    let gallery = gallery.adapted(adapt::adapt(args, &loaded)?)?;
    let (people, roster) = (PeopleStore::writable(gallery), RosterStore::new(data.open_roster()?));
    Ok(Some(Opened { loaded, people, roster, keys: None, dismissals: None, thumbnails: None }))
}

/// A directory with people but no gallery is enrolled first; one with neither begins with nobody.
fn open_or_enroll(
    args: &ServeArgs,
    data: &DataDirectory,
    stop: &Stop,
) -> anyhow::Result<Option<(LoadedModels, Reloadable<Gallery>)>> {
    let compat = args.compat.unwrap_or_default();
    if data.gallery().exists() {
        let gallery = data.open_gallery()?;
        let model = models::model_of_gallery(&args.models, gallery.current().recipe())?;
        return Ok(Some((models::load(&args.models, &model, compat)?, gallery)));
    }
    let loaded = models::load(&args.models, &models::model_of_new_gallery(&args.models)?, compat)?;
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
    data: &DataDirectory,
    loaded: &LoadedModels,
    stop: &Stop,
) -> anyhow::Result<Option<Reloadable<Gallery>>> {
    let _lock = data.lock()?;
    let log = CommandLog::open(&args.access_log, None)?;
    tracing::info!("enrolling people/: until that is done, no request is served");
    let mut waiting = args.keep_thumbnails.then(|| WaitingFiles::new(data.directory())).transpose()?;
    let mut observer = ProgressObserver {
        waiting: waiting.as_mut().map(|waiting| waiting as &mut dyn Waiting),
        progress: &|done, total| tracing::info!("enrolling: {done} of {total} photos"),
        cancelled: &|| stop.came(),
    };
    let (listing, empty) = (list_people(&data.people())?, Gallery::empty(loaded.new_recipe()));
    let enrolled = enroll_with_progress(loaded, listing, &empty, &args.gate, false, &mut observer)?;
    let Some(report) = enrolled else { return Ok(None) };
    log_refused(&report, data);
    anyhow::ensure!(!report.gallery.is_empty(), "nobody in {} could be enrolled", data.people().display());
    let record = || log.record_change(None, &report.gallery);
    write_enrolled(data, &report, waiting, record)?;
    Ok(Some(data.open_gallery()?))
}

/// Logs hold no names, and so no paths and no reasons, unless they are asked for.
fn log_refused(report: &EnrollmentReport, data: &DataDirectory) {
    let refused = report.photos.iter().filter_map(|photo| match &photo.outcome {
        Outcome::Rejected { reasons } => Some((&photo.photo.path, reasons)),
        Outcome::Accepted { .. } => None,
    });
    let photos_refused = refused.clone().count();
    tracing::info!(
        people = report.gallery.len(),
        left_out = report.left_out().count(),
        photos_refused,
        skipped = report.skipped.len(),
        "enrolled people/"
    );
    if photos_refused > 0 {
        let people = data.people();
        let (people, directory) = (people.display(), data.directory().display());
        tracing::warn!(
            "not all photos were enrolled: `facerec enroll {people} --data {directory} --dry-run` says why"
        );
    }
    for (path, reasons) in refused {
        tracing::debug!(?path, ?reasons, "refused");
    }
    for Skipped { path, why } in &report.skipped {
        tracing::debug!(?path, why, "skipped");
    }
}
