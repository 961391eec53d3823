//! Photos of a directory that are enrolled already, when more are added to a gallery.

use sha2::{Digest, Sha256};

use super::listing::{PeopleListing, Skipped};
use super::{Outcome, Reason};
use crate::gallery::{Gallery, Person};
use crate::photo_file;

/// Why a photo is skipped.
pub const ENROLLED_ALREADY: &str = "enrolled already";

impl PeopleListing {
    /// Without the photos whose files are enrolled for their person. People who are enrolled get their name as the
    /// gallery has it, however the directory spells it.
    ///
    /// Photos of an imported gallery are not known by their files: those are found by their faces when they are judged.
    #[must_use]
    pub fn without_known(mut self, gallery: &Gallery) -> Self {
        for name in &mut self.people {
            if let Some(person) = gallery.person_by_name(name) {
                *name = person.name.clone();
            }
        }
        let mut new = Vec::new();
        for mut photo in self.photos {
            let person = gallery.person_by_name(&photo.name);
            if person.is_some_and(|person| has_file(person, &photo.path)) {
                self.skipped.push(Skipped { path: photo.path, why: ENROLLED_ALREADY.to_owned() });
                continue;
            }
            if let Some(person) = person {
                photo.name = person.name.clone();
            }
            new.push(photo);
        }
        self.photos = new;
        self
    }
}

/// A file that can't be read is found out when it is assessed.
fn has_file(person: &Person, path: &std::path::Path) -> bool {
    let Ok(bytes) = photo_file::read(path) else { return false };
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    person.photos.iter().any(|photo| photo.source_sha256 == Some(sha256))
}

/// Whether a photo was judged to be one that its person has already. It is skipped then, also by force: a directory is
/// enrolled again and again.
pub(super) fn has_already(outcome: &Outcome) -> bool {
    let is_enrolled = |reason: &Reason| matches!(reason, Reason::SamePhotoAgain { photo_id: Some(_), .. });
    match outcome {
        Outcome::Rejected { reasons: found } | Outcome::Accepted { overridden: found, .. } => {
            found.iter().any(is_enrolled)
        }
    }
}
