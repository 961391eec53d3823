//! The enrolled people and their embeddings. A [`Gallery`] never changes: an edit makes a new one.

use std::collections::HashSet;
use std::sync::OnceLock;

use crate::embed::Embedding;
use crate::error::{Error, InputError, Result};
use crate::person_name;
use crate::student_id::StudentId;

mod matrix;
pub mod pickle;
pub mod search;
pub mod store;
pub mod writer;

use matrix::Matrix;

/// The longest id of a person or a photo, bytes; a ULID has 26.
const MAX_ID_BYTES: usize = 64;

/// How a gallery's embeddings were made; probes are cut and standardised the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// Name of the embedder: `casia` or `vggface2`.
    pub model: String,
    /// SHA-256 of the model's file; `None` for an imported gallery, whose maker is not known.
    pub model_sha256: Option<[u8; 32]>,
    /// facenet-pytorch's `margin`: pixels of the 160-pixel crop.
    pub margin_px: u32,
}

/// One enrolled photo of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct EnrolledPhoto {
    /// ULID, sortable by the time of enrolment.
    pub id: String,
    /// What the face looks like.
    pub embedding: Embedding,
    /// SHA-256 of the photo's bytes, to notice the same photo again; `None` for imported ones.
    pub source_sha256: Option<[u8; 32]>,
}

impl EnrolledPhoto {
    /// A photo with a new id.
    #[must_use]
    pub fn new(embedding: Embedding, source_sha256: Option<[u8; 32]>) -> Self {
        Self { id: new_id(), embedding, source_sha256 }
    }
}

/// An enrolled person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person {
    /// ULID, sortable by the time of enrolment.
    pub id: String,
    /// The name as it is shown; unique in a gallery.
    pub name: String,
    /// The person's own ID, used where the roster has none.
    pub student_id: Option<StudentId>,
    /// At least one.
    pub photos: Vec<EnrolledPhoto>,
}

impl Person {
    /// A person with a new id.
    ///
    /// # Errors
    /// [`InputError::Invalid`] for a name that [`person_name::parse`] refuses.
    pub fn new(name: &str, student_id: Option<StudentId>, photos: Vec<EnrolledPhoto>) -> Result<Self> {
        Ok(Self { id: new_id(), name: person_name::parse(name)?, student_id, photos })
    }
}

/// A new id: a ULID, sortable by the time of its making.
#[must_use]
pub fn new_id() -> String {
    ulid::Ulid::generate().to_string()
}

/// An immutable set of people.
#[derive(Debug, Clone)]
pub struct Gallery {
    recipe: Recipe,
    people: Vec<Person>,
    /// Made at the first search, or by [`Gallery::prepare`].
    matrix: OnceLock<Matrix>,
}

impl PartialEq for Gallery {
    fn eq(&self, other: &Self) -> bool {
        self.recipe == other.recipe && self.people == other.people
    }
}

impl Gallery {
    /// A gallery of `people`, in this order. Names are brought to one spelling
    /// ([`person_name::normalize`]).
    ///
    /// # Errors
    /// [`InputError::Invalid`] for a bad name or id or a person without a photo,
    /// [`InputError::Conflict`] for a name or an id that is there twice.
    pub fn new(recipe: Recipe, mut people: Vec<Person>) -> Result<Self> {
        for person in &mut people {
            check_person(person)?;
        }
        let gallery = Self { recipe, people, matrix: OnceLock::new() };
        gallery.check_unique()?;
        Ok(gallery)
    }

    /// A gallery without people.
    #[must_use]
    pub fn empty(recipe: Recipe) -> Self {
        Self { recipe, people: Vec::new(), matrix: OnceLock::new() }
    }

    /// How the embeddings were made.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The people, in the order of enrolment.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// How many people there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether nobody is enrolled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// How many photos all people have together.
    #[must_use]
    pub fn photo_count(&self) -> usize {
        self.people.iter().map(|person| person.photos.len()).sum()
    }

    /// The person with this id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// The person with this name, whichever its Unicode form.
    #[must_use]
    pub fn person_by_name(&self, name: &str) -> Option<&Person> {
        let name = person_name::normalize(name);
        self.people.iter().find(|person| person.name == name)
    }

    /// Lays the embeddings out for searching. The first search does it otherwise, and takes longer for it.
    pub fn prepare(&self) {
        self.matrix();
    }

    fn matrix(&self) -> &Matrix {
        self.matrix.get_or_init(|| Matrix::new(&self.people))
    }

