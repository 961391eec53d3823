//! People in PostgreSQL: what the database adds to what each store promises.

use std::sync::Arc;
use std::thread;

use facerec::config::DatabaseParams;
use facerec::error::Error;
use facerec::gallery::backend::PeopleBackend;
use facerec::gallery::{Gallery, Recipe};
use facerec::postgres::{Database, PostgresPeople, stored_recipe};

use crate::support::faces::{embedding, person, recipe};
use crate::support::postgres::{Cluster, TestDatabase, database, open, params};
use crate::support::server::wait_until;
use crate::support::tls;

mod access_log;
mod commands;
mod conflicts;
mod crash;
mod cut_commit;
mod faults;
mod keys;
mod migrate;
mod replicas;
mod roster;
mod serve;
mod thousand;
mod thumbnails;

fn people(database: Database) -> PostgresPeople {
    PostgresPeople::open(database, &recipe(), Ok).unwrap()
}

fn enrol(store: &PostgresPeople, name: &str, seed: u64) -> Result<Arc<Gallery>, Error> {
    let person = person(name, &[embedding(seed)]);
    store.edit(Box::new(move |gallery| gallery.with_person(person)))
}

fn has(store: &PostgresPeople, name: &str) -> bool {
    store.current().people().iter().any(|person| person.name.as_str() == name)
}

fn refused(opened: facerec::error::Result<PostgresPeople>) -> Error {
    opened.err().expect("it was opened")
}

#[test]
fn tables_are_made_once_whoever_comes_first() {
    let Some(database) = database() else { return };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(stored_recipe(&database.open()).unwrap().is_none()));
        }
    });
    assert_eq!(database.sql("select count(*), max(version) from facerec.migrations"), "7|7");
}

#[test]
fn tables_of_a_newer_version_are_left_alone() {
    let Some(database) = database() else { return };
    drop(people(database.open()));
    database.sql("insert into facerec.migrations (version) values (99)");
    let error = refused(PostgresPeople::open(database.open(), &recipe(), Ok)).to_string();
    assert_eq!(
        error,
        "the database: expected tables of version 7 or older, found 99: a newer facerec made them"
    );
}

#[test]
fn one_database_holds_embeddings_of_one_recipe() {
    let Some(database) = database() else { return };
    drop(people(database.open()));
    let other = Recipe { model: "vggface2".to_owned(), ..recipe() };
    let store = PostgresPeople::open(database.open(), &other, Ok).unwrap();
    assert_eq!(*store.current().recipe(), recipe(), "the one that the database began with");
    assert_eq!(stored_recipe(&database.open()).unwrap(), Some(recipe()));
    let second = "do $$ begin insert into facerec.recipe (model, margin_px) values ('vggface2', 32);
        exception when unique_violation then return; end $$";
    database.sql(second);
    assert_eq!(database.sql("select count(*) from facerec.recipe"), "1");
}

#[test]
fn an_id_that_the_database_does_not_take_spoils_no_other_edit() {
    use facerec::student_id::StudentId;
    let Some(database) = database() else { return };
    let store = people(database.open());
    let mut odd = person("Ada", &[embedding(1)]);
    odd.student_id = StudentId::from_text("a\0b");
    let error = store.edit(Box::new(move |gallery| gallery.with_person(odd))).unwrap_err();
    assert_eq!(error.to_string(), "expected an ID without the character U+0000, found one with it");
    enrol(&store, "Grace", 2).unwrap();
}

#[test]
fn what_is_stored_and_can_not_be_used_is_refused() {
    let Some(database) = database() else { return };
    enrol(&people(database.open()), "Ada", 1).unwrap();
    database.sql("update facerec.photos set embedding = set_byte(embedding, 3, 127)");
    let error = refused(PostgresPeople::open(database.open(), &recipe(), Ok)).to_string();
    assert!(error.starts_with("the database: expected embeddings of norm 1, found "), "{error}");
}

