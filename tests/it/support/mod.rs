//! Shared by the tests.

pub mod altered;
pub mod app;
pub mod checkpoint;
pub mod enrolling_child;
pub mod exposition;
pub mod faces;
pub mod file_server;
pub mod golden;
pub mod http;
pub mod listening;
pub mod made_up;
pub mod models;
pub mod outcome;
pub mod place;
pub mod postgres;
pub mod scripted;
pub mod server;
pub mod tls;

use std::path::PathBuf;

/// A file below `tests/golden`.
pub fn golden_path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// The bytes of a file below `tests/golden`.
pub fn golden_bytes(name: &str) -> Vec<u8> {
    let path = golden_path(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The text of a file of the repository.
pub fn repository_file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The settings file of the documentation.
pub fn documented_sample() -> String {
    let text = repository_file("docs/configuration.md");
    let sample = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    sample.expect("a sample").to_owned()
}

/// The bytes of a photo below `tests/golden/photos`.
pub fn photo(name: &str) -> Vec<u8> {
    golden_bytes(&format!("photos/{name}"))
}

/// The portrait of a person of `data/sample`.
pub fn sample(person: &str) -> Vec<u8> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/sample/people");
    std::fs::read(root.join(person).join("portrait.jpg")).unwrap()
}

/// Says something in the test run's own output, past the capturing of passing tests.
pub fn say(message: &str) {
    use std::io::Write;
    // Nothing depends on it being read.
    let _ = writeln!(std::io::stderr(), "{message}");
}
