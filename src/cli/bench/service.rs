//! The service without HTTP, in this process.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::drive::{Client, Target, milliseconds};
use super::machine::{Machine, peak_memory_mib};
use super::report::ServiceReport;
use super::stages::{self, Measured};
use crate::allocator;
use crate::cli::place::Place;
use crate::config::{Compat, DEFAULT_MIN_PROBABILITY, EngineName, FaceArgs, ModelArgs};
use crate::gallery::Gallery;
use crate::nn::native::Precision;
use crate::roster::Roster;
use crate::service::Service;
use crate::service::models;
use crate::service::people::PeopleStore;
use crate::service::roster::RosterStore;
use crate::service::settings::Settings;
use crate::service::strangers::StrangerStatistics;

/// The service under measurement.
pub(super) struct LocalService(Service);

impl LocalService {
    /// Loads what `facerec serve` loads and warms it up. `queue` jobs may wait for a worker.
    ///
    /// # Errors
    /// When a model or the gallery can't be used.
    pub(super) fn start(
        args: &ModelArgs,
        place: Option<&Place>,
        workers: Option<NonZeroUsize>,
        queue: usize,
    ) -> anyhow::Result<Self> {
        let kept = place.map(Place::read).transpose()?;
        let gallery = kept.map(|kept| (*kept.people().current()).clone());
        let model = match &gallery {
            Some(gallery) => models::model_of_gallery(args, gallery.recipe())?,
            None => models::model_of_new_gallery(args)?,
        };
        let loaded = models::load(args, &model, Compat::Standard)?;
        loaded.warm_up()?;
        let gallery = gallery.unwrap_or_else(|| Gallery::empty(loaded.new_recipe()));
        let statistics = StrangerStatistics::load(&default_faces(), args.models.as_deref(), &loaded.model)?;
        let gallery = statistics.attach(gallery)?;
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let settings = Settings::new(workers.unwrap_or(cores), queue);
        let (people, roster) = (PeopleStore::in_memory(gallery), RosterStore::in_memory(Roster::default()));
        let service = Service::start(settings, loaded, people, roster)?;
        allocator::give_back_freed_pages();
        Ok(Self(service))
    }

    /// Measures the stages of one photo.
    ///
    /// # Errors
    /// When the photo can't be used.
    pub(super) fn measure_stages(&self, photo: &[u8], budget: Duration) -> anyhow::Result<Measured> {
        let (gallery, params) = (self.0.people().current(), self.0.default_params());
        Ok(stages::measure(self.0.pipeline(), &gallery, &params, photo, budget)?)
    }

    /// What was measured, and on what; `start` is the duration of [`LocalService::start`].
    pub(super) fn describe(&self, args: &ModelArgs, start: Duration) -> ServiceReport {
        let (engine, kernel, precision) = match args.engine {
            EngineName::Native => {
                let isa = models::isa(args.kernel);
                ("native", Some(isa.name()), models::precision(args.precision, isa))
            }
            EngineName::Tract => ("tract", None, Precision::F32),
        };
        let status = self.0.status();
        ServiceReport {
            machine: Machine::this(),
            engine,
            kernel,
            precision: precision.name(),
            model: status.model,
            people: status.people,
            workers: self.0.settings().workers.get(),
            start_ms: milliseconds(start),
            peak_memory_mib: peak_memory_mib(),
        }
    }
}

/// The rule of `facerec serve` without arguments.
fn default_faces() -> FaceArgs {
    FaceArgs {
        false_name_rate: None,
        threshold: None,
        strangers: None,
        min_probability: DEFAULT_MIN_PROBABILITY,
    }
}

impl Target for LocalService {
    fn client(&self) -> anyhow::Result<Box<dyn Client + '_>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Box::new(LocalClient { runtime, service: &self.0 }))
    }
}

/// A client that calls the service as an HTTP handler does.
struct LocalClient<'a> {
    runtime: tokio::runtime::Runtime,
    service: &'a Service,
}

impl Client for LocalClient<'_> {
    fn send(&mut self, photo: &[u8]) -> anyhow::Result<()> {
        // A server's upload is owned, too.
        let recognized = self.service.recognize(photo.to_vec(), self.service.default_params(), None);
        self.runtime.block_on(recognized)?;
        Ok(())
    }
}
