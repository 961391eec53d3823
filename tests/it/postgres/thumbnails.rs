//! Thumbnails that several processes share.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use facerec::error::Error;
use facerec::gallery::Person;
use facerec::gallery::backend::PeopleBackend;
use facerec::postgres::PostgresPeople;
use facerec::thumbnails::{Thumbnail, ThumbnailStore};

use super::people;
use super::serve::{enrol, sample_people};
use crate::support::faces::{embedding, person};
use crate::support::postgres::{Cluster, database, open};
use crate::support::server::{Answer, Server, wait_until};

/// Enrols somebody with one photo and its thumbnail, in one commit.
fn enrol_with(store: &PostgresPeople, name: &str, seed: u64) -> Person {
    let new = person(name, &[embedding(seed)]);
    let (added, thumbnails) = (new.clone(), store.thumbnails());
    let thumbnail = Thumbnail { photo_id: new.photos[0].id.to_string(), png: vec![7; 50 << 10] };
    store
        .edit(Box::new(move |gallery| {
            let newer = gallery.with_person(added)?;
            thumbnails.keep_with_edit(&Arc::from([thumbnail]));
            Ok(newer)
        }))
        .unwrap();
    new
}

fn has(store: &PostgresPeople, of: &Person) -> bool {
    store.thumbnails().ids().contains(&of.photos[0].id)
}

#[test]
fn other_processes_learn_which_photos_have_one_with_the_change() {
    let Some(database) = database() else { return };
    let (a, b) = (people(database.open()), people(database.open()));
    let ada = enrol_with(&a, "Ada", 1);
    wait_until("b has Ada", || b.current().len() == 1);
    assert!(has(&b, &ada), "they come with the people");
    assert_eq!(b.thumbnails().read(&ada.photos[0].id).unwrap().unwrap(), vec![7; 50 << 10]);
    let id = ada.id.clone();
    b.edit(Box::new(move |gallery| gallery.without_person(&id))).unwrap();
    assert!(!has(&b, &ada));
    wait_until("a has lost Ada", || a.current().is_empty());
    assert!(!has(&a, &ada));
    assert_eq!(database.sql("select count(*) from facerec.thumbnails"), "0");

    // One that comes later than its photo.
    let grace = person("Grace", &[embedding(2)]);
    let added = grace.clone();
    a.edit(Box::new(move |gallery| gallery.with_person(added))).unwrap();
    let new = [Thumbnail { photo_id: grace.photos[0].id.to_string(), png: vec![1] }];
    a.thumbnails().keep(&grace.id, &new, &|| a.current()).unwrap();
    assert!(has(&a, &grace));
    wait_until("b knows it", || has(&b, &grace));
    assert_eq!(*a.current(), *b.current());
}

#[test]
fn a_process_of_another_history_reads_anew_which_photos_have_one() {
    let Some(database) = database() else { return };
    let (a, b) = (people(database.open()), people(database.open()));
    let ada = enrol_with(&a, "Ada", 1);
    wait_until("b has Ada", || has(&b, &ada));
    database.sql(
        "begin; set search_path to facerec; delete from thumbnails; delete from commits;
         update state set revision = 9, token = 9; insert into commits (revision, token) values (9, 9); commit",
    );
    wait_until("both know that it is gone", || !has(&a, &ada) && !has(&b, &ada));
}

/// As an older facerec does, which knows no thumbnails, and as an administrator may.
#[test]
fn whoever_deletes_a_photo_deletes_its_thumbnail() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    let (_ada, grace) = (enrol_with(&store, "Ada", 1), enrol_with(&store, "Grace", 2));
    database.sql("delete from facerec.people where name = 'Ada'");
    assert_eq!(database.sql("select photo_id from facerec.thumbnails"), grace.photos[0].id.to_string());
    database.sql("delete from facerec.photos");
    assert_eq!(database.sql("select count(*) from facerec.thumbnails"), "0");
}

#[test]
fn without_the_database_it_is_known_which_photos_have_one_and_reading_them_goes_on_later() {
    let Some(mut cluster) = Cluster::start() else { return };
    let store = people(open(&cluster.url("postgres")));
    let ada = enrol_with(&store, "Ada", 1);
    let read = || store.thumbnails().read(&ada.photos[0].id);
    assert!(read().unwrap().is_some());
    // The connection of before has ended, and nobody has noticed.
    cluster.sql(
        "postgres",
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'facerec'",
    );
    wait_until("it is read again", || matches!(read(), Ok(Some(_))));
    cluster.kill();
    let error = read().unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(has(&store, &ada));
    cluster.resume();
    wait_until("the database is back", || store.status().error.is_none());
    assert!(read().unwrap().is_some());
}

