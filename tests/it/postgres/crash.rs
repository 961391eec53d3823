//! Processes and servers that are killed in the middle of changes.

use std::collections::HashSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use facerec::error::{Error, InputError};
use facerec::gallery::backend::PeopleBackend;

use super::{enrol, has, people};
use crate::support::enrolling_child::kill_after;
use crate::support::postgres::{Cluster, database, open};
use crate::support::server::wait_until;

/// Tell the test binary, started again, that it is to be killed, and how its people are called.
const URL: &str = "FACEREC_TEST_DATABASE";
const FIRST: &str = "FACEREC_TEST_DATABASE_FIRST";
const WRITERS: u64 = 4;

/// The body of a child process: enrols from several threads and says whom, until it is killed.
#[test]
#[ignore = "run by what_a_killed_process_acknowledged_is_there_once, in a process of its own"]
fn child_that_enrols_until_it_is_killed() {
    let url = std::env::var(URL).expect("started by another test");
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = &people(open(&url));
    thread::scope(|scope| {
        for thread in 0..WRITERS {
            scope.spawn(move || {
                for number in (first + thread..).step_by(WRITERS as usize) {
                    enrol(store, &format!("Person {number}"), number).unwrap();
                    let mut out = std::io::stdout().lock();
                    writeln!(out, "enrolled Person {number}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
}

#[test]
fn what_a_killed_process_acknowledged_is_there_once() {
    const KILLS: u64 = 12;
    let Some(database) = database() else { return };
    let other = people(database.open());
    let mut acknowledged = HashSet::new();
    for round in 0..KILLS {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "postgres::crash::child_that_enrols_until_it_is_killed",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(URL, database.url())
            .env(FIRST, (round * 1_000_000).to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        acknowledged.extend(kill_after(&mut process, 1 + round as usize * 5));
        // The lock of the killed process is no obstacle.
        enrol(&other, &format!("After {round}"), 500 + round).unwrap();
        let lost: Vec<_> = acknowledged.iter().filter(|name| !has(&other, name)).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
    }
    let again = people(database.open());
    assert_eq!(*again.current(), *other.current());
    assert_eq!(database.sql("select count(*) = count(distinct name) from facerec.people"), "t");
}

#[test]
fn what_was_acknowledged_survives_a_crash_of_the_server() {
    const EDITORS: u64 = 4;
    let Some(mut cluster) = Cluster::start() else { return };
    let url = cluster.url("postgres");
    let (a, b) = (people(open(&url)), people(open(&url)));
    let acknowledged: Vec<String> = thread::scope(|scope| {
        let editors: Vec<_> = (0..EDITORS)
            .map(|editor| {
                let store = if editor % 2 == 0 { &a } else { &b };
                scope.spawn(move || enrol_until_it_fails(store, editor * 1_000_000))
            })
            .collect();
        wait_until("some are enrolled", || a.current().len() > 40);
        cluster.kill();
        cluster.resume();
        editors.into_iter().flat_map(|editor| editor.join().unwrap()).collect()
    });
    wait_until("it is back", || a.status().error.is_none() && b.status().error.is_none());
    enrol(&a, "After the crash", 7).unwrap();
    wait_until("the other sees it", || has(&b, "After the crash"));
    assert_eq!(*a.current(), *b.current());
    let lost: Vec<_> = acknowledged.iter().filter(|name| !has(&a, name)).collect();
    assert!(acknowledged.len() > 10 && lost.is_empty(), "lost {lost:?} of {}", acknowledged.len());
}

/// The names that were acknowledged. A commit whose answer was lost may be acknowledged after the crash.
fn enrol_until_it_fails(store: &facerec::postgres::PostgresPeople, first: u64) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in first.. {
        let name = format!("Person {number}");
        match enrol(store, &name, number) {
            Ok(_) => acknowledged.push(name),
            Err(Error::Unavailable(_) | Error::Unknown(_)) => break,
            Err(error) => panic!("{error}"),
        }
        if acknowledged.len() > 2000 {
            break; // the crash was over before an edit could notice
        }
    }
    acknowledged
}

/// A client repeats what was not answered: it is refused, not made twice.
#[test]
fn a_repeated_enrolment_is_not_made_twice() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    enrol(&store, "Ada", 1).unwrap();
    let again = enrol(&store, "Ada", 1);
    assert!(matches!(again, Err(Error::Input(InputError::NameTaken { .. }))), "{again:?}");
}
