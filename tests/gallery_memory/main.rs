//! What a large gallery takes, and what an edit of it allocates. A test program of its own, since it counts all
//! allocations of the process: nothing else may run in it.
//!
//! `GALLERY_PHOTOS=160000 cargo test --release --test gallery_memory -- --nocapture` prints time and
//! memory at another size.
#![allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]

#[allow(dead_code, reason = "shared with other test programs")]
#[path = "../common/random.rs"]
mod random;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use facerec::cohort;
use facerec::embed::Embedding;
use facerec::error::Result;
use facerec::gallery::writer::{GALLERY, GalleryWriter};
use facerec::gallery::{EnrolledPhoto, Gallery, Person, PersonUpdate, Recipe, store};
use facerec::nn::EMBEDDING_LEN;
use facerec::person_name::PersonName;
use facerec::process::ProcessStats;
use facerec::reloadable::Reloadable;
use random::Random;

const PHOTOS: u64 = 40_000;
const PHOTOS_PER_PERSON: u64 = 20;
/// Most that an enrolled photo may take, templates, names and ids included: 2.2 KiB, of which the embedding is 2.
const MAX_PHOTO_BYTES: f64 = 2.2 * 1024.0;
/// Most that an edit may allocate, of what the gallery takes.
const MAX_SHARE: f64 = 0.005;

/// Bytes allocated since the start, whether freed since or not.
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
/// Bytes allocated and not freed.
static IN_USE: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: each call is passed on to the system's allocator unchanged; only counters are touched besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        IN_USE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the block came from `alloc` above, and so from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }
}

type Edit = Box<dyn FnOnce(&Gallery) -> Result<Gallery> + Send>;

/// A photo of the person with this number: half of it is the person's own direction.
fn photo(person: u64, seed: u64) -> EnrolledPhoto {
    let mut both = [Random::new(person, 1), Random::new(seed, 0)];
    let mut one = |of: usize| (both[of].next() >> 40) as f32 / 8_388_608.0 - 1.0;
    let values = (0..EMBEDDING_LEN).map(|_| one(0) + one(1)).collect();
    EnrolledPhoto::new(Embedding::new(values).unwrap(), None)
}

fn name(text: &str) -> PersonName {
    PersonName::parse(text).unwrap()
}

fn person(number: u64) -> Person {
    let photos = (0..PHOTOS_PER_PERSON).map(|at| photo(number, number * PHOTOS_PER_PERSON + at)).collect();
    Person::new(name(&format!("Person {number}")), None, photos)
}

fn resident_mib() -> u64 {
    ProcessStats::read().map_or(0, |stats| stats.resident_bytes >> 20)
}

#[test]
fn a_large_gallery_takes_little_more_than_its_embeddings_and_an_edit_half_a_hundredth_of_it() {
    facerec::allocator::give_back_large_buffers();
    let photos = std::env::var("GALLERY_PHOTOS").map_or(PHOTOS, |count| count.parse().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(store::FILE_NAME);
    let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 32 };
    let others = IN_USE.load(Ordering::Relaxed);
    let statistics = concat!(env!("CARGO_MANIFEST_DIR"), "/models/strangers-casia-margin32.safetensors");
    let statistics = Arc::new(cohort::file::read(Path::new(statistics)).unwrap());
    let gallery = Gallery::new(recipe, (0..photos / PHOTOS_PER_PERSON).map(person).collect()).unwrap();
    let gallery = gallery.with_cohort(statistics).unwrap();
    store::write(&path, &gallery).unwrap();
    gallery.prepare();
    let gallery_bytes = IN_USE.load(Ordering::Relaxed) - others;
    let photo_bytes = gallery_bytes as f64 / photos as f64;
    println!("{photo_bytes:.0} bytes a photo");
    assert!(photo_bytes <= MAX_PHOTO_BYTES, "{photo_bytes} bytes a photo");
    let live = Arc::new(Reloadable::with_value(&path, GALLERY, gallery));
    let writer = GalleryWriter::new(Arc::clone(&live));
    assert!(!live.poll() || live.current().len() as u64 == photos / PHOTOS_PER_PERSON);
    println!("{photos} photos: {} MiB, resident {} MiB", gallery_bytes >> 20, resident_mib());

    let middle = live.current().people()[live.current().len() / 2].id.clone();
    let (of, to, from) = (middle.clone(), middle.clone(), middle.clone());
    let added = person(photos);
    let (more, renamed) =
        (photo(0, u64::MAX), PersonUpdate { name: Some(name("Renamed")), ..PersonUpdate::default() });
    let edits: [(&str, Edit); 4] = [
        ("enrol", Box::new(move |gallery| gallery.with_person(added))),
        ("rename", Box::new(move |gallery| gallery.updated(&of, renamed))),
        ("add a photo", Box::new(move |gallery| gallery.with_photos(&to, vec![more]))),
        ("delete", Box::new(move |gallery| gallery.without_person(&from))),
    ];
    for (what, edit) in edits {
        let (before, start) = (ALLOCATED.load(Ordering::Relaxed), Instant::now());
        drop(writer.edit(edit).unwrap());
        let (took, allocated) = (start.elapsed(), ALLOCATED.load(Ordering::Relaxed) - before);
        println!("{what}: {took:.0?}, allocated {} KiB, resident {} MiB", allocated >> 10, resident_mib());
        assert!(
            (allocated as f64) < MAX_SHARE * gallery_bytes as f64,
            "{what}: {allocated} bytes allocated, of a gallery of {gallery_bytes}"
        );
    }
    assert_eq!(*live.current(), store::read(&path).unwrap());
    let found = live.current().person(&middle).cloned();
    assert_eq!(found, None);
}
