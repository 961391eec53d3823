//! A clock that jumps while the service runs: the program's view of it, by a library loaded before the C
//! library's, so that nobody else's clock moves.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::{enrolled, people, recognized};
use crate::support::http::{Client, grey, post};
use crate::support::say;
use crate::support::server::{Server, facerec, sample_data, sample_folder, wait_until};

/// A day after the beginning of 1970, as where the battery of the clock is empty.
const EMPTY_BATTERY_S: i64 = 24 * 60 * 60;
/// In 2065.
const FAR_AHEAD_S: i64 = 3_000_000_000;

/// Compiles `clock.c`; `None`, with a word in the output, where the built program would not load it.
fn library(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("clock.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/faults/clock.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    if cfg!(all(target_os = "linux", target_env = "gnu")) && compiled.is_ok_and(|status| status.success()) {
        return Some(library);
    }
    say("NOTE: there is no C compiler or no glibc here; a clock that jumps is NOT tested.");
    None
}

/// When the newest person was enrolled, as the service says it.
fn newest_enrolled_at(server: &Server) -> String {
    let page = server.get("/v1/people?limit=1000").json();
    page["people"].as_array().unwrap().last().unwrap()["enrolled_at"].as_str().unwrap().to_owned()
}

#[test]
fn a_clock_that_jumps_loses_nobody_and_cuts_nobody_off() {
    let folder = tempfile::tempdir().unwrap();
    let Some(library) = library(folder.path()) else { return };
    let offset_file = folder.path().join("offset");
    let set_offset = |seconds: i64| std::fs::write(&offset_file, seconds.to_string()).unwrap();
    set_offset(0);
    let mut program = facerec();
    program.env("LD_PRELOAD", library).env("CLOCK_OFFSET_FILE", &offset_file);
    let server = Server::start_as(program, sample_data(), &[]);
    let before = recognized(&server);
    let mut expected = people(&server);
    expected.push(enrolled(&server, "Ada"));

    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    for (time, name, year) in [(EMPTY_BATTERY_S, "Grace", "1970"), (FAR_AHEAD_S, "Joan", "2065")] {
        // An upload that has begun before the jump, and ends after it.
        let request = post(&grey(40, 40));
        let (half, rest) = request.split_at(request.len() / 2);
        let mut client = Client::sending(server.socket(), half);
        set_offset(time - now);
        expected.push(enrolled(&server, name));
        assert!(newest_enrolled_at(&server).starts_with(year), "the clock has jumped");
        client.send(rest);
        assert_eq!(client.answer().status, 200);
        assert_eq!((people(&server), recognized(&server)), (expected.clone(), before.clone()));
    }
    // A changed file is noticed, and not again and again.
    let roster = server.data.path().join("roster.xlsx");
    std::fs::remove_file(&roster).unwrap();
    wait_until("the roster is gone", || server.get("/readyz").json()["roster"] == 0);
    std::fs::copy(sample_folder().join("roster.xlsx"), roster).unwrap();
    wait_until("the roster is back", || server.get("/readyz").json()["roster"] == 7);
    std::thread::sleep(Duration::from_secs(3));
    let read_again = server.log().matches("read again").count();
    assert!(read_again <= 2, "read {read_again} times");

    assert_eq!(expected.iter().collect::<BTreeSet<_>>().len(), expected.len(), "no id came twice");
    assert_eq!(people(&Server::start(server.kill(), &[])), expected, "and with a right clock all are there");
}
