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
    /// Those of it whom the photos were compared with in detail.
    pub(super) near: Gallery,
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
        let compare = || identity_conflict(&self.now_near(gallery), self.params, &self.name, photos);
        let reason = if self.force { None } else { compare() };
        reason.map_or(Ok(()), |reason| conflict(&reason.to_string()))
    }

    /// Those of `gallery` who can be near the photos: who were near, and whoever was changed since. Others are as far as they
    /// were. Edits wait for this, so it must not grow with the gallery.
    fn now_near(&self, gallery: &Gallery) -> Gallery {
        let changes = gallery.changes_since(&self.gallery);
        let near = self.near.people().iter().map(|person| person.id.as_str());
        gallery.only(&near.chain(changes.saved.iter().map(|person| person.id.as_str())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::Recipe;
    use crate::gallery::axes::{person, photo};

    #[test]
    fn photos_are_checked_again_with_those_who_were_near_and_those_who_changed() {
        let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
        let all = (0..400).map(|at| person(&format!("Person {at}"), at)).collect();
        let gallery = Arc::new(Gallery::new(recipe, all).unwrap());
        let near = gallery.only(&[gallery.people()[7].id.as_str()].into());
        let name = PersonName::parse("Ada").unwrap();
        let (params, force) = (GateParams::default(), false);
        let revalidation = Revalidation { gallery: Arc::clone(&gallery), near, params, name, force };
        // Nothing of it concerns the photo.
        let changed = gallery.with_person(person("Grace", 450)).unwrap();
        let changed = changed.without_person(&gallery.people()[9].id.clone()).unwrap();
        let compared = revalidation.now_near(&changed);
        let names: Vec<&str> = compared.people().iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Person 7", "Grace"]);
        revalidation.check(&changed, &[photo(480)]).unwrap();
        // Somebody with this face was enrolled meanwhile.
        let taken = changed.with_person(person("Mary", 480)).unwrap();
        let error = revalidation.check(&taken, &[photo(480)]).unwrap_err().to_string();
        assert!(error.contains("the gallery changed while the photos were assessed"), "{error}");
    }
}
