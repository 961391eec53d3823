//! `facerec enroll --add`: more people and photos, into a file and through a running service.

use std::fs;
use std::path::Path;
use std::process::Output;

use facerec::gallery::writer::DirectoryLock;
use facerec::gallery::{EnrolledPhoto, Gallery, Person, store};
use serde_json::{Value, json};

use crate::support::outcome::done;
use crate::support::place::Place;
use crate::support::scripted::Scripted;
use crate::support::server::{Server, facerec, sample_data};
use crate::support::{golden_path, sample};

/// A directory of people: one known person with a known and a new photo, one new person with a photo, a copy of it and one that
/// is none.
fn people() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let put = |person: &str, name: &str, content: Vec<u8>| {
        fs::create_dir_all(directory.path().join(person)).unwrap();
        fs::write(directory.path().join(person).join(name), content).unwrap();
    };
    let golden = |name: &str| fs::read(golden_path("photos").join(name)).unwrap();
    // In another spelling than the gallery's.
    put("barack_OBAMA", "again.jpg", sample("Barack Obama"));
    put("barack_OBAMA", "new.jpg", golden("obama2.jpg"));
    put("Jo", "biden.jpg", golden("biden.jpg"));
    put("Jo", "text.jpg", b"not a photo".to_vec());
    directory
}

/// The sample's people without Joe Biden, so that Jo is new.
fn data() -> tempfile::TempDir {
    let data = sample_data();
    let path = data.path().join("gallery.bin");
    let gallery = store::read(&path).unwrap();
    store::write(&path, &gallery.without_people(|person| person.name.as_str() == "Joe Biden")).unwrap();
    data
}

fn enroll(people: &Path, more: &[&str]) -> Output {
    facerec().arg("enroll").arg(people).args(["--add"]).args(more).output().unwrap()
}

/// The same, to the people of the place.
fn add(place: &Place, people: &Path, more: &[&str]) -> Output {
    place.command(&["enroll", "--add"]).arg(people).args(more).output().unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_str(&done(output)).unwrap()
}

/// What is skipped, and each photo with what became of it.
fn summary(report: &Value) -> (Vec<String>, Vec<(String, String, String)>) {
    let name =
        |path: &Value| Path::new(path.as_str().unwrap()).file_name().unwrap().to_str().unwrap().to_owned();
    let skipped = report["skipped"].as_array().unwrap().iter().map(|skipped| {
        assert_eq!(skipped["why"], "enrolled already");
        name(&skipped["path"])
    });
    let outcomes = report["outcomes"].as_array().unwrap().iter().map(|row| {
        (
            row["person"].as_str().unwrap().to_owned(),
            name(&row["photo"]),
            row["outcome"].as_str().unwrap().to_owned(),
        )
    });
    (skipped.collect(), outcomes.collect())
}

fn row(person: &str, photo: &str, outcome: &str) -> (String, String, String) {
    (person.to_owned(), photo.to_owned(), outcome.to_owned())
}

fn photos(gallery: &Gallery) -> Vec<(String, usize)> {
    gallery.people().iter().map(|person| (person.name.to_string(), person.photos.len())).collect()
}

