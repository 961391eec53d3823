//! Made-up people for unit tests, no two of whom are alike: the embeddings of their photos are axes.

use super::person::{EnrolledPhoto, Person};
use crate::embed::Embedding;
use crate::nn::EMBEDDING_LEN;
use crate::person_name::PersonName;

/// A photo of the face along this axis, 0 to 511.
pub(crate) fn photo(axis: usize) -> EnrolledPhoto {
    let value = |at: usize| f32::from(u8::from(at == axis));
    EnrolledPhoto::new(Embedding::new((0..EMBEDDING_LEN).map(value).collect()).unwrap(), None)
}

/// Somebody with one such photo.
pub(crate) fn person(name: &str, axis: usize) -> Person {
    Person::new(PersonName::parse(name).unwrap(), None, vec![photo(axis)])
}
