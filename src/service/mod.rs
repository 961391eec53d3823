//! The application layer: what the product does, as methods with domain types.
//!
//! [`Service`] owns the pipeline, the stores of people and roster, the worker threads, the photo keeper and the
//! recording of metrics. HTTP, the commands, benchmarks and tests are transports: they translate between their own
//! format and the types here. No transport builds a pipeline or touches a store by itself.
//!
//! A second store of people (a database) goes beneath [`people::PeopleStore`], the only way to gallery and writer. Another
//! kind of record is a store beside it, as [`attendance`] is: a module here, a field of [`Service`].

pub mod attendance;
pub mod audit;
pub mod blocking;
pub mod caller;
pub mod disclosure;
pub mod edit;
pub mod enroll;
pub mod expiry;
pub mod file_status;
pub mod list;
pub mod metrics;
pub mod models;
pub mod people;
pub mod photo_keeper;
pub mod recognize;
pub mod recognized;
mod recognized_people;
mod recorder;
pub mod replace_roster;
pub mod revalidation;
pub mod roster;
pub mod settings;
pub mod snapshot;
pub mod status;
pub mod strangers;
pub mod thumbnails;
pub mod verify;
pub mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

use crate::access_log::{AccessLog, Action};
use crate::audit::dismissals::{DismissalFile, DismissalStore};
use crate::cancel::CancellationToken;
use crate::error::{InputError, Result};
use crate::gallery::search::{MatchParams, MatchRule};
use crate::pipeline::{FaceParams, Pipeline, RecognizeParams};
use crate::thumbnails::{ThumbnailStore, Thumbnails};
use crate::worker::Workers;
use attendance::Attendance;
use attendance::recording::Recording;
use blocking::run_blocking;
use caller::Caller;
use metrics::Metrics;
use models::LoadedModels;
use people::PeopleStore;
use photo_keeper::PhotoKeeper;
use recognized_people::RecognizedPeople;
use roster::RosterStore;
use settings::Settings;
use snapshot::{Snapshot, today};

/// The running product. Clones share one state.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// Cosine distance below which a face matches a person, where no rate is in force: the setting, else the model's
    /// default.
    threshold: f32,
    pipeline: Pipeline,
    people: PeopleStore,
    roster: RosterStore,
    workers: Workers,
    metrics: Metrics,
    keeper: Option<PhotoKeeper>,
    /// `None` without a place for them.
    thumbnails: Option<Arc<dyn ThumbnailStore>>,
    access_log: Option<Arc<AccessLog>>,
    attendance: Option<Arc<Attendance>>,
    /// Where photos of the old endpoint are recorded.
    recording: Option<Recording>,
    recognized_people: RecognizedPeople,
    /// `None` without a place for them.
    dismissals: Option<Box<dyn DismissalStore>>,
}

/// What is kept beside people and roster.
#[derive(Default)]
pub struct Records {
    /// `None` to keep none.
    pub attendance: Option<Attendance>,
    /// `None` to write none.
    pub access_log: Option<AccessLog>,
    /// The dismissed findings of the audit; `None` to keep none.
    pub dismissals: Option<Box<dyn DismissalStore>>,
    /// Thumbnails of enrolled photos; `None` for no place for them.
    pub thumbnails: Option<Arc<dyn ThumbnailStore>>,
}

impl Service {
    /// Starts the worker threads.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) when the directory of kept photos or the access log can't be written, that of thumbnails or the
    /// database of attendance can't be read,
    /// [`Error::Internal`](crate::error::Error::Internal) when a thread can't be started.
    pub fn start(
        settings: Settings,
        models: LoadedModels,
        people: PeopleStore,
        roster: RosterStore,
    ) -> Result<Self> {
        let attendance = match (&settings.attendance, people.directory()) {
            (Some(params), Some(directory)) => Some(Attendance::open(directory, params)?),
            _ => None,
        };
        let access_log = settings.access_log.as_ref().map(AccessLog::open).transpose()?;
        let file = |directory| Box::new(DismissalFile::of(directory)) as Box<dyn DismissalStore>;
        let dismissals = people.directory().map(file);
        let kept = people.directory().map(Thumbnails::open).transpose()?;
        let thumbnails = kept.map(|kept| Arc::new(kept) as Arc<dyn ThumbnailStore>);
        let records = Records { attendance, access_log, dismissals, thumbnails };
        Self::start_with(settings, models, people, roster, records)
    }

    /// The same with records that are kept elsewhere than in files.
    ///
    /// # Errors
    /// As [`Service::start`].
    pub fn start_with(
        settings: Settings,
        models: LoadedModels,
        people: PeopleStore,
        roster: RosterStore,
        records: Records,
    ) -> Result<Self> {
        let attendance = records.attendance.map(Arc::new);
        let automatic = settings.attendance.as_ref().and_then(|params| params.automatic);
        let recording = attendance.as_ref().zip(automatic);
        let service = Self(Arc::new(Inner {
            threshold: settings.threshold.unwrap_or(models.threshold),
            pipeline: models.pipeline,
            people,
            roster,
            workers: Workers::start(settings.workers, settings.queue)?,
            metrics: Metrics::default(),
            thumbnails: records.thumbnails,
            keeper: settings.keep_photos.as_ref().map(PhotoKeeper::open).transpose()?,
            access_log: records.access_log.map(Arc::new),
            recording: recording
                .map(|(kept, automatic)| Recording::start(Arc::clone(kept), automatic))
                .transpose()?,
            attendance,
            recognized_people: RecognizedPeople::default(),
            dismissals: records.dismissals,
            settings,
        }));
        service.sweep_thumbnails();
        Ok(service)
    }

