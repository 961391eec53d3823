//! What the search adds to a photo: 100,000 enrolled photos, one to eight faces, one core.
//! Criterion reports the time of the whole call; divide by the number of faces.

use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use facerec::cohort::file;
use facerec::embed::Embedding;
use facerec::gallery::search::{Assignment, MatchParams, MatchRule, search};
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

fn gallery(people: usize, photos_a_person: usize) -> Gallery {
    let person = |at: usize| {
        let photo = |p: usize| EnrolledPhoto::new(embedding((at * photos_a_person + p) as u64), None);
        let name = PersonName::parse(&format!("Person {at}")).expect("a plain name");
        Person::new(name, None, (0..photos_a_person).map(photo).collect())
    };
    let people = (0..people).map(person).collect();
    let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
    Gallery::new(recipe, people).expect("names and ids differ")
}

fn search_100k(criterion: &mut Criterion) {
    let gallery = gallery(PHOTOS / PHOTOS_A_PERSON, PHOTOS_A_PERSON);
    gallery.prepare();
    let params = MatchParams {
        rule: MatchRule::Distance { threshold: 0.5 },
        top_k: 3,
        assignment: Assignment::Unique,
    };
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

/// By templates, with the statistics that are shipped (90 dimensions). One face; all people have one photo.
fn search_templates(criterion: &mut Criterion) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/strangers-casia-margin32.safetensors");
    let cohort = Arc::new(file::read(Path::new(path)).expect("the file is shipped"));
    let params = MatchParams {
        rule: MatchRule::FalseNameRate { rate: 0.01 },
        top_k: 3,
        assignment: Assignment::Unique,
    };
    let face = [embedding(1_000_000_000)];
    let mut group = criterion.benchmark_group("search by templates");
    group.sample_size(20);
    for people in [1_000, 100_000] {
        let gallery =
            gallery(people, 1).with_cohort(Arc::clone(&cohort)).expect("of the same model and margin");
        gallery.prepare();
        group.bench_with_input(BenchmarkId::new("people", people), &gallery, |bencher, gallery| {
            bencher.iter(|| search(gallery, &face, &params));
        });
    }
    group.finish();
}

criterion_group!(benches, search_100k, search_templates);
criterion_main!(benches);
