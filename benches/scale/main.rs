//! How start, memory, search, enrolment and changes grow with the number of embeddings, in a file and in PostgreSQL.
//!
//! `cargo bench --bench scale -- 1000 10000` measures these sizes and prints a line of CSV for each; `DATABASE_URL` in the environment
//! names an empty database, without which only files are measured. `-- --draw` draws docs/scale.csv as docs/pictures/scale.svg.
//!
//! Each measurement is made in a process of its own, so that its memory is that of one gallery.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use facerec::cohort::{Cohort, file};
use facerec::config::DatabaseParams;
use facerec::embed::Embedding;
use facerec::enroll::{GateParams, identity_conflict};
use facerec::gallery::backend::PeopleBackend;
use facerec::gallery::search::{Assignment, MatchParams, MatchRule, nearest, search};
use facerec::gallery::writer::{GALLERY, GalleryWriter};
use facerec::gallery::{Changes, EnrolledPhoto, Gallery, Person, PersonUpdate, Recipe, store};
use facerec::nn::EMBEDDING_LEN;
use facerec::person_name::PersonName;
use facerec::postgres::{Database, PostgresPeople, analyze};
use facerec::process::ProcessStats;
use facerec::reloadable::Reloadable;

mod graph;

const PHOTOS_A_PERSON: usize = 20;
const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// People written to the database in one edit.
const PEOPLE_AN_EDIT: usize = 1_000;
const ENROLMENTS: usize = 100;
/// Longest that enrolments, and changes, are measured.
const LIMIT: Duration = Duration::from_secs(20);
const CHANGES_FOR: Duration = Duration::from_secs(5);
/// Clients that change people at the same time.
const CLIENTS: usize = 8;
const HEADING: &str = "store,embeddings,start_s,bytes_an_embedding,search_rate_ms,search_distance_ms,enrol_p50_ms,enrol_p95_ms,changes_a_second";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--draw"] => draw(),
        ["--fill", store, size, place] => fill(store, size.parse().expect("a number"), place),
        ["--measure", store, size, place] => measure(store, size.parse().expect("a number"), place),
        [] => all(&SIZES),
        sizes => all(&sizes.iter().map(|size| size.parse().expect("a number")).collect::<Vec<_>>()),
    }
}

/// Each size in each store, in processes of their own.
fn all(sizes: &[usize]) {
    println!("{HEADING}");
    for size in sizes {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().display().to_string();
        let url = std::env::var("DATABASE_URL").ok();
        let stores = [("file", Some(place)), ("database", url)];
        for (store, place) in stores {
            let Some(place) = place else { continue };
            for step in ["--fill", "--measure"] {
                let program = std::env::current_exe().expect("its own path");
                let status = Command::new(program).args([step, store, &size.to_string(), &place]).status();
                assert!(status.expect("it can be started").success(), "{step} {store} {size}");
            }
        }
    }
}

/// A number generator, small and the same on each machine.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// A photo of a person: half of it is the person's own direction, so two photos are 0.5 apart in cosine distance, as in bad light, and
/// those of two people about 1.
fn photo(person: usize, number: usize) -> Embedding {
    let mut own = Random::new(person as u64);
    let mut other = Random::new(((person as u64 + 1) << 20) + number as u64);
    Embedding::new((0..EMBEDDING_LEN).map(|_| own.next() + other.next()).collect()).expect("a direction")
}

fn named(name: &str) -> PersonName {
    PersonName::parse(name).expect("a plain name")
}

fn person(number: usize, photos: usize) -> Person {
    let photos = (0..photos).map(|at| EnrolledPhoto::new(photo(number, at), None)).collect();
    Person::new(named(&format!("Person {number}")), None, photos)
}