    /// The settings in use.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The stages, for measuring them one by one.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.0.pipeline
    }

    /// The store of people.
    #[must_use]
    pub fn people(&self) -> &PeopleStore {
        &self.0.people
    }

    /// The store of the roster.
    #[must_use]
    pub fn roster(&self) -> &RosterStore {
        &self.0.roster
    }

    /// Attendance.
    ///
    /// # Errors
    /// [`InputError::Conflict`] where none is kept.
    pub fn attendance(&self) -> Result<&Attendance> {
        let none =
            || InputError::Conflict("expected a service that keeps attendance, found one without".to_owned());
        Ok(self.0.attendance.as_deref().ok_or_else(none)?)
    }

    /// The queue and its threads.
    #[must_use]
    pub fn workers(&self) -> &Workers {
        &self.0.workers
    }

    /// Counters of photos and faces.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// People and roster as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (gallery, roster) = (self.0.people.current(), self.0.roster.current());
        Snapshot { gallery, roster, thumbnails: self.thumbnail_ids(), day: today() }
    }

    /// Parameters of a request that sets none.
    #[must_use]
    pub fn default_params(&self) -> RecognizeParams {
        let settings = self.settings();
        RecognizeParams {
            faces: FaceParams {
                min_probability: settings.min_probability,
                max_faces: Some(self.pipeline().params().detect.max_faces),
            },
            matching: MatchParams { rule: self.default_rule(), top_k: 1, assignment: settings.assignment },
        }
    }

    /// The cosine distance below which two faces are the same person's, of a request that sets none.
    #[must_use]
    pub fn default_threshold(&self) -> f32 {
        self.0.threshold
    }

    /// The rate of false names; the distance where the settings say so, or the gallery has no statistics of strangers.
    fn default_rule(&self) -> MatchRule {
        match self.settings().false_name_rate {
            Some(rate) if self.people().current().cohort().is_some() => MatchRule::FalseNameRate { rate },
            _ => MatchRule::Distance { threshold: self.0.threshold },
        }
    }

    /// Deletes kept photos that are too old or too many, and thumbnails that could not be removed with their photos. Call it about once
    /// a minute from a thread that may block.
    pub fn prune_photos(&self) {
        self.remove_thumbnails(&[]);
        let pruned = self.0.keeper.as_ref().map(|keeper| keeper.prune(SystemTime::now()));
        if let Some(Err(error)) = pruned {
            tracing::warn!(%error, "kept photos that are too old or too many can't be deleted");
        }
    }

    /// Photos of the old endpoint that were not recorded, since the queue was full.
    fn photos_lost(&self) -> u64 {
        self.0.recording.as_ref().map_or(0, Recording::lost)
    }

    /// Closes automatic sessions that are over, and once a day deletes attendance that is older than the retention. Call it
    /// about once a minute from a thread that may block.
    pub fn tidy_attendance(&self) {
        self.tidy_attendance_at(Timestamp::now());
    }

    /// Whether this process does what one of those that share a database does; true where nothing is shared.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.0.attendance.as_ref().is_none_or(|attendance| attendance.leads())
    }

    /// [`Service::tidy_attendance`] at the instant `now`.
    pub fn tidy_attendance_at(&self, now: Timestamp) {
        if let Some(attendance) = &self.0.attendance {
            let recorder = self.recorder_for(Caller::own());
            attendance.tidy(now, || recorder.record(Action::ChangeSession, []));
        }
    }

    /// Rereads changed files, and tells attendance of changed people. Call it about once a second from a thread that may block.
    pub fn poll_files(&self) {
        if self.0.people.poll() {
            self.look_for_orphans();
        }
        self.0.roster.poll();
        if let Some(attendance) = &self.0.attendance {
            attendance.follow(|| self.recognized_people());
        }
    }

    /// Waits until no job waits or runs, kept photos included, attendance is recorded and the access log is written; at most `limit`. Returns
    /// whether all of it was done.
    #[must_use]
    pub fn drain(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let finished = self.0.workers.finish(limit);
        let left = end.saturating_duration_since(Instant::now());
        let recorded = self.0.recording.as_ref().is_none_or(|recording| recording.finish(left));
        let left = end.saturating_duration_since(Instant::now());
        let written = self.0.access_log.as_ref().is_none_or(|log| log.flush(left));
        finished && recorded && written
    }

    /// Runs `job` on a worker thread. Its pipeline stops when the returned future is dropped.
    async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Self, &Pipeline) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let service = self.clone();
        let job = move |token: &CancellationToken| job(&service, &service.0.pipeline.cancelled_by(token));
        self.0.workers.submit(caller::current().network(), job)?.await
    }

    /// Runs `job` on Tokio's blocking pool; not cancelled when the request is dropped.
    async fn blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let service = self.clone();
        run_blocking(move || job(&service)).await
    }
}
