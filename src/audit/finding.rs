//! A finding of the audit: what identifies it, and what can be done about it.

use sha2::{Digest, Sha256};

use crate::hex::to_hex;
use crate::person_name::PersonName;

/// Minimum number of photos that count for a person's template; with fewer, [`Finding::FewPhotos`].
pub const MIN_PHOTOS: usize = 2;
/// Bytes of a SHA-256 that make a key: too many for two findings to share one by chance.
const KEY_BYTES: usize = 16;

/// A person of the gallery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonRef {
    /// Id of the person.
    pub id: String,
    /// The name as it is shown.
    pub name: PersonName,
}

/// Something to look at.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Two people whose photos are as alike as one person's.
    SameFace {
        /// In the order of their ids.
        people: [PersonRef; 2],
        /// Probability that two different people are this alike.
        false_match_probability: f64,
    },
    /// A photo that is unlike the person's others.
    UnlikePhoto {
        /// The person it is enrolled for.
        person: PersonRef,
        /// Id of the photo.
        photo_id: String,
        /// Whether it is set aside: kept, and no part of the template.
        set_aside: bool,
        /// Another person whom it would be recognised as.
        looks_like: Option<PersonRef>,
    },
    /// Fewer than [`MIN_PHOTOS`] photos count.
    FewPhotos {
        /// The person.
        person: PersonRef,
        /// Photos that count for the template.
        counting: usize,
        /// Photos that are set aside.
        set_aside: usize,
        /// Photos that count and were enrolled although their quality is low.
        weak: usize,
    },
    /// Fewer than half of the photos that count would be recognised by the person's others, or all of them were enrolled
    /// although their quality is low.
    WeakPhotos {
        /// The person.
        person: PersonRef,
        /// Photos that would be recognised.
        recognised: usize,
        /// Photos that count for the template.
        counting: usize,
        /// Those of them that were enrolled although their quality is low.
        weak: usize,
    },
    /// A name of the roster of which no face is enrolled.
    NameWithoutFace {
        /// As in the roster.
        name: PersonName,
    },
    /// A person whose name is not in the roster.
    FaceWithoutName {
        /// The person.
        person: PersonRef,
    },
}

/// What can be done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Delete the photo.
    RemovePhoto,
    /// Move the photo to another person, the one whom it looks like where there is one.
    MovePhoto,
    /// Make one person of the two.
    Merge,
    /// Enrol more photos.
    AddPhotos,
    /// Dismiss the finding: it is not listed again.
    Keep,
}

impl Finding {
    /// The kind as it stands in responses.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::SameFace { .. } => "same_face",
            Self::UnlikePhoto { .. } => "unlike_photo",
            Self::FewPhotos { .. } => "few_photos",
            Self::WeakPhotos { .. } => "weak_photos",
            Self::NameWithoutFace { .. } => "name_without_face",
            Self::FaceWithoutName { .. } => "face_without_name",
        }
    }

    /// Identifies the finding from one audit to the next: 32 hexadecimal digits that follow from the kind and the ids of
    /// people and photo, or the name where nobody is enrolled.
    #[must_use]
    pub fn key(&self) -> String {
        let (_, first, second) = self.order();
        // Neither ids nor names hold control characters.
        let digest = Sha256::digest(format!("{}\0{first}\0{second}", self.kind()));
        to_hex(digest.get(..KEY_BYTES).unwrap_or(&digest))
    }

    /// What can be done about it, the most likely correction first.
    #[must_use]
    pub fn actions(&self) -> &'static [Action] {
        match self {
            Self::SameFace { .. } => &[Action::Merge, Action::Keep],
            Self::UnlikePhoto { looks_like: Some(_), .. } => {
                &[Action::MovePhoto, Action::RemovePhoto, Action::Keep]
            }
            Self::UnlikePhoto { looks_like: None, .. } => {
                &[Action::RemovePhoto, Action::MovePhoto, Action::Keep]
            }
            Self::FewPhotos { .. } | Self::WeakPhotos { .. } => &[Action::AddPhotos, Action::Keep],
            Self::NameWithoutFace { .. } | Self::FaceWithoutName { .. } => &[Action::Keep],
        }
    }

    /// The people it is about.
    pub fn people(&self) -> impl Iterator<Item = &PersonRef> {
        match self {
            Self::SameFace { people, .. } => people.iter(),
            Self::UnlikePhoto { person, .. }
            | Self::FewPhotos { person, .. }
            | Self::WeakPhotos { person, .. }
            | Self::FaceWithoutName { person } => std::slice::from_ref(person).iter(),
            Self::NameWithoutFace { .. } => [].iter(),
        }
    }

    /// Rank of the kind, then ids or the name.
    pub(super) fn order(&self) -> (u8, String, String) {
        match self {
            Self::SameFace { people: [a, b], .. } => (0, a.id.clone(), b.id.clone()),
            Self::UnlikePhoto { person, photo_id, .. } => (1, person.id.clone(), photo_id.clone()),
            Self::FewPhotos { person, .. } => (2, person.id.clone(), String::new()),
            Self::WeakPhotos { person, .. } => (3, person.id.clone(), String::new()),
            Self::NameWithoutFace { name } => (4, name.to_string(), String::new()),
            Self::FaceWithoutName { person } => (5, person.id.clone(), String::new()),
        }
    }
}
