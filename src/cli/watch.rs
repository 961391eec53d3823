//! Files that change under a running service.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::data::log_warnings;
use super::load::Loaded;
use crate::error::{DataError, Result};
use crate::gallery::store::short_hex;
use crate::gallery::{Gallery, Recipe};
use crate::keys::ApiKeys;
use crate::reloadable::Reloadable;
use crate::roster::Roster;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Starts a thread that reads gallery, roster and keys again when their files change. It ends with the process.
///
/// # Errors
/// When the system gives no thread.
pub fn watch(
    gallery: Arc<Reloadable<Gallery>>,
    roster: Arc<Reloadable<Roster>>,
    keys: Option<Arc<Reloadable<ApiKeys>>>,
) -> anyhow::Result<()> {
    let look = move || {
        gallery.poll();
        keys.as_deref().map(Reloadable::poll);
        if roster.poll() {
            log_warnings(&roster.current());
        }
    };
    let forever = move || {
        loop {
            std::thread::sleep(INTERVAL);
            // A file that a reader panics on must not end the watching for good.
            if catch_unwind(AssertUnwindSafe(&look)).is_err() {
                tracing::error!("reading a changed file panicked; the old content is still in use");
            }
        }
    };
    let thread = std::thread::Builder::new().name("facerec-watch".to_owned());
    thread.spawn(forever).context("the thread that watches the data folder can't be started")?;
    Ok(())
}

/// The embedder that is loaded; a changed gallery must be its.
#[derive(Debug, Clone)]
pub struct LoadedEmbedder {
    model: String,
    sha256: [u8; 32],
}

impl LoadedEmbedder {
    /// Of these networks.
    #[must_use]
    pub fn of(loaded: &Loaded) -> Self {
        Self { model: loaded.model.clone(), sha256: loaded.model_sha256 }
    }

    /// Warns of a gallery that another file of the same model made.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] for a gallery of another model.
    pub fn check(&self, recipe: &Recipe) -> Result<()> {
        if recipe.model != self.model {
            return Err(DataError::Invalid(format!(
                "the gallery was made with the model {}, but {} is loaded: restart the service to use it",
                recipe.model, self.model
            ))
            .into());
        }
        if let Some(made_by) = recipe.model_sha256.filter(|sha256| *sha256 != self.sha256) {
            tracing::warn!(
                model = self.model,
                made_by = short_hex(&made_by),
                loaded = short_hex(&self.sha256),
                "the gallery was made by another file of this model: if faces are not recognised, enrol again"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gallery_of_another_model_is_refused_and_one_of_another_file_is_not() {
        let loaded = LoadedEmbedder { model: "casia".to_owned(), sha256: [1; 32] };
        let recipe =
            |model: &str, model_sha256| Recipe { model: model.to_owned(), model_sha256, margin_px: 0 };
        for sha256 in [None, Some([1; 32]), Some([2; 32])] {
            loaded.check(&recipe("casia", sha256)).unwrap();
        }
        assert_eq!(
            loaded.check(&recipe("vggface2", None)).unwrap_err().to_string(),
            "the gallery was made with the model vggface2, but casia is loaded: restart the service to use it"
        );
    }
}
