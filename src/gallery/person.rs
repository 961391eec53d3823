//! A person and the person's photos, as a gallery holds them.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::civil::Date;

use crate::embed::{Embedding, Packed};
use crate::error::{Error, InputError, Result};
use crate::file_name::FileName;
use crate::nn::EMBEDDING_LEN;
use crate::person_name::PersonName;
use crate::photo_id::PhotoId;
use crate::student_id::StudentId;

/// The longest id of a person or a photo, bytes; a ULID has 26.
pub(super) const MAX_ID_BYTES: usize = 64;

/// How a gallery's embeddings were computed; probes are cropped and standardised the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Name of the embedder: `casia` or `vggface2`.
    pub model: String,
    /// SHA-256 of the model's file; `None` for an imported gallery, where it is unknown.
    pub model_sha256: Option<[u8; 32]>,
    /// facenet-pytorch's `margin`: pixels of the 160-pixel crop.
    pub margin_px: u32,
}

/// One enrolled photo of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrolledPhoto {
    /// ULID, sortable by the time of enrolment.
    pub id: PhotoId,
    /// FaceNet's output for the face.
    pub embedding: Embedding,
    /// SHA-256 of the photo's file, to detect duplicates; `None` for imported photos.
    pub source_sha256: Option<[u8; 32]>,
    /// Enrolled although its quality is low: by force, or as the best that there was of the person.
    pub weak: bool,
    /// Name of the photo's file; `None` where it came without one, or from an older version.
    pub file_name: Option<FileName>,
}

impl EnrolledPhoto {
    /// A photo of sufficient quality, with a new id.
    #[must_use]
    pub fn new(embedding: Embedding, source_sha256: Option<[u8; 32]>) -> Self {
        Self { id: new_id().into(), embedding, source_sha256, weak: false, file_name: None }
    }
}

/// An enrolled person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// ULID, sortable by the time of enrolment.
    pub id: String,
    /// The name as it is shown; unique in a gallery.
    pub name: PersonName,
    /// The person's own ID, used where the roster has none.
    pub student_id: Option<StudentId>,
    /// The last day on which the person is recognised; `None` for no end.
    pub expires: Option<Date>,
    /// At least one.
    pub photos: Vec<EnrolledPhoto>,
}

impl Person {
    /// A person with a new id, who does not expire.
    #[must_use]
    pub fn new(name: PersonName, student_id: Option<StudentId>, photos: Vec<EnrolledPhoto>) -> Self {
        Self { id: new_id(), name, student_id, expires: None, photos }
    }

    /// How many photos are weak.
    #[must_use]
    pub fn weak_photos(&self) -> usize {
        self.photos.iter().filter(|photo| photo.weak).count()
    }

    /// For each photo the mean cosine distance to the others; `None` for the only one.
    #[must_use]
    pub fn distances_to_others(&self) -> Vec<Option<f32>> {
        let sum = self.photos.iter().fold(vec![0.0_f64; EMBEDDING_LEN], |mut sum, photo| {
            sum.iter_mut()
                .zip(photo.embedding.values().iter())
                .for_each(|(sum, value)| *sum += f64::from(*value));
            sum
        });
        // Embeddings have norm 1, so one sum over all photos gives each its mean: the work grows with their number only.
        let distance = |photo: &EnrolledPhoto| {
            let own = photo.embedding.values();
            let own = own.iter().map(|value| f64::from(*value));
            let likeness: f64 = own.zip(&sum).map(|(own, sum)| own * (sum - own)).sum();
            let others = self.photos.len().checked_sub(1).filter(|others| *others > 0)?;
            Some((1.0 - likeness / others as f64) as f32)
        };
        self.photos.iter().map(distance).collect()
    }

    /// Lays the embeddings of these people out for searching, one person's after the other's, where it was not done.
    /// [`Gallery`](super::Gallery) does so; who reads many people does it for some at a
    /// time, since packed ones take less memory.
    pub(crate) fn pack<'a>(people: impl IntoIterator<Item = &'a mut Self>) {
        let embeddings = |person: &'a mut Self| {
            person.photos.shrink_to_fit();
            person.photos.iter_mut().map(|photo| &mut photo.embedding).collect()
        };
        let unpacked = people.into_iter().filter(|person| person.packed().is_none());
        let mut unpacked: Vec<Vec<&mut Embedding>> = unpacked.map(embeddings).collect();
        if !unpacked.is_empty() {
            Embedding::pack(&mut unpacked);
        }
    }

    /// The embeddings, where they are laid out for searching.
    pub(super) fn packed(&self) -> Option<&Arc<Packed>> {
        Embedding::packed(self.photos.iter().map(|photo| &photo.embedding))
    }

    /// Takes a photo away that is not the last one.
    pub(super) fn take_photo(&mut self, photo_id: &str) -> Result<EnrolledPhoto> {
        let at = self.photos.iter().position(|photo| photo.id == *photo_id);
        let at = at.ok_or_else(|| {
            InputError::NotFound(format!("the person has no photo with the id {photo_id:?}"))
        })?;
        if self.photos.len() == 1 {
            return Err(InputError::LastPhoto.into());
        }
        Ok(self.photos.remove(at))
    }

    /// Checks the ids and that there is a photo.
    pub(super) fn check(&self) -> Result<()> {
        check_id(&self.id)?;
        if self.photos.is_empty() {
            let message = "a person needs at least one photo, found none";
            return Err(InputError::Invalid(message.to_owned()).into());
        }
        self.check_photo_ids()
    }

    /// Checks that the photos have different, valid ids.
    pub(super) fn check_photo_ids(&self) -> Result<()> {
        let mut ids = HashSet::with_capacity(self.photos.len());
        self.photos.iter().try_for_each(|photo| {
            check_id(&photo.id)?;
            let is_new = ids.insert(photo.id.as_str());
            if is_new { Ok(()) } else { Err(conflict("two photos of a person have the same id")) }
        })
    }
}

/// A change of a person's data; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PersonUpdate {
    /// Another name.
    pub name: Option<PersonName>,
    /// Another ID of the person's own; `Some(None)` removes it.
    pub student_id: Option<Option<StudentId>>,
    /// Another last day; `Some(None)` removes it.
    pub expires: Option<Option<Date>>,
}

/// A new id: a ULID, sortable by the time of its creation.
#[must_use]
pub fn new_id() -> String {
    ulid::Ulid::generate().to_string()
}

/// Ids stand in addresses and in file names: letters, digits, `-` and `_` only.
fn check_id(id: &str) -> Result<()> {
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if plain && (1..=MAX_ID_BYTES).contains(&id.len()) {
        return Ok(());
    }
    let message = format!("expected an id of 1 to {MAX_ID_BYTES} ASCII letters, digits, - or _");
    Err(InputError::Invalid(message).into())
}

/// The error for people or photos that contradict each other.
pub(super) fn conflict(message: &str) -> Error {
    InputError::Conflict(message.to_owned()).into()
}
