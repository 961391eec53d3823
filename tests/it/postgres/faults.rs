//! Servers that hang, settings that are not the usual ones, and what may not be told.

use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use facerec::error::{Error, InputError};
use facerec::gallery::backend::PeopleBackend;
use facerec::postgres::{PostgresPeople, stored_recipe};

use super::{enrol, has, people, refused};
use crate::support::faces::{embedding, person, recipe};
use crate::support::postgres::{Cluster, database, open};
use crate::support::server::{facerec, wait_until};

/// Its system takes connections; nobody answers.
fn silent() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn a_server_that_is_silent_does_not_keep_from_the_next_one() {
    let Some(cluster) = Cluster::start() else { return };
    let silent = silent();
    let first = silent.local_addr().unwrap();
    let url = format!("postgres://postgres@{first},{}/postgres", cluster.host());
    let store = people(open(&url));
    enrol(&store, "Ada", 1).unwrap();
    wait_until("it is followed", || store.status().error.is_none());
}

#[test]
fn a_database_that_hangs_is_noticed_and_its_edits_end_soon() {
    let Some(cluster) = Cluster::start() else { return };
    let store = people(open(&cluster.url("postgres")));
    enrol(&store, "Ada", 1).unwrap();
    cluster.signal("STOP");
    let begun = Instant::now();
    let errors: Vec<Error> = thread::scope(|scope| {
        let edits: Vec<_> = (2..6)
            .map(|seed| {
                let store = &store;
                scope.spawn(move || enrol(store, &format!("Person {seed}"), seed).unwrap_err())
            })
            .collect();
        edits.into_iter().map(|edit| edit.join().unwrap()).collect()
    });
    let took = begun.elapsed();
    let noticed = store.status().error.is_some();
    cluster.signal("CONT");
    assert!(errors.iter().all(|error| matches!(error, Error::Unavailable(_))), "{errors:?}");
    // 3 s of silence and 5 s to connect again, for all of them together.
    assert!(noticed && took < Duration::from_secs(15), "{took:?}");
    wait_until("it is back", || store.status().error.is_none());
    enrol(&store, "Grace", 2).unwrap();
}

#[test]
fn a_signal_ends_a_start_on_a_database_that_is_silent() {
    let silent = silent();
    let url = format!("postgres://facerec@{}/school", silent.local_addr().unwrap());
    let data = tempfile::tempdir().unwrap();
    let mut service = facerec()
        .args(["serve", "--port", "0", "--database-url", &url, "--data"])
        .arg(data.path())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let connected = silent.accept().unwrap();
    let begun = Instant::now();
    let kill = ["-c", "kill -s TERM \"$1\"", "sh", &service.id().to_string()];
    assert!(std::process::Command::new("sh").args(kill).status().unwrap().success());
    let status = service.wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    drop(connected);
}

#[test]
fn a_stricter_isolation_of_the_database_refuses_no_edit() {
    let Some(database) = database() else { return };
    let name = &database.name;
    database.sql(&format!("alter database {name} set default_transaction_isolation to 'serializable'"));
    let stores = [people(database.open()), people(database.open())];
    thread::scope(|scope| {
        for (first, store) in (0..).zip(&stores) {
            scope.spawn(move || {
                for number in 0..20 {
                    enrol(store, &format!("Person {first}-{number}"), first * 100 + number).unwrap();
                }
            });
        }
    });
    assert_eq!(database.sql("select count(*) from facerec.people"), "40");
}

#[test]
fn what_the_server_quotes_of_a_row_is_not_told() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    database.sql("alter table facerec.people add constraint no_grace check (name <> 'Grace Example')");
    let error = enrol(&store, "Grace Example", 1).unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("no_grace") && !said.contains("Grace Example"), "{said}");
}

#[test]
fn a_last_day_that_the_database_does_not_have_spoils_no_other_edit() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    let mut odd = person("Ada", &[embedding(1)]);
    odd.expires = Some("0000-07-31".parse().unwrap());
    let error = store.edit(Box::new(move |gallery| gallery.with_person(odd))).unwrap_err();
    assert!(matches!(&error, Error::Input(InputError::Invalid(_))), "{error:?}");
    assert_eq!(error.to_string(), "expected a last day of the years 1 to 9999, found 0000-07-31");
    enrol(&store, "Grace", 2).unwrap();
}

#[test]
fn a_database_that_can_not_hold_all_names_is_refused() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql("postgres", "create database plain encoding 'SQL_ASCII' template template0");
    let error = stored_recipe(&open(&cluster.url("plain"))).unwrap_err().to_string();
    assert!(error.contains("expected a database with the encoding UTF8, found SQL_ASCII"), "{error}");
}

#[test]
fn a_process_does_not_write_to_tables_that_became_newer_meanwhile() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    enrol(&store, "Ada", 1).unwrap();
    database.sql("insert into facerec.migrations (version) values (99)");
    let others = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                  where datname = current_database() and pid <> pg_backend_pid()";
    database.sql(others);
    // At once the reason may be that the connection was lost; then it is what was found over the next one.
    assert!(enrol(&store, "Grace", 2).is_err());
    let newer = "found 99: a newer facerec made them";
    wait_until("it says so", || store.status().error.is_some_and(|error| error.message.contains(newer)));
    let error = enrol(&store, "Grace", 2).unwrap_err().to_string();
    assert!(error.contains(newer), "{error}");
    assert!(has(&store, "Ada") && !has(&store, "Grace"));
    let error = refused(PostgresPeople::open(database.open(), &recipe(), Ok)).to_string();
    assert!(error.contains("found 99"), "{error}");
}

#[test]
fn a_process_that_reads_all_people_again_does_not_keep_others_from_changing_them() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    enrol(&store, "Ada", 1).unwrap();
    // Reading people waits for this session, which takes no lock of the newest state.
    database.sql("delete from facerec.commits; update facerec.state set token = token + 1");
    let mut holder = database.session("begin; lock table facerec.photos; select pg_sleep(3); commit");
    wait_until("the table is locked", || {
        database.sql("select count(*) from pg_locks where relation = 'facerec.photos'::regclass and mode = 'AccessExclusiveLock'") == "1"
    });
    thread::scope(|scope| {
        let edit = scope.spawn(|| enrol(&store, "Grace", 2));
        let waits =
            "select count(*) from pg_locks where relation = 'facerec.photos'::regclass and not granted";
        wait_until("all people are read", || database.sql(waits) != "0");
        let free = database.sql("begin; select 'free' from facerec.state for update nowait; rollback");
        assert_eq!(free, "free");
        edit.join().unwrap().unwrap();
    });
    holder.wait().unwrap();
    assert!(has(&store, "Ada") && has(&store, "Grace"));
}
