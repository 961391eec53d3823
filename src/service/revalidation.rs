//! Whether accepted photos may still be enrolled when the gallery has changed since their assessment.

use std::sync::Arc;

use crate::enroll::{GateParams, identity_conflict};
use crate::error::{InputError, Result};
use crate::gallery::{EnrolledPhoto, Gallery};
use crate::person_name::PersonName;

/// The conditions under which photos were accepted. Two requests that are assessed at the same time don't see each
/// other's person; the second edit revalidates its photos against the first one's gallery.
pub(super) struct Revalidation {
    /// The gallery that the photos were assessed against.
    pub(super) gallery: Arc<Gallery>,
    pub(super) params: GateParams,
    /// The person's name.
    pub(super) name: PersonName,
    /// Accept photos that look like another person.
    pub(super) force: bool,
}

impl Revalidation {
    /// Checks the photos against `gallery`; no network runs.
    ///
    /// # Errors
    /// [`InputError::Conflict`] saying what has changed.
    pub(super) fn check(&self, gallery: &Gallery, photos: &[EnrolledPhoto]) -> Result<()> {
        if std::ptr::eq(&raw const *self.gallery, gallery) {
            return Ok(());
        }
        let conflict = |found: &str| {
            let message =
                format!("the gallery changed while the photos were assessed: {found}; send them again");
            Err(InputError::Conflict(message).into())
        };
        if self.gallery.recipe() != gallery.recipe() {
            return conflict("expected embeddings of the same recipe, found another one");
        }
        let reason =
            if self.force { None } else { identity_conflict(gallery, self.params, &self.name, photos) };
        reason.map_or(Ok(()), |reason| conflict(&reason.to_string()))
    }
}