fn recipe() -> Recipe {
    Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn cohort() -> Arc<Cohort> {
    let path = repository("models/strangers-casia-margin32.safetensors");
    Arc::new(file::read(&path).expect("the file is shipped"))
}

fn database(url: &str) -> Database {
    let url = url.parse().expect("an address");
    Database::new(&DatabaseParams { url, password_file: None, ca_file: None }).expect("it can be used")
}

fn open_database(url: &str) -> PostgresPeople {
    let cohort = cohort();
    let adapt = move |gallery: Gallery| gallery.with_cohort(Arc::clone(&cohort));
    PostgresPeople::open(database(url), &recipe(), adapt).expect("it can be opened")
}

/// Stores so many embeddings.
fn fill(store: &str, size: usize, place: &str) {
    let people = size / PHOTOS_A_PERSON;
    if store == "file" {
        let all = (0..people).map(|number| person(number, PHOTOS_A_PERSON)).collect();
        let gallery = Gallery::new(recipe(), all).expect("names and ids differ");
        store::write(&Path::new(place).join(store::FILE_NAME), &gallery).expect("the disk has space");
        return;
    }
    let store = PostgresPeople::open(database(place), &recipe(), Ok).expect("it can be opened");
    store.edit(Box::new(|gallery| Ok(gallery.without_people(|_| true)))).expect("it can be emptied");
    let numbers: Vec<usize> = (0..people).collect();
    for some in numbers.chunks(PEOPLE_AN_EDIT) {
        let saved = some.iter().map(|number| Arc::new(person(*number, PHOTOS_A_PERSON))).collect();
        let changes = Changes { saved, removed: Vec::new() };
        store.edit(Box::new(move |gallery| gallery.with_changes(&changes))).expect("they are new");
    }
    analyze(&database(place)).expect("it is there");
}

fn resident() -> u64 {
    ProcessStats::read().map_or(0, |stats| stats.resident_bytes)
}

/// Prints the line of what is stored.
fn measure(store: &str, size: usize, place: &str) {
    facerec::allocator::give_back_large_buffers();
    let (before, begun) = (resident(), Instant::now());
    let people: Box<dyn PeopleBackend> = if store == "file" {
        let path = Path::new(place).join(store::FILE_NAME);
        let (live, cohort) = (Reloadable::open(&path, GALLERY).expect("it was written"), cohort());
        let live = live.adapted(move |gallery: Gallery| {
            let gallery = gallery.with_cohort(Arc::clone(&cohort))?;
            gallery.prepare();
            Ok(gallery)
        });
        Box::new(GalleryWriter::new(Arc::new(live.expect("of one recipe"))))
    } else {
        Box::new(open_database(place))
    };
    let start = begun.elapsed();
    let bytes = (resident().saturating_sub(before)) as f64 / size as f64;
    let gallery = people.current();
    assert_eq!(gallery.photo_count(), size);
    check(&gallery);
    let by_rate = median_ms(&gallery, MatchRule::FalseNameRate { rate: 0.01 }, 50);
    let by_distance = median_ms(&gallery, MatchRule::Distance { threshold: 0.5 }, 30);
    drop(gallery);
    let (p50, p95) = enrolments(&*people);
    let changes = changes(&*people);
    println!(
        "{store},{size},{:.3},{bytes:.0},{by_rate:.3},{by_distance:.3},{p50:.2},{p95:.2},{changes:.1}",
        start.as_secs_f64()
    );
}

/// That the nearest are those of a comparison with every photo.
fn check(gallery: &Gallery) {
    for number in 0..3 {
        let face = photo(number * gallery.len() / 4, 1_000);
        let found = nearest(gallery, std::slice::from_ref(&face), 16);
        let distance = |person: &Arc<Person>| {
            let distances = person.photos.iter().map(|photo| photo.embedding.cosine_distance(&face));
            distances.fold(f32::INFINITY, f32::min)
        };
        let mut all: Vec<(usize, f32)> = gallery.people().iter().map(distance).enumerate().collect();
        all.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        all.truncate(16);
        let found: Vec<(usize, f32)> = found[0].iter().map(|found| (found.person, found.distance)).collect();
        assert_eq!(found, all, "the nearest people");
    }
}

fn median_ms(gallery: &Gallery, rule: MatchRule, times: usize) -> f64 {
    let params = MatchParams { rule, top_k: 3, assignment: Assignment::Unique };
    let mut took: Vec<f64> = (0..times)
        .map(|number| {
            let face = [photo(number * gallery.len() / times, 2_000)];
            let begun = Instant::now();
            let found = search(gallery, &face, &params).expect("there are statistics");
            assert_eq!(found.len(), 1);
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    took[times / 2]
}

/// p50 and p95 of enrolments one after the other, each the comparison with all people and the edit, without the networks; meanwhile
/// another thread searches as fast as it can.
fn enrolments(people: &dyn PeopleBackend) -> (f64, f64) {
    let done = AtomicBool::new(false);
    let mut took = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let rule = MatchRule::FalseNameRate { rate: 0.01 };
            let params = MatchParams { rule, top_k: 3, assignment: Assignment::Unique };
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number += 1;
                search(&people.current(), &[photo(number % 1_000, 3_000)], &params).expect("statistics");
            }
        });
        let begun = Instant::now();
        for number in 0..ENROLMENTS {
            let new = person(10_000_000 + number, 1);
            let one = Instant::now();
            let gallery = people.current();
            assert_eq!(identity_conflict(&gallery, GateParams::default(), &new.name, &new.photos), None);
            people.edit(Box::new(move |gallery| gallery.with_person(new))).expect("somebody new");
            took.push(one.elapsed().as_secs_f64() * 1e3);
            if begun.elapsed() > LIMIT {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    took.sort_by(f64::total_cmp);
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    (at(50), at(95))
}

/// Changes a second by several clients, each of which renames people and waits for the answer.
fn changes(people: &dyn PeopleBackend) -> f64 {
    let (made, begun) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let made = &made;
            scope.spawn(move || {
                let mut number = 0;
                while begun.elapsed() < CHANGES_FOR {
                    let gallery = people.current();
                    let id = gallery.people()[(client + CLIENTS * number) % gallery.len()].id.clone();
                    drop(gallery);
                    let name = Some(named(&format!("Renamed {client} {number}")));
                    let update = PersonUpdate { name, ..PersonUpdate::default() };
                    people.edit(Box::new(move |gallery| gallery.updated(&id, update))).expect("a new name");
                    made.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
            });
        }
    });
    made.into_inner() as f64 / begun.elapsed().as_secs_f64()
}

fn draw() {
    let csv = std::fs::read_to_string(repository("docs/scale.csv")).expect("it is committed");
    std::fs::write(repository("docs/pictures/scale.svg"), graph::draw(&csv)).expect("the folder is there");
}
