//! Data directories of people whose faces are made up: for what runs no network.

use facerec::embed::Embedding;
use facerec::gallery::{EnrolledPhoto, Gallery, Person, Recipe, store};
use facerec::person_name::PersonName;

pub fn recipe(model: &str, margin_px: u32) -> Recipe {
    Recipe { model: model.to_owned(), model_sha256: Some([7; 32]), margin_px }
}

/// A person with two photos, whose faces are like nobody else's.
pub fn person(name: &str) -> Person {
    let seed = name.bytes().fold(1_u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let photo = |number: u32| {
        let value = |at: u32| ((at * 13 + seed.wrapping_mul(number) % 997) as f32).sin();
        let embedding = Embedding::new((0..512).map(value).collect()).unwrap();
        EnrolledPhoto { weak: number == 2, ..EnrolledPhoto::new(embedding, Some([number as u8; 32])) }
    };
    Person::new(PersonName::parse(name).unwrap(), None, vec![photo(1), photo(2)])
}

/// A data directory with these people.
pub fn data(recipe: Recipe, people: Vec<Person>) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    store::write(&data.path().join("gallery.bin"), &Gallery::new(recipe, people).unwrap()).unwrap();
    data
}
