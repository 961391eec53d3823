//! `facerec migrate`: from `gallery.bin` into a database and back.

use std::fs;
use std::path::Path;
use std::process::Output;

use facerec::attendance::{AttendanceStore, Channel, Correction, SqliteStore, Status};
use facerec::gallery::{Gallery, Person, Recipe, store};
use facerec::postgres::PostgresAttendance;

use super::people;
use crate::attendance::{self, BOTH, class_7a, matched, minutes, photo, stranger};
use crate::support::faces::{embedding, gallery_of, person, recipe};
use crate::support::postgres::database;
use crate::support::server::{facerec, sample_folder};
use facerec::gallery::backend::PeopleBackend;

fn migrate(data: &Path, url: &str, more: &[&str]) -> Output {
    facerec().args(["migrate", "--database-url", url]).args(more).arg("--data").arg(data).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// So many people with two photos each.
fn many(people: u64) -> Gallery {
    let photos: Vec<_> = (0..people).map(|at| vec![embedding(2 * at), embedding(2 * at + 1)]).collect();
    gallery_of(&photos)
}

#[test]
fn people_go_to_the_database_and_come_back_to_the_last_bit() {
    let Some(database) = database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(store::FILE_NAME);
    let gallery = many(450);
    store::write(&file, &gallery).unwrap();
    let bytes = fs::read(&file).unwrap();
    let roster = sample_folder().join("roster.xlsx");
    fs::copy(&roster, folder.path().join("roster.xlsx")).unwrap();
    let output = migrate(folder.path(), &database.url(), &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("450 people with 900 photos are in the database\n"), "{}", said(&output));
    assert_eq!(*people(database.open()).current(), gallery);

    let there = migrate(folder.path(), &database.url(), &["--export"]);
    assert!(said(&there).contains("is there already"), "{}", said(&there));
    let empty = tempfile::tempdir().unwrap();
    let output = migrate(empty.path(), &database.url(), &["--export"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(fs::read(empty.path().join(store::FILE_NAME)).unwrap(), bytes);
    assert_eq!(fs::read(empty.path().join("roster.xlsx")).unwrap(), fs::read(roster).unwrap());
}

#[test]
fn an_interrupted_migration_goes_on_where_it_was() {
    let Some(database) = database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let gallery = many(300);
    store::write(&folder.path().join(store::FILE_NAME), &gallery).unwrap();
    {
        let store = people(database.open());
        let first: Vec<Person> = gallery.people().iter().take(120).map(|person| (**person).clone()).collect();
        store
            .edit(Box::new(move |gallery| {
                first.into_iter().try_fold(gallery.clone(), |gallery, person| gallery.with_person(person))
            }))
            .unwrap();
    }
    for _ in 0..2 {
        let output = migrate(folder.path(), &database.url(), &[]);
        assert!(output.status.success(), "{}", said(&output));
    }
    assert_eq!(*people(database.open()).current(), gallery);
}

#[test]
fn a_database_of_another_recipe_or_with_the_same_names_is_refused() {
    let Some(database) = database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(store::FILE_NAME);
    drop(people(database.open()));
    let others = many(2);
    let vggface2 = Recipe { model: "vggface2".to_owned(), ..recipe() };
    store::write(&file, &Gallery::new(vggface2, others.people().iter().cloned().collect()).unwrap()).unwrap();
    let output = migrate(folder.path(), &database.url(), &[]);
    assert!(!output.status.success());
    assert!(
        said(&output).contains("expected a database with embeddings of the file's recipe"),
        "{}",
        said(&output)
    );

    store::write(&file, &others).unwrap();
    assert!(migrate(folder.path(), &database.url(), &[]).status.success());
    // A name that differs by its case only, too, and nothing is taken over.
    let small = person("person 0", &[embedding(7)]);
    store::write(&file, &Gallery::new(recipe(), vec![small]).unwrap()).unwrap();
    let output = migrate(folder.path(), &database.url(), &[]);
    assert!(said(&output).contains("expected names that nobody in the database has"), "{}", said(&output));
    store::write(&file, &many(1)).unwrap(); // the same name under another id
    let output = migrate(folder.path(), &database.url(), &[]);
    assert!(!output.status.success());
    assert!(said(&output).contains("expected names that nobody in the database has"), "{}", said(&output));
}

#[test]
fn people_whose_data_differ_stay_and_are_named_by_their_id() {
    let Some(database) = database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let gallery = many(2);
    store::write(&folder.path().join(store::FILE_NAME), &gallery).unwrap();
    assert!(migrate(folder.path(), &database.url(), &[]).status.success());
    database.sql("update facerec.people set name = 'Other' where name = 'Person 1'");
    let output = migrate(folder.path(), &database.url(), &[]);
    let expected = format!("{}: the database has other data of this person", gallery.people()[1].id);
    assert!(output.status.success() && said(&output).contains(&expected), "{}", said(&output));
    assert!(!said(&output).contains(&gallery.people()[0].id), "{}", said(&output));
    assert!(said(&output).contains("2 people with 4 photos are in the database"), "{}", said(&output));
}

/// What is in the directory of thumbnails, sorted.
fn thumbnails(data: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(data.join("thumbnails"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn thumbnails_go_to_the_database_with_their_people_and_come_back() {
    let Some(database) = database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let gallery = many(60);
    store::write(&folder.path().join(store::FILE_NAME), &gallery).unwrap();
    fs::create_dir(folder.path().join("thumbnails")).unwrap();
    let keep = |id: &str| {
        fs::write(folder.path().join(format!("thumbnails/{id}.png")), format!("PNG of {id}")).unwrap();
    };
    // Of the first photo of each but one.
    gallery.people().iter().skip(1).for_each(|person| keep(&person.photos[0].id));
    let all = thumbnails(folder.path());
    keep("01JDK5Q2W8E5F6G7H8J9K0M1N2"); // of no photo
    // Interrupted before any thumbnail was taken over, and after all were.
    people(database.open())
        .edit({
            let gallery = gallery.clone();
            Box::new(move |_| Ok(gallery))
        })
        .unwrap();
    for _ in 0..2 {
        let output = migrate(folder.path(), &database.url(), &[]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("59 thumbnails are in the database\n"), "{}", said(&output));
    }
    assert_eq!(database.sql("select count(*) from facerec.thumbnails"), "59");

    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("thumbnails")).unwrap();
    fs::write(other.path().join("thumbnails/01JDK5Q2W8E5F6G7H8J9K0M1N2.png"), "of no photo").unwrap();
    let output = migrate(other.path(), &database.url(), &["--export"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("59 thumbnails are in "), "{}", said(&output));
    assert_eq!(thumbnails(other.path()), all);
}

#[test]
fn an_export_makes_no_tables() {
    let Some(database) = database() else { return };
    let output = migrate(tempfile::tempdir().unwrap().path(), &database.url(), &["--export"]);
    assert!(said(&output).contains("expected people in the database, found none"), "{}", said(&output));
    assert_eq!(database.sql("select to_regnamespace('facerec') is null"), "t");
}

#[test]
fn the_doctor_looks_into_the_database_and_changes_nothing() {
    let Some(database) = database() else { return };
    let doctor = |url: &str| said(&facerec().args(["doctor", "--database-url", url]).output().unwrap());
    assert!(doctor(&database.url()).contains("nobody is enrolled"));
    assert_eq!(database.sql("select to_regnamespace('facerec') is null"), "t");
    let folder = tempfile::tempdir().unwrap();
    store::write(&folder.path().join(store::FILE_NAME), &many(3)).unwrap();
    assert!(migrate(folder.path(), &database.url(), &[]).status.success());
    let found = doctor(&database.url());
    assert!(found.contains("3 people, 6 photos, of the model casia at margin 32"), "{found}");
    let away = doctor("postgres://u:a-secret@127.0.0.1:1/school");
    assert!(away.contains("FAIL  database") && !away.contains("a-secret"), "{away}");
}

#[test]
fn without_an_address_nothing_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let output = facerec().args(["migrate", "--data"]).arg(folder.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(said(&output).contains("expected --database-url, found none"), "{}", said(&output));
}

/// A directory with people, and a closed session of two of them, one of whom was seen and corrected.
fn with_attendance() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    store::write(&folder.path().join(store::FILE_NAME), &many(2)).unwrap();
    let kept = SqliteStore::open(folder.path(), BOTH).unwrap();
    let session = class_7a(&kept);
    let faces = [matched(0, 1, 0.8), stranger(1)];
    kept.mark(&session.id, &photo(1, minutes(1)), &faces, minutes(1)).unwrap();
    let said =
        Correction { status: Some(Status::Excused), by: "Ms Frizzle".into(), note: Some("ill".into()) };
    kept.correct(&session.id, &attendance::person(2).person_id, &said, minutes(2)).unwrap();
    kept.close_session(&session.id, "Ms Frizzle", minutes(50)).unwrap();
    (folder, session.id)
}

/// What a store tells of a session, its people and its messages.
fn told(store: &dyn AttendanceStore, session: &str) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        store.session(session).unwrap(),
        store.entries(session).unwrap(),
        store.corrections(session).unwrap(),
        store.people(None).unwrap(),
        store.groups().unwrap(),
        store.due(Channel::Webhook, minutes(100), 100).unwrap()
    )
}

#[test]
fn attendance_goes_to_the_database_and_comes_back() {
    let Some(database) = database() else { return };
    let (folder, session) = with_attendance();
    let before = told(&SqliteStore::open(folder.path(), BOTH).unwrap(), &session);
    for _ in 0..2 {
        let output = migrate(folder.path(), &database.url(), &[]);
        assert!(output.status.success(), "{}", said(&output));
        let counts = "1 sessions with 4 entries of attendance are in the database\n";
        assert!(said(&output).contains(counts), "{}", said(&output));
    }
    let stored = PostgresAttendance::open(database.open(), BOTH).unwrap();
    assert_eq!(told(&stored, &session), before);

    let empty = tempfile::tempdir().unwrap();
    let output = migrate(empty.path(), &database.url(), &["--export"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(told(&SqliteStore::open(empty.path(), BOTH).unwrap(), &session), before);

    // New rows have new keys, and what is there now is not what is in the file.
    let second = class_7a(&stored);
    stored.mark(&second.id, &photo(2, minutes(1)), &[matched(0, 1, 0.8)], minutes(1)).unwrap();
    let output = migrate(folder.path(), &database.url(), &[]);
    assert!(!output.status.success());
    assert!(said(&output).contains("attendance: expected none"), "{}", said(&output));
}
