//! What the handlers share: everything that was loaded before the service began to listen.

use std::sync::Arc;

use super::auth::Access;
use super::extract::ImageUpload;
use super::extract::MULTIPART_OVERHEAD_BYTES;
use super::keep::PhotoKeeper;
use super::metrics::Metrics;
use super::upload::{ReadPermits, UploadBudget};
use crate::cancel::CancellationToken;
use crate::config::{Compat, Config};
use crate::error::{Error, Result};
use crate::gallery::Gallery;
use crate::gallery::search::{Assignment, MatchParams};
use crate::gallery::writer::GalleryWriter;
use crate::pipeline::{FaceParams, Pipeline, Recognition, RecognizeParams};
use crate::reloadable::Reloadable;
use crate::roster::Roster;
use crate::worker::Workers;

/// All that handlers need.
pub struct App {
    /// The checked settings.
    pub config: Config,
    /// Cosine distance below which a face is a person's: the setting, or else the model's own.
    pub threshold: f32,
    /// The networks.
    pub pipeline: Pipeline,
    /// The enrolled people. A photo is answered by one and the same gallery from start to end.
    pub gallery: Arc<Reloadable<Gallery>>,
    /// Changes the gallery.
    pub writer: GalleryWriter,
    /// The names' IDs.
    pub roster: Arc<Reloadable<Roster>>,
    /// The threads that run the networks.
    pub workers: Workers,
    /// Bytes of uploads that may be in memory.
    pub uploads: UploadBudget,
    /// Which of the uploads under way are read first.
    pub read_permits: ReadPermits,
    /// Who may make which request.
    pub access: Arc<Access>,
    /// What is counted for [`super::metrics`].
    pub metrics: Metrics,
    /// Keeps photos, if they are kept.
    pub keeper: Option<PhotoKeeper>,
}

impl App {
    /// Starts what the handlers need: workers, and the right to change the data folder. `threshold`
    /// is the model's own, for where none is set.
    ///
    /// # Errors
    /// When photos can't be kept where they are to be, or the system gives no thread.
    pub fn start(
        config: Config,
        pipeline: Pipeline,
        threshold: f32,
        gallery: Arc<Reloadable<Gallery>>,
        roster: Arc<Reloadable<Roster>>,
        access: Access,
    ) -> Result<Self> {
        Ok(Self {
            threshold: config.threshold.unwrap_or(threshold),
            pipeline,
            writer: GalleryWriter::new(Arc::clone(&gallery)),
            gallery,
            roster,
            workers: Workers::start(config.workers, config.queue)?,
            uploads: UploadBudget::new(
                config.upload_places(),
                config.max_upload_bytes.saturating_add(MULTIPART_OVERHEAD_BYTES),
            ),
            read_permits: ReadPermits::new(config.upload_places()),
            access: Arc::new(access),
            metrics: Metrics::default(),
            keeper: config.keep_photos.as_deref().map(PhotoKeeper::open).transpose()?,
            config,
        })
    }
}

/// A photo's answer, and the people and IDs that it speaks of.
pub struct Answer {
    /// Faces and matches; their indices point into `gallery`.
    pub recognition: Recognition,
    /// The gallery that was searched.
    pub gallery: Arc<Gallery>,
    /// The roster of that moment.
    pub roster: Arc<Roster>,
}

/// [`App`], shared by all requests.
#[derive(Clone)]
pub struct AppState(Arc<App>);

impl std::ops::Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl AppState {
    /// Shares the parts.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self(Arc::new(app))
    }

    /// Whose answers are given.
    #[must_use]
    pub fn compat(&self) -> Compat {
        self.config.compat
    }

    /// The settings of a call that says nothing itself.
    #[must_use]
    pub fn recognize_params(&self) -> RecognizeParams {
        let assignment = match self.compat() {
            Compat::Standard => Assignment::Unique,
            Compat::Flask => Assignment::Independent,
        };
        let matching = MatchParams { threshold: self.threshold, top_k: 1, assignment };
        let faces = FaceParams { min_probability: self.config.min_probability, max_faces: None };
        RecognizeParams { faces, matching }
    }

    /// Has a worker find out who is in the photo, and then keep it where photos are kept.
    ///
    /// # Errors
    /// [`crate::error::Error::Busy`] when there is no room, else what [`Pipeline::recognize`] says.
    pub async fn recognize(&self, upload: ImageUpload, params: RecognizeParams) -> Result<Answer> {
        let (app, upload) = (self.clone(), Arc::new(upload));
        let (keeping_app, kept) = (self.clone(), Arc::clone(&upload));
        let job = move |token: &CancellationToken| {
            let (gallery, roster) = (app.gallery.current(), app.roster.current());
            let recognition = app.pipeline.cancelled_by(token).recognize(&upload.bytes, &gallery, &params)?;
            app.metrics.recognized(&recognition);
            Ok(Answer { recognition, gallery, roster })
        };
        let keep = move || {
            if let Some(keeper) = &keeping_app.keeper {
                keeper.keep(&keeping_app.pipeline, &kept.bytes);
            }
        };
        self.workers.submit_then(job, keep)?.await
    }

    /// Has a worker do something with photos. The pipeline that it gets stops when the client has gone.
    ///
    /// # Errors
    /// [`Error::Busy`] when there is no room, else what the job says.
    pub async fn work<T: Send + 'static>(
        &self,
        job: impl FnOnce(&App, &Pipeline) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let app = self.clone();
        self.workers.submit(move |token| job(&app, &app.pipeline.cancelled_by(token)))?.await
    }

    /// Does something that takes a while or waits for the disk, away from the threads that must not wait.
    /// It is done to its end even when nobody waits for it any more.
    ///
    /// # Errors
    /// What `job` says; [`Error::Internal`] when it panics.
    pub async fn run_blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&App) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let app = self.clone();
        match tokio::task::spawn_blocking(move || job(&app)).await {
            Ok(done) => done,
            Err(error) => Err(match error.try_into_panic() {
                Ok(panic) => Error::from_panic(panic.as_ref()),
                Err(error) => Error::Internal(format!("a task was stopped: {error}")),
            }),
        }
    }

    /// Changes the gallery ([`GalleryWriter::edit`]); when this returns, the change is on the disk and
    /// in use.
    ///
    /// # Errors
    /// As [`GalleryWriter::edit`].
    pub async fn edit(
        &self,
        edit: impl FnOnce(&Gallery) -> Result<Gallery> + Send + 'static,
    ) -> Result<Arc<Gallery>> {
        self.run_blocking(move |app| app.writer.edit(edit)).await
    }
}
