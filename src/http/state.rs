//! What the handlers share: everything that was loaded before the service began to listen.

use std::sync::Arc;

use super::extract::ImageUpload;
use super::upload::UploadBudget;
use crate::config::{Compat, Config};
use crate::error::Result;
use crate::gallery::Gallery;
use crate::gallery::search::{Assignment, MatchParams};
use crate::pipeline::{Pipeline, Recognition, RecognizeParams};
use crate::roster::Roster;
use crate::worker::Workers;

/// Something read from a file that may change while the service runs.
pub trait Source<T>: Send + Sync {
    /// What is in use now; a photo is answered by one and the same from start to end.
    fn current(&self) -> Arc<T>;
    /// Why the file that lies there now is not in use, if it is not.
    fn trouble(&self) -> Option<String>;
}

/// A source that never changes.
pub struct Fixed<T>(pub Arc<T>);

impl<T: Send + Sync> Source<T> for Fixed<T> {
    fn current(&self) -> Arc<T> {
        Arc::clone(&self.0)
    }

    fn trouble(&self) -> Option<String> {
        None
    }
}

/// All that handlers need.
pub struct App {
    /// The checked settings.
    pub config: Config,
    /// Cosine distance below which a face is a person's: the setting, or else the model's own.
    pub threshold: f32,
    /// The networks.
    pub pipeline: Pipeline,
    /// The enrolled people.
    pub gallery: Box<dyn Source<Gallery>>,
    /// The names' IDs.
    pub roster: Box<dyn Source<Roster>>,
    /// The threads that run the networks.
    pub workers: Workers,
    /// Bytes of uploads that may be in memory.
    pub uploads: UploadBudget,
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
        RecognizeParams { min_probability: self.config.min_probability, max_faces: None, matching }
    }

    /// Has a worker find out who is in the photo.
    ///
    /// # Errors
    /// [`crate::error::Error::Busy`] when there is no room, else what [`Pipeline::recognize`] says.
    pub async fn recognize(&self, upload: ImageUpload, params: RecognizeParams) -> Result<Answer> {
        let app = self.clone();
        let job = self.workers.submit(move || {
            let (gallery, roster) = (app.gallery.current(), app.roster.current());
            let recognition = app.pipeline.recognize(&upload.bytes, &gallery, &params)?;
            Ok(Answer { recognition, gallery, roster })
        });
        job?.await
    }
}
