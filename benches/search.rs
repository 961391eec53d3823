//! What the search adds to a photo: 100,000 enrolled photos, one to eight faces, one core.
//! Criterion reports the time of the whole call; divide by the number of faces.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use facerec::embed::Embedding;
use facerec::gallery::search::{Assignment, MatchParams, search};
use facerec::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
use facerec::nn::EMBEDDING_LEN;
use facerec::person_name::PersonName;

const PHOTOS: usize = 100_000;
const PHOTOS_A_PERSON: usize = 4;

fn embedding(seed: u64) -> Embedding {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    Embedding::new((0..EMBEDDING_LEN).map(|_| next()).collect()).expect("random numbers have a direction")
}

fn gallery() -> Gallery {
    let person = |at: usize| {
        let photo = |p: usize| EnrolledPhoto::new(embedding((at * PHOTOS_A_PERSON + p) as u64), None);
        let name = PersonName::parse(&format!("Person {at}")).expect("a plain name");
        Person::new(name, None, (0..PHOTOS_A_PERSON).map(photo).collect())
    };
    let people = (0..PHOTOS / PHOTOS_A_PERSON).map(person).collect();
    let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
    Gallery::new(recipe, people).expect("names and ids differ")
}

fn search_100k(criterion: &mut Criterion) {
    let gallery = gallery();
    gallery.prepare();
    let params = MatchParams { threshold: 0.5, top_k: 3, assignment: Assignment::Unique };
    let mut group = criterion.benchmark_group("search 100,000 photos");
    group.sample_size(20);
    for count in [1, 2, 6, 8, 24] {
        let faces: Vec<Embedding> = (0..count).map(|f| embedding(1_000_000 + f)).collect();
        group.bench_with_input(BenchmarkId::new("faces", count), &faces, |bencher, faces| {
            bencher.iter(|| search(&gallery, faces, &params));
        });
    }
    group.finish();
}

criterion_group!(benches, search_100k);
criterion_main!(benches);
