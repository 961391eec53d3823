//! The state of the service, for readiness and metrics.

use super::Service;
use super::file_status::FileStatus;
use crate::access_log;

/// What is loaded and what is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The embedder of the gallery in use.
    pub model: String,
    /// Enrolled people.
    pub people: usize,
    /// Enrolled photos of all people.
    pub photos: usize,
    /// Names in the roster.
    pub roster_entries: usize,
    /// Jobs that wait for a worker.
    pub waiting: usize,
    /// Jobs that run.
    pub running: usize,
    /// Jobs refused because the queue was full.
    pub refused: u64,
    /// Gallery and roster.
    pub files: [FileStatus; 2],
    /// Why thumbnails of deleted photos are still there; `None` where none is.
    pub thumbnails_error: Option<String>,
    /// Whether the access log is written; `None` where there is none.
    pub access_log: Option<access_log::Status>,
}

impl Service {
    /// The state now.
    #[must_use]
    pub fn status(&self) -> Status {
        let people = self.snapshot();
        Status {
            model: people.gallery.recipe().model.clone(),
            people: people.gallery.len(),
            photos: people.gallery.photo_count(),
            roster_entries: people.roster.len(),
            waiting: self.workers().waiting(),
            running: self.workers().running(),
            refused: self.workers().refused(),
            files: [self.people().file_status(), self.roster().file_status()],
            thumbnails_error: self.thumbnails_error(),
            access_log: self.0.access_log.as_ref().map(|log| log.status()),
        }
    }
}