/// 3 s of silence where there is a connection, 5 s to connect again, for all of them together.
#[test]
fn a_database_that_hangs_is_noticed_and_all_readers_end_soon() {
    let Some(cluster) = Cluster::start() else { return };
    for ended in [false, true] {
        let store = people(open(&cluster.url("postgres")));
        let ada = enrol_with(&store, &format!("Ada {ended}"), u64::from(ended));
        store.thumbnails().read(&ada.photos[0].id).unwrap();
        if ended {
            let reading = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select png%' and pid <> pg_backend_pid()";
            assert!(cluster.sql("postgres", reading).contains('t'));
        }
        cluster.signal("STOP");
        let begun = Instant::now();
        let errors: Vec<Error> = thread::scope(|scope| {
            let read = || store.thumbnails().read(&ada.photos[0].id).unwrap_err();
            let readers: Vec<_> = (0..6).map(|_| scope.spawn(read)).collect();
            readers.into_iter().map(|reader| reader.join().unwrap()).collect()
        });
        let (took, noticed) = (begun.elapsed(), store.status().error.is_some());
        cluster.signal("CONT");
        assert!(errors.iter().all(|error| matches!(error, Error::Unavailable(_))), "{errors:?}");
        assert!(noticed && took < Duration::from_secs(15), "{took:?}");
        wait_until("it is read again", || store.thumbnails().read(&ada.photos[0].id).is_ok());
    }
}

fn replica(url: &str) -> Server {
    Server::empty(&["--model", "casia", "--keep-thumbnails", "--database-url", url])
}

/// Fetches a thumbnail into the file `to`.
fn fetch(server: &Server, path: &str, to: &Path) -> Answer {
    server.curl(path, &["-o", to.to_str().unwrap()])
}

/// Enrols somebody, and returns the paths of the person and of the thumbnail.
fn enrolled(server: &Server, name: &str, of: &str) -> (String, String) {
    let enrolled = enrol(server, name, of);
    assert_eq!(enrolled.status, 201, "{}", enrolled.body);
    let enrolled = enrolled.json();
    let id = |value: &serde_json::Value| value["id"].as_str().unwrap().to_owned();
    let person = format!("/v1/people/{}", id(&enrolled));
    let thumbnail = format!("{person}/photos/{}/thumbnail", id(&enrolled["photos"][0]));
    (person, thumbnail)
}

#[test]
fn what_one_replica_enrolled_the_other_serves() {
    let Some(mut cluster) = Cluster::start() else { return };
    let (a, b) = (replica(&cluster.url("postgres")), replica(&cluster.url("postgres")));
    let (person, path) = enrolled(&a, "Ada Example", &sample_people()[0]);
    let known = |server: &Server| server.get(&person).body.contains(r#""thumbnail":true"#);
    assert!(known(&a), "at once where it was answered");
    wait_until("the other knows it", || known(&b));
    let files = tempfile::tempdir().unwrap();
    let [of_a, of_b] = ["a", "b"].map(|name| files.path().join(name));
    for (server, file) in [(&a, &of_a), (&b, &of_b)] {
        let answer = fetch(server, &path, file);
        assert_eq!((answer.status, answer.content_type.as_str()), (200, "image/png"));
    }
    let png = std::fs::read(&of_a).unwrap();
    assert_eq!(image::load_from_memory(&png).unwrap().to_rgb8().dimensions(), (160, 160));
    assert!(png == std::fs::read(&of_b).unwrap());
    for server in [&a, &b] {
        assert!(!server.data.path().join("thumbnails").exists());
    }

    cluster.kill();
    let away = b.get(&path);
    assert_eq!((away.status, &away.json()["code"]), (503, &"database_unavailable".into()), "{}", away.body);
    assert!(away.head.contains("retry-after: "), "{}", away.head);
    assert!(known(&b), "lists need no database");
    cluster.resume();
    wait_until("it is served again", || fetch(&b, &path, &of_b).status == 200);

    wait_until("b may delete", || b.curl(&person, &["-X", "DELETE"]).status == 204);
    assert_eq!(b.get(&path).status, 404);
    wait_until("the other has none", || a.get(&path).status == 404);
    assert_eq!(cluster.sql("postgres", "select count(*) from facerec.thumbnails"), "0");
}
