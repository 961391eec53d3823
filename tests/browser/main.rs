//! The page in a real Chromium, against the built program with the embedder that is always there.
//!
//! Without Chromium and its driver (Debian: `chromium`, `chromium-driver`) the tests say that they are
//! skipped, and fail where `CI=true`. `FACEREC_SCREENSHOTS=DIR` has them write the README's pictures.

mod access;
mod audit;
mod browser;
mod driver;
mod kiosk;
mod looks;
mod people;
mod recognise;
mod register;
mod roster;
#[path = "../it/support/server.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the other integration tests")]
mod server;
mod sheet;

use std::path::{Path, PathBuf};

use server::Server;

/// A file of `data/sample`.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample").join(name)
}

/// A file of `tests/golden`.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A service that knows these people of the sample and their IDs.
fn service_with(people: &[&str], more: &[&str]) -> Server {
    let data = tempfile::tempdir().unwrap();
    std::fs::copy(sample("roster.xlsx"), data.path().join("roster.xlsx")).unwrap();
    for person in people {
        let folder = data.path().join("people").join(person);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::copy(sample("people").join(person).join("portrait.jpg"), folder.join("portrait.jpg"))
            .unwrap();
    }
    Server::start(data, &[&["--model", "casia"], more].concat())
}

/// Two of the three people in the group photo: the third is a stranger.
const TWO: [&str; 2] = ["Barack Obama", "Joe Biden"];
/// The third.
const STRANGER: &str = "Eileen Collins";