#[test]
fn people_and_photos_are_added_and_what_is_known_is_skipped() {
    for place in Place::each(data) {
        let people = people();
        let before = place.gallery();
        let dry = report(&add(&place, people.path(), &["--dry-run", "--json"]));
        assert_eq!((&dry["written"], place.gallery() == before), (&false.into(), true));
        let added = report(&add(&place, people.path(), &["--json"]));
        let (skipped, outcomes) = summary(&added);
        assert_eq!(skipped, ["again.jpg"]);
        let expected = [
            row("Jo", "biden.jpg", "enrolled"),
            row("Jo", "text.jpg", "refused"),
            row("Barack Obama", "new.jpg", "enrolled"),
        ];
        assert_eq!(outcomes, expected);
        assert_eq!(
            (&added["enrolled_people"], &added["people"], &added["written"]),
            (&2.into(), &2.into(), &true.into())
        );
        let after = place.gallery();
        assert_eq!(
            photos(&after),
            [("Barack Obama".to_owned(), 2), ("Eileen Collins".to_owned(), 1), ("Jo".to_owned(), 1)]
        );
        assert_eq!(
            (after.recipe(), after.people()[0].id.as_str()),
            (before.recipe(), before.people()[0].id.as_str())
        );

        // Once more: nothing is new, and the photo that is none is all that is refused.
        fs::remove_file(people.path().join("Jo/text.jpg")).unwrap();
        let output = add(&place, people.path(), &[]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(
            said.ends_with("nothing was written: nothing is new\n")
                && said.matches(": enrolled already").count() == 3,
            "{said}"
        );
        assert_eq!(place.gallery(), after);
    }
}

#[test]
fn photos_that_are_known_by_their_faces_alone_are_skipped_too() {
    let (people, data) = (people(), data());
    let path = data.path().join("gallery.bin");
    let gallery = store::read(&path).unwrap();
    // As after the import of a pickle.
    let forgotten = |person: &Person| {
        let photos = person.photos.iter().map(|photo| EnrolledPhoto { source_sha256: None, ..photo.clone() });
        Person { photos: photos.collect(), ..person.clone() }
    };
    let everybody: Vec<Person> = gallery.people().iter().map(|person| forgotten(person)).collect();
    for more in [&[][..], &["--force"]] {
        store::write(&path, &Gallery::new(gallery.recipe().clone(), everybody.clone()).unwrap()).unwrap();
        let arguments = [&["--data", data.path().to_str().unwrap(), "--json"][..], more].concat();
        let added = report(&enroll(people.path(), &arguments));
        assert_eq!(summary(&added).0, ["again.jpg"], "{more:?}");
        assert_eq!(photos(&store::read(&path).unwrap())[0], ("Barack Obama".to_owned(), 2), "{more:?}");
    }
}

#[test]
fn photos_that_stay_refused_are_no_failure_where_everybody_is_enrolled() {
    for place in Place::each(data) {
        let people = people();
        report(&add(&place, people.path(), &["--json"]));
        // Jo's text is refused again.
        let again = report(&add(&place, people.path(), &["--json"]));
        assert_eq!((&again["photos"], &again["enrolled_photos"]), (&1.into(), &0.into()));
        fs::rename(people.path().join("Jo"), people.path().join("Mary")).unwrap();
        fs::remove_file(people.path().join("Mary/biden.jpg")).unwrap();
        let output = add(&place, people.path(), &["--json"]);
        assert_eq!(output.status.code(), Some(1));
        let report: Value = serde_json::from_slice(&output.stdout).expect("one report, no second object");
        assert_eq!(report["left_out"][0]["name"], "Mary");
        assert!(String::from_utf8_lossy(&output.stderr).contains("nobody was enrolled; nothing was written"));
    }
}

#[test]
fn an_error_is_json_where_json_is_asked_for() {
    let data = data();
    let output = enroll(Path::new("/nowhere"), &["--data", data.path().to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(error["error"].as_str().unwrap().contains("/nowhere"), "{error}");
}

#[test]
fn a_locked_directory_says_how_to_add_through_the_service() {
    let (people, data) = (people(), data());
    let _lock = DirectoryLock::acquire(data.path()).unwrap();
    let output = enroll(people.path(), &["--data", data.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("is writing to this data directory"), "{said}");
    assert!(said.contains("--add --url http://127.0.0.1:5000`"), "{said}");
}

#[test]
fn people_are_added_through_a_running_service_as_often_as_one_likes() {
    let people = people();
    let data = data();
    let keys = data.path().join("keys.toml");
    let key =
        facerec().args(["keys", "new", "office", "--scope", "manage", "--file"]).arg(&keys).output().unwrap();
    let secret = people.path().join(".key");
    fs::write(&secret, &key.stdout).unwrap();
    let server = Server::start(data, &["--api-keys-file", keys.to_str().unwrap()]);
    let url = format!("http://{}/", server.address);
    let refused = enroll(people.path(), &["--url", &url]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("expected an API key of scope manage in --api-key-file"), "{said}");

    let with_key = ["--url", &url, "--api-key-file", secret.to_str().unwrap(), "--json"];
    let added = report(&enroll(people.path(), &with_key));
    let (skipped, outcomes) = summary(&added);
    assert_eq!(skipped, ["again.jpg"]);
    let expected = [
        row("Jo", "biden.jpg", "enrolled"),
        row("Jo", "text.jpg", "refused"),
        row("barack_OBAMA", "new.jpg", "enrolled"),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!((&added["enrolled_people"], &added["model"]), (&2.into(), &Value::Null));
    let path = server.data.path().join("gallery.bin");
    let after = photos(&store::read(&path).unwrap());
    assert_eq!(
        after,
        [("Barack Obama".to_owned(), 2), ("Eileen Collins".to_owned(), 1), ("Jo".to_owned(), 1)]
    );

    // Also by force nothing is enrolled twice.
    fs::remove_file(people.path().join("Jo/text.jpg")).unwrap();
    let again = report(&enroll(people.path(), &[&with_key[..], &["--force"]].concat()));
    assert_eq!((summary(&again).0.len(), &again["photos"], &again["written"]), (3, &0.into(), &false.into()));
    assert_eq!(photos(&store::read(&path).unwrap()), after);

    drop(server);
    let dead = enroll(people.path(), &with_key);
    assert_eq!(dead.status.code(), Some(1));
    let said = String::from_utf8(dead.stderr).unwrap();
    assert!(said.contains("run the same command again when the service runs"), "{said}");
}

/// A directory of one person with these photos.
fn one_person(name: &str, photos: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(name)).unwrap();
    for (file, content) in photos {
        fs::write(directory.path().join(name).join(file), content).unwrap();
    }
    directory
}

#[test]
fn photos_that_are_too_large_together_are_sent_one_by_one() {
    // Of cameras that pad their files: the limit of a form is that of one photo here, 1 MiB.
    let padded = |name: &str, bytes: usize| {
        let mut photo = fs::read(golden_path("photos").join(name)).unwrap();
        assert!(photo.len() < bytes, "{name}: {}", photo.len());
        photo.resize(bytes, 0);
        photo
    };
    let photos = [
        ("1.jpg", padded("obama.jpg", 600 << 10)),
        ("2.jpg", padded("obama2.jpg", 600 << 10)),
        ("3.jpg", padded("obama.jpg", 1100 << 10)),
    ];
    let people = one_person("Ada", &photos);
    let server = Server::empty(&["--max-upload-mib", "1", "--workers", "1", "--queue", "0"]);
    let url = format!("http://{}", server.address);
    let added = report(&enroll(people.path(), &["--url", &url, "--json"]));
    let (skipped, outcomes) = summary(&added);
    let expected =
        [row("Ada", "1.jpg", "enrolled"), row("Ada", "2.jpg", "enrolled"), row("Ada", "3.jpg", "refused")];
    assert_eq!((skipped.len(), outcomes), (0, expected.to_vec()));
    assert_eq!(added["outcomes"][2]["reasons"][0]["reason"], "too_large", "{added}");
    let gallery = store::read(&server.data.path().join("gallery.bin")).unwrap();
    let ada = gallery.people().iter().find(|person| person.name.as_str() == "Ada").unwrap();
    let names: Vec<_> = ada.photos.iter().map(|photo| photo.file_name.as_ref().unwrap().as_str()).collect();
    assert_eq!(names, ["1.jpg", "2.jpg"]);
}

/// What becomes of one photo of Ada with these answers of the service: the requests, the report, the exit code.
fn with_answers(answers: Vec<(u16, Value)>) -> (Vec<String>, Value, Option<i32>) {
    let people = one_person("Ada", &[("1.jpg", b"a photo".to_vec())]);
    let nobody = (200, json!({"people": [], "total": 0}));
    let service = Scripted::start([vec![nobody], answers].concat());
    let output = enroll(people.path(), &["--url", &service.url, "--json"]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (service.asked(), report, output.status.code())
}

#[test]
fn a_person_or_a_gallery_that_changes_meanwhile_is_asked_for_again() {
    let list = "GET /v1/people?limit=1000&offset=0";
    let taken = (409, json!({"code": "name_taken", "person_id": "P1", "detail": "taken"}));
    let conflict = || (409, json!({"code": "conflict", "detail": "the gallery changed; send them again"}));
    let accepted =
        || (201, json!({"id": "P1", "photos": [{"photo": "1.jpg", "outcome": "accepted", "id": "F1"}]}));

    let (asked, report, code) = with_answers(vec![taken, accepted()]);
    assert_eq!(asked, [list, "POST /v1/people", "POST /v1/people/P1/photos"]);
    assert_eq!((summary(&report).1, code), (vec![row("Ada", "1.jpg", "enrolled")], Some(0)));

    let (asked, report, code) = with_answers(vec![conflict(), accepted()]);
    assert_eq!(asked, [list, "POST /v1/people", "POST /v1/people"]);
    assert_eq!((summary(&report).1, code), (vec![row("Ada", "1.jpg", "enrolled")], Some(0)));

    let (asked, report, code) = with_answers(vec![conflict(), conflict()]);
    assert_eq!(asked.len(), 3, "it is not asked for ever");
    assert_eq!((summary(&report).1, code), (vec![row("Ada", "1.jpg", "refused")], Some(1)));
    let reason = &report["outcomes"][0]["reasons"][0];
    assert_eq!(reason["reason"], "conflict");
    assert_eq!(reason["detail"], "the gallery changed; send them again");

    let locked = (409, json!({"code": "data_folder_locked", "detail": "another process is writing"}));
    let (asked, report, code) = with_answers(vec![locked]);
    assert_eq!((asked.len(), code), (2, Some(1)));
    assert_eq!(report["outcomes"][0]["reasons"][0]["reason"], "data_folder_locked");
}