#[test]
fn passwords_and_certificates_are_asked_for() {
    let Some(mut cluster) = Cluster::start() else { return };
    cluster.sql("postgres", "create role facerec login password 'p@ss word'");
    cluster.sql("postgres", "create database school owner facerec");
    let data = cluster.data();
    for (file, name) in [("first.pem", "server.crt"), ("first.key", "server.key")] {
        let of_server = data.join(name);
        std::fs::copy(tls::file(file), &of_server).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&of_server, mode).unwrap();
        let owner = std::fs::metadata(&data).unwrap();
        let (user, group) =
            (std::os::unix::fs::MetadataExt::uid(&owner), std::os::unix::fs::MetadataExt::gid(&owner));
        std::os::unix::fs::chown(&of_server, Some(user), Some(group)).unwrap();
    }
    std::fs::write(
        data.join("pg_hba.conf"),
        "local all postgres trust\nhostssl school facerec all scram-sha-256\n",
    )
    .unwrap();
    cluster.sql("postgres", "alter system set ssl to on");
    cluster.kill();
    cluster.resume();

    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, "p@ss word\n").unwrap();
    let with = |mode: &str, host: &str, ca: Option<&str>| DatabaseParams {
        password_file: Some(password_file.clone()),
        ca_file: ca.map(tls::file),
        ..params(&format!("postgres://facerec@{host}:{}/school?sslmode={mode}", cluster.port))
    };
    let recipe_of = |params: &DatabaseParams| stored_recipe(&Database::new(params).unwrap());
    recipe_of(&with("require", "127.0.0.1", None)).unwrap();
    recipe_of(&with("verify-full", "localhost", Some("first.pem"))).unwrap();
    for (params, expected, passes) in [
        (with("disable", "127.0.0.1", None), "no pg_hba.conf entry", true),
        (with("verify-full", "localhost", Some("second.pem")), "certificate", false),
        (DatabaseParams { password_file: None, ..with("require", "127.0.0.1", None) }, "password", false),
    ] {
        let error = recipe_of(&params).expect_err(expected);
        assert_eq!(matches!(error, Error::Unavailable(_)), passes, "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let without =
        Database::new(&with("verify-full", "localhost", None)).err().expect("a CA is needed").to_string();
    assert!(without.starts_with("sslmode=verify-full: expected --database-ca-file"), "{without}");
    std::fs::write(&password_file, "another").unwrap();
    let error = recipe_of(&with("require", "127.0.0.1", None)).unwrap_err().to_string();
    assert!(error.contains("password authentication failed") && !error.contains("another"), "{error}");
}

#[test]
fn without_the_database_people_are_there_and_can_not_be_changed() {
    let Some(mut cluster) = Cluster::start() else { return };
    let store = people(open(&cluster.url("postgres")));
    enrol(&store, "Ada", 1).unwrap();
    cluster.kill();
    wait_until("the loss is noticed", || store.status().error.is_some());
    assert!(has(&store, "Ada"));
    let error = enrol(&store, "Grace", 2).unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
    assert!(matches!(store.ensure_writable(), Err(Error::Unavailable(_))));
    cluster.resume();
    wait_until("it is back", || store.status().error.is_none());
    enrol(&store, "Grace", 2).unwrap();
    drop(store);
    let again = people(open(&cluster.url("postgres")));
    assert!(has(&again, "Ada") && has(&again, "Grace"), "what was acknowledged is there after the crash");
}

#[test]
fn a_promoted_standby_takes_over() {
    let Some(mut cluster) = Cluster::start() else { return };
    let standby = cluster.standby();
    let url = format!("postgres://postgres@{},{}/postgres", cluster.host(), standby.host());
    let store = people(open(&url));
    enrol(&store, "Ada", 1).unwrap();
    let written = cluster.sql("postgres", "select pg_current_wal_lsn()");
    let has_it = format!("select pg_last_wal_replay_lsn() >= '{written}'");
    wait_until("the standby has her", || standby.sql("postgres", &has_it) == "t");
    cluster.kill();
    wait_until("the loss is noticed", || store.status().error.is_some());
    standby.promote();
    wait_until("the standby is used", || store.status().error.is_none());
    enrol(&store, "Grace", 2).unwrap();
    assert_eq!(
        standby.sql("postgres", "select string_agg(name, ',' order by position) from facerec.people"),
        "Ada,Grace"
    );
}

/// One that was promoted before it had everything: its later history is another one, under the same numbers.
#[test]
fn a_history_that_took_the_place_of_another_is_read_whole() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    enrol(&store, "Ada", 1).unwrap();
    enrol(&store, "Grace", 2).unwrap();
    lose_the_last_commit(&database);
    enrol(&people(database.open()), "Mary", 3).unwrap();
    wait_until("the other history is noticed", || has(&store, "Mary"));
    assert!(has(&store, "Ada") && !has(&store, "Grace"));
    enrol(&store, "Grace", 2).unwrap();
}

fn lose_the_last_commit(database: &TestDatabase) {
    database.sql(
        "begin; set search_path to facerec;
         delete from people where name = 'Grace';
         delete from commits where revision = 2;
         update state set (revision, token) = (select revision, token from commits where revision = 1);
         commit",
    );
}
