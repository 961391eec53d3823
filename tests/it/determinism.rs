//! One photo, one answer, to the last bit, on each kernel, whatever else the service does meanwhile.
//!
//! `FACEREC_REPEAT=1000 cargo test --release --test it -- determinism::` is the long version.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use facerec::nn::native::{Isa, Precision};

use crate::support::http::{Client, post_to};
use crate::support::server::{Server, sample_folder};
use crate::support::{golden_path, say};

/// How often the photo is looked at, where [`REPEAT`] does not say.
const REPEATS: usize = 20;
/// The same for the kernel that is many times slower.
const SCALAR_REPEATS: usize = 4;
const REPEAT: &str = "FACEREC_REPEAT";
/// What the other clients have looked at: other sizes, formats and numbers of faces.
const OTHERS: [&str; 3] = ["obama2.jpg", "astronaut.png", "exif_6.jpg"];

fn repeats(by_default: usize) -> usize {
    let given = std::env::var(REPEAT).ok();
    given
        .map_or(by_default, |text| text.parse().unwrap_or_else(|_| panic!("{REPEAT}: {text:?} is no number")))
}

/// Asks who is in a photo, again and again.
struct Asking {
    client: Client,
    request: Vec<u8>,
    /// What was answered, without the times. A float in JSON has all of its bits.
    answers: BTreeSet<String>,
}

impl Asking {
    fn about(photo: PathBuf, server: &Server) -> Self {
        let request = post_to("/v1/recognize?top_k=3", "image/*", &std::fs::read(photo).unwrap());
        Self { client: Client::connect(server.socket()), request, answers: BTreeSet::new() }
    }

    fn once(&mut self) {
        self.client.send(&self.request);
        let answer = self.client.answer();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let (without_times, _) = answer.body.split_once(",\"timings_ms\":").expect("times at the end");
        assert!(without_times.contains("\"distance\":0."), "there are faces: {without_times}");
        self.answers.insert(without_times.to_owned());
    }

    fn while_alive(mut self, running: &Weak<()>) -> BTreeSet<String> {
        while running.strong_count() > 0 {
            self.once();
        }
        self.answers
    }
}

fn is_one_answer(answers: &BTreeSet<String>) {
    assert_eq!(answers.len(), 1, "expected one answer, found {answers:#?}");
}

fn answers_are_bit_equal(isa: Isa, precision: Precision, by_default: usize) {
    if !isa.is_available() {
        say(&format!(
            "NOTE: this CPU can't run the {isa} kernels; whether its answers repeat is NOT checked."
        ));
        return;
    }
    let server = &Server::sample(&["--kernel", isa.name(), "--precision", precision.name()]);
    // Let go of when the main client is done, or has failed.
    let running = Arc::new(());
    std::thread::scope(|scope| {
        let others = OTHERS.map(|name| {
            let (asking, running) =
                (Asking::about(golden_path("photos").join(name), server), Arc::downgrade(&running));
            scope.spawn(move || asking.while_alive(&running))
        });
        let mut asking = Asking::about(sample_folder().join("group.jpg"), server);
        let main = scope.spawn(move || {
            for _ in 0..repeats(by_default) {
                asking.once();
            }
            drop(running);
            asking.answers
        });
        is_one_answer(&main.join().unwrap());
        for other in others {
            is_one_answer(&other.join().unwrap());
        }
    });
}

#[test]
fn the_scalar_kernel_gives_one_answer_under_load() {
    answers_are_bit_equal(Isa::Scalar, Precision::F32, SCALAR_REPEATS);
}

#[test]
fn the_neon_kernel_gives_one_answer_under_load() {
    answers_are_bit_equal(Isa::Neon, Precision::F32, REPEATS);
}

#[test]
fn the_avx2_kernel_gives_one_answer_under_load() {
    answers_are_bit_equal(Isa::Avx2, Precision::F32, REPEATS);
}

#[test]
fn the_avx512_kernel_gives_one_answer_under_load() {
    answers_are_bit_equal(Isa::Avx512, Precision::F32, REPEATS);
}

#[test]
fn the_avx2_kernel_gives_one_answer_under_load_in_integers() {
    answers_are_bit_equal(Isa::Avx2, Precision::Int16, REPEATS);
}

#[test]
fn the_avx512_kernel_gives_one_answer_under_load_in_integers() {
    answers_are_bit_equal(Isa::Avx512, Precision::Int16, REPEATS);
}