    /// With `person` at the end.
    ///
    /// # Errors
    /// [`InputError::NameTaken`]; [`InputError::Conflict`] when the id is taken; [`InputError::Invalid`]
    /// as in [`Gallery::new`].
    pub fn with_person(&self, mut person: Person) -> Result<Self> {
        check_person(&mut person)?;
        self.edited(|people| {
            check_name_free(people, &person.name, &person.id)?;
            people.push(person);
            Ok(())
        })
    }

    /// Without the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub fn without_person(&self, id: &str) -> Result<Self> {
        self.edited(|people| {
            let at = people.iter().position(|person| person.id == id).ok_or_else(|| no_person(id))?;
            people.remove(at);
            Ok(())
        })
    }

    /// With another name for the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::NameTaken`]; [`InputError::Invalid`] for a bad name.
    pub fn renamed(&self, id: &str, name: &str) -> Result<Self> {
        let name = person_name::parse(name)?;
        self.edited(|people| {
            find_mut(people, id)?;
            check_name_free(people, &name, id)?;
            find_mut(people, id)?.name = name;
            Ok(())
        })
    }

    /// With another ID (or none) of the person's own.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub fn with_student_id(&self, id: &str, student_id: Option<StudentId>) -> Result<Self> {
        self.edited(|people| {
            find_mut(people, id)?.student_id = student_id;
            Ok(())
        })
    }

    /// With more photos of the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::Conflict`] when a photo's id is taken.
    pub fn with_photos(&self, id: &str, photos: Vec<EnrolledPhoto>) -> Result<Self> {
        for photo in &photos {
            check_id(&photo.id)?;
        }
        self.edited(|people| {
            find_mut(people, id)?.photos.extend(photos);
            Ok(())
        })
    }

    /// Without one photo of the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::LastPhoto`].
    pub fn without_photo(&self, id: &str, photo_id: &str) -> Result<Self> {
        self.edited(|people| {
            let person = find_mut(people, id)?;
            let at = person.photos.iter().position(|photo| photo.id == photo_id);
            let at = at.ok_or_else(|| {
                InputError::NotFound(format!("the person has no photo with the id {photo_id:?}"))
            })?;
            if person.photos.len() == 1 {
                return Err(InputError::LastPhoto.into());
            }
            person.photos.remove(at);
            Ok(())
        })
    }

    fn edited(&self, edit: impl FnOnce(&mut Vec<Person>) -> Result<()>) -> Result<Self> {
        let mut people = self.people.clone();
        edit(&mut people)?;
        let gallery = Self { recipe: self.recipe.clone(), people, matrix: OnceLock::new() };
        gallery.check_unique()?;
        Ok(gallery)
    }

    fn check_unique(&self) -> Result<()> {
        let mut names = HashSet::with_capacity(self.people.len());
        let mut ids = HashSet::with_capacity(self.people.len());
        let mut photo_ids = HashSet::with_capacity(self.people.len());
        for person in &self.people {
            if !names.insert(person.name.as_str()) {
                return Err(conflict("a person of this name is enrolled already"));
            }
            if !ids.insert(person.id.as_str()) {
                return Err(conflict("two people have the same id"));
            }
            photo_ids.clear();
            if !person.photos.iter().all(|photo| photo_ids.insert(photo.id.as_str())) {
                return Err(conflict("two photos of a person have the same id"));
            }
        }
        Ok(())
    }
}

fn conflict(message: &str) -> Error {
    InputError::Conflict(message.to_owned()).into()
}

/// Whether nobody but the person `id` has the name, which is normalised.
fn check_name_free(people: &[Person], name: &str, id: &str) -> Result<()> {
    match people.iter().find(|person| person.name == name && person.id != id) {
        Some(other) => Err(InputError::NameTaken { person_id: other.id.clone() }.into()),
        None => Ok(()),
    }
}

fn no_person(id: &str) -> InputError {
    let shown: String = id.chars().take(MAX_ID_BYTES).collect();
    InputError::NotFound(format!("there is no person with the id {shown:?}"))
}

fn find_mut<'a>(people: &'a mut [Person], id: &str) -> Result<&'a mut Person> {
    Ok(people.iter_mut().find(|person| person.id == id).ok_or_else(|| no_person(id))?)
}

fn check_person(person: &mut Person) -> Result<()> {
    check_id(&person.id)?;
    person.name = person_name::parse(&person.name)?;
    if person.photos.is_empty() {
        return Err(InputError::Invalid("a person needs at least one photo, found none".to_owned()).into());
    }
    person.photos.iter().try_for_each(|photo| check_id(&photo.id))
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

#[cfg(test)]
mod tests;
