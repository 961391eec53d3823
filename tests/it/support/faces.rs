//! Made-up embeddings and galleries: the same numbers in each run.

use facerec::embed::Embedding;
use facerec::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
use facerec::nn::EMBEDDING_LEN;
use facerec::person_name::PersonName;

/// xorshift64*: small, and the same on each machine.
pub struct Random(u64);

impl Random {
    /// Any seed will do, but different ones give different numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// -1 to 1.
    pub fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }

    /// 0 to `end - 1`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }
}

/// An embedding in a direction of its own: two seeds are about 1 apart.
pub fn embedding(seed: u64) -> Embedding {
    let mut random = Random::new(seed);
    Embedding::new((0..EMBEDDING_LEN).map(|_| random.float()).collect()).unwrap()
}

/// The embedding `toward` `target` from `from`: at 0 it is `from`, at 1 `target`.
pub fn between(from: &Embedding, target: &Embedding, toward: f32) -> Embedding {
    let (from, target) = (from.values(), target.values());
    let mixed = from.iter().zip(target.iter()).map(|(a, b)| a * (1.0 - toward) + b * toward);
    Embedding::new(mixed.collect()).unwrap()
}

pub fn recipe() -> Recipe {
    Recipe { model: "casia".to_owned(), model_sha256: Some([7; 32]), margin_px: 32 }
}

/// A person with one photo for each embedding.
pub fn person(name: &str, embeddings: &[Embedding]) -> Person {
    let photos = embeddings.iter().map(|e| EnrolledPhoto::new(e.clone(), None)).collect();
    Person::new(named(name), None, photos)
}

/// `Person 0`, `Person 1`, ... with the embeddings of each.
pub fn gallery_of(people: &[Vec<Embedding>]) -> Gallery {
    let people = people.iter().enumerate().map(|(at, photos)| person(&format!("Person {at}"), photos));
    Gallery::new(recipe(), people.collect()).unwrap()
}

/// A name that must be valid.
pub fn named(name: &str) -> PersonName {
    PersonName::parse(name).unwrap()
}
