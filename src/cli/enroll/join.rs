//! Enrolled photos and the people of a database, which services may have changed while the photos were assessed.

use std::collections::HashSet;

use crate::enroll::{GateParams, identity_conflict};
use crate::error::{InputError, Result};
use crate::gallery::{EnrolledPhoto, Gallery, Person};

/// Under which conditions photos were accepted.
pub(super) struct Assessed {
    /// The people whom they were compared with.
    pub(super) base: Gallery,
    /// These people with the accepted photos.
    pub(super) enrolled: Gallery,
    pub(super) params: GateParams,
    /// Photos that look like another person are accepted, too.
    pub(super) force: bool,
}

impl Assessed {
    /// `newest` with the accepted photos.
    ///
    /// # Errors
    /// [`InputError::Conflict`] where a photo could not be accepted any more, since somebody was changed meanwhile.
    pub(super) fn join(&self, newest: &Gallery) -> Result<Gallery> {
        let changes = self.enrolled.changes_since(&self.base);
        let meanwhile = newest.changes_since(&self.base);
        if meanwhile.is_empty() {
            return newest.with_changes(&changes);
        }
        let changed: HashSet<&str> = meanwhile.saved.iter().map(|person| person.id.as_str()).collect();
        changes.saved.iter().try_fold(newest.clone(), |gallery, person| {
            self.with(&gallery, newest, person, &changed).map_err(|found| conflict(person, &found).into())
        })
    }

    /// `gallery` with one person's photos, which are judged again with those who were `changed`; others are as far as they were.
    fn with(
        &self,
        gallery: &Gallery,
        newest: &Gallery,
        person: &Person,
        changed: &HashSet<&str>,
    ) -> Result<Gallery, String> {
        let known = self.base.person(&person.id);
        let photos = self.new_photos(person);
        let name = newest.person(&person.id).map_or(&person.name, |newest| &newest.name);
        if !self.force {
            let near = newest.only(&changed.iter().copied().chain([person.id.as_str()]).collect());
            let reason = identity_conflict(&near, self.params, name, &photos);
            reason.map_or(Ok(()), |reason| Err(reason.to_string()))?;
        }
        let joined = match known {
            Some(_) => gallery.with_photos(&person.id, photos),
            None => gallery.with_person(person.clone()),
        };
        joined.map_err(|error| error.to_string())
    }

    fn new_photos(&self, person: &Person) -> Vec<EnrolledPhoto> {
        let known = self.base.person(&person.id).map_or(0, |known| known.photos.len());
        person.photos[known..].to_vec()
    }
}

fn conflict(person: &Person, found: &str) -> InputError {
    InputError::Conflict(format!(
        "people were changed while the photos were assessed, {} among those whom that concerns: {found}. Nothing was written; run the \
         command again",
        person.name
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::axes::{person, photo};
    use crate::gallery::{PersonUpdate, Recipe};
    use crate::person_name::PersonName;

    /// What somebody else does meanwhile.
    type Change = fn(&Gallery) -> Gallery;

    /// Bob is enrolled, and gets a photo; Ada is new.
    fn assessed(force: bool) -> Assessed {
        let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
        let base = Gallery::new(recipe, vec![person("Bob", 1)]).unwrap();
        let more = base.with_photos(&base.people()[0].id, vec![photo(2)]).unwrap();
        let enrolled = more.with_person(person("Ada", 3)).unwrap();
        Assessed { base, enrolled, params: GateParams::default(), force }
    }

    fn shown(gallery: &Gallery) -> Vec<(&str, usize)> {
        gallery.people().iter().map(|person| (person.name.as_str(), person.photos.len())).collect()
    }

    #[test]
    fn what_others_changed_meanwhile_stays() {
        let assessed = assessed(false);
        let bob = assessed.base.people()[0].id.clone();
        assert_eq!(assessed.join(&assessed.base).unwrap(), assessed.enrolled);
        let name =
            PersonUpdate { name: Some(PersonName::parse("Bobby").unwrap()), ..PersonUpdate::default() };
        let newest = assessed.base.with_person(person("Grace", 4)).unwrap().updated(&bob, name).unwrap();
        let newest = newest.with_photos(&bob, vec![photo(5)]).unwrap();
        let joined = assessed.join(&newest).unwrap();
        assert_eq!(shown(&joined), [("Bobby", 3), ("Grace", 1), ("Ada", 1)]);
    }

    #[test]
    fn what_others_changed_so_that_a_photo_could_not_be_accepted_is_told_and_nothing_is_joined() {
        let same_face = |base: &Gallery| base.with_person(person("Mary", 3)).unwrap();
        let same_name = |base: &Gallery| base.with_person(person("ADA", 6)).unwrap();
        let same_photo = |base: &Gallery| base.with_photos(&base.people()[0].id, vec![photo(2)]).unwrap();
        let removed = |base: &Gallery| base.without_person(&base.people()[0].id).unwrap();
        let changes: [Change; 4] = [same_face, same_name, same_photo, removed];
        let expected = [
            ("Mary", true),
            ("a person of this name", false),
            ("same_photo_again", true),
            ("no person", false),
        ];
        for (change, (expected, force_helps)) in changes.into_iter().zip(expected) {
            let assessed_strictly = assessed(false);
            let found = assessed_strictly.join(&change(&assessed_strictly.base)).unwrap_err().to_string();
            let told = found.contains("people were changed while the photos were assessed");
            assert!(told && found.contains(expected), "{expected}: {found}");
            let forced = assessed(true);
            assert_eq!(forced.join(&change(&forced.base)).is_ok(), force_helps, "{expected}");
        }
    }
}
