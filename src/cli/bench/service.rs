//! The service without HTTP: networks, gallery, queue and worker threads in this process.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::drive::{Client, Target, milliseconds};
use super::machine::{Machine, peak_memory_mib};
use super::report::ServiceReport;
use super::stages::{self, Measured};
use crate::cli::data::DataFolder;
use crate::cli::load::{self, Loaded};
use crate::cli::serve;
use crate::config::{Compat, EngineName, ModelArgs};
use crate::gallery::Gallery;
use crate::gallery::search::{Assignment, MatchParams};
use crate::pipeline::{FaceParams, RecognizeParams};
use crate::worker::Workers;

/// Least probability of a face: the default of `facerec serve`.
const MIN_PROBABILITY: f32 = 0.9;

/// What is measured.
pub(super) struct Service {
    loaded: Loaded,
    gallery: Arc<Gallery>,
    params: RecognizeParams,
    workers: Workers,
    worker_count: NonZeroUsize,
}

impl Service {
    /// Loads what `facerec serve` loads and warms it up. `queue` jobs may wait for a worker.
    ///
    /// # Errors
    /// When a model or the gallery can't be used.
    pub(super) fn start(
        args: &ModelArgs,
        data: Option<&Path>,
        workers: Option<NonZeroUsize>,
        queue: usize,
    ) -> anyhow::Result<Self> {
        let gallery = data.map(|folder| DataFolder::new(folder).read_gallery()).transpose()?;
        let model = match &gallery {
            Some(gallery) => load::model_of_gallery(args, gallery.recipe())?,
            None => load::model_of_new_gallery(args)?,
        };
        let loaded = load::load(args, &model, Compat::Standard)?;
        serve::warm_up(&loaded)?;
        let gallery = gallery.unwrap_or_else(|| Gallery::empty(loaded.new_recipe()));
        let matching = MatchParams { threshold: loaded.threshold, top_k: 1, assignment: Assignment::Unique };
        let faces = FaceParams { min_probability: MIN_PROBABILITY, max_faces: None };
        let params = RecognizeParams { faces, matching };
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let worker_count = workers.unwrap_or(cores);
        let workers = Workers::start(worker_count, queue)?;
        Ok(Self { loaded, gallery: Arc::new(gallery), params, workers, worker_count })
    }

    /// Measures the stages of one photo.
    ///
    /// # Errors
    /// When the photo can't be used.
    pub(super) fn measure_stages(&self, photo: &[u8], budget: Duration) -> anyhow::Result<Measured> {
        Ok(stages::measure(&self.loaded.pipeline, &self.gallery, &self.params, photo, budget)?)
    }

    /// What was measured, and on what; `start` is how long [`Service::start`] took.
    pub(super) fn describe(&self, args: &ModelArgs, start: Duration) -> ServiceReport {
        let (engine, kernel) = match args.engine {
            EngineName::Native => ("native", Some(load::kernel(args.kernel).name())),
            EngineName::Tract => ("tract", None),
        };
        ServiceReport {
            machine: Machine::this(),
            engine,
            kernel,
            model: self.loaded.model.clone(),
            people: self.gallery.len(),
            workers: self.worker_count.get(),
            start_ms: milliseconds(start),
            peak_memory_mib: peak_memory_mib(),
        }
    }
}

impl Target for Service {
    fn client(&self) -> anyhow::Result<Box<dyn Client + '_>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Box::new(ServiceClient { runtime, service: self }))
    }
}

/// A client that submits jobs as the HTTP handlers do.
struct ServiceClient<'a> {
    runtime: tokio::runtime::Runtime,
    service: &'a Service,
}

impl Client for ServiceClient<'_> {
    fn send(&mut self, photo: &[u8]) -> anyhow::Result<()> {
        let Service { loaded, gallery, params, workers, .. } = self.service;
        let (pipeline, gallery, params) = (loaded.pipeline.clone(), Arc::clone(gallery), *params);
        let photo = photo.to_vec(); // a server's upload is owned, too
        let pending = workers.submit(move |_| pipeline.recognize(&photo, &gallery, &params))?;
        self.runtime.block_on(pending)?;
        Ok(())
    }
}
