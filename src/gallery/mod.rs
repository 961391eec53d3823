//! The enrolled people and their embeddings. A [`Gallery`] never changes: an edit makes a new one.

use crate::embed::Embedding;
use crate::student_id::StudentId;

pub mod pickle;
pub mod search;

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

/// An immutable set of people.
#[derive(Debug, Clone)]
pub struct Gallery {
    recipe: Recipe,
    people: Vec<Person>,
}

impl Gallery {
    /// A gallery of `people`, in this order.
    #[must_use]
    pub fn new(recipe: Recipe, people: Vec<Person>) -> Self {
        Self { recipe, people }
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
}
