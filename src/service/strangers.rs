//! Which statistics of strangers go with a gallery.

use std::path::Path;
use std::sync::Arc;

use crate::cohort::{Cohort, file};
use crate::config::FaceArgs;
use crate::error::{DataError, Operation, Result};
use crate::gallery::{Gallery, Recipe};
use crate::models::ModelStore;

/// The statistics of strangers of one embedder, for several crop margins.
#[derive(Debug, Clone)]
pub struct StrangerStatistics {
    cohorts: Vec<Arc<Cohort>>,
    /// Whether a rate was asked for, so that a gallery without statistics must be refused.
    required: bool,
    /// Whether matching by distance was asked for, so that none are needed.
    unused: bool,
}

impl StrangerStatistics {
    /// Reads the file asked for, else those of the embedder `model` in the models directories. `models` is the
    /// directory searched first.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) or [`Error::Model`](crate::error::Error::Model) for a file that can't
    /// be read or is altered.
    pub fn load(args: &FaceArgs, models: Option<&Path>, model: &str) -> Result<Self> {
        let cohorts = match &args.strangers {
            Some(path) => vec![Arc::new(file::read(path)?)],
            None => Self::shipped(models, model)?,
        };
        let unused = args.threshold.is_some() && args.strangers.is_none();
        Ok(Self { cohorts, required: args.false_name_rate.is_some() || args.strangers.is_some(), unused })
    }

    fn shipped(models: Option<&Path>, model: &str) -> Result<Vec<Arc<Cohort>>> {
        let store = ModelStore::new(models)?;
        let mut cohorts = Vec::new();
        for entry in store.manifest().strangers.iter().filter(|entry| entry.model == model) {
            if let Some(bytes) = store.read_strangers(entry)? {
                let unreadable = |reason| DataError::content(&entry.file, Operation::Read, reason);
                cohorts.push(Arc::new(file::decode(&bytes).map_err(unreadable)?));
            }
        }
        Ok(cohorts)
    }

    /// The gallery with the statistics that go with it, ready to be searched. Where there are none, it is matched by
    /// distance, with a warning.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) where there are none and a rate was asked for.
    pub fn attach(&self, gallery: Gallery) -> Result<Gallery> {
        let Some(cohort) = self.of(gallery.recipe()) else {
            let missing = self.missing(gallery.recipe());
            if self.required {
                return Err(DataError::Invalid(missing).into());
            }
            if !self.unused {
                tracing::warn!(
                    "{missing}; faces are matched by distance, strangers may get names more often"
                );
            }
            return Ok(gallery);
        };
        let gallery = gallery.with_cohort(Arc::clone(cohort))?;
        gallery.prepare();
        Ok(gallery)
    }

    fn of(&self, recipe: &Recipe) -> Option<&Arc<Cohort>> {
        self.cohorts.iter().find(|cohort| {
            let of = cohort.origin();
            of.model == recipe.model && of.margin_px == recipe.margin_px
        })
    }

    fn missing(&self, recipe: &Recipe) -> String {
        let found: Vec<String> = self.cohorts.iter().map(|cohort| name(cohort)).collect();
        let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
        format!(
            "a rate of false names needs statistics of strangers: expected some for the model {} at margin {}, found {found}; \
             make them with `facerec strangers fit`, or use --threshold",
            recipe.model, recipe.margin_px
        )
    }
}

fn name(cohort: &Cohort) -> String {
    format!("{} at margin {}", cohort.origin().model, cohort.origin().margin_px)
}
