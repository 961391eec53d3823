//! `facerec people`: renaming, removing, and taking people from one gallery into another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use facerec::file_name::FileName;
use facerec::gallery::writer::DirectoryLock;
use facerec::gallery::{Gallery, Person, Recipe, store};
use facerec::student_id::StudentId;
use serde_json::Value;

use crate::support::made_up::{data, person, recipe};
use crate::support::outcome::{done, refused};
use crate::support::place::Place;
use crate::support::server::{Server, facerec, sample_data};

fn gallery(data: &Path) -> Gallery {
    store::read(&data.join("gallery.bin")).unwrap()
}

fn names(gallery: &Gallery) -> Vec<&str> {
    gallery.people().iter().map(|person| person.name.as_str()).collect()
}

/// In each kind of place.
fn places(recipe: &Recipe, people: &[Person]) -> Vec<Place> {
    Place::each(|| data(recipe.clone(), people.to_vec()))
}

fn run(place: &Place, arguments: &[&str]) -> Output {
    place.run(&[&["people"], arguments].concat())
}

fn people(arguments: &[&str], data: &Path) -> Output {
    facerec().arg("people").args(arguments).arg("--data").arg(data).output().unwrap()
}

#[test]
fn a_person_is_renamed_unless_somebody_has_the_name_in_any_spelling() {
    let (ada, grace) = (person("Ada Lovelace"), person("Grace Hopper"));
    let ids = [ada.id.clone(), grace.id.clone()];
    for place in places(&recipe("casia", 32), &[ada, grace]) {
        let log = place.folder().join("access.jsonl");
        let with_log = ["rename", &ids[0], "Ada King", "--access-log", log.to_str().unwrap()];
        assert_eq!(done(&run(&place, &with_log)), "renamed Ada Lovelace to Ada King\n");
        assert_eq!(names(&place.gallery()), ["Ada King", "Grace Hopper"]);
        let entry: Value = serde_json::from_str(&fs::read_to_string(&log).unwrap()).unwrap();
        assert_eq!((&entry["action"], &entry["client"]), (&"change".into(), &"local".into()));
        assert_eq!(entry["people"], serde_json::json!([ids[0]]));
        for (id, name, expected) in [
            (ids[0].as_str(), "GRACE_hopper", format!("found that of Grace Hopper ({})", ids[1])),
            (&ids[0], "Ada\u{202e}", "changes the direction of text".to_owned()),
            ("nobody", "X", "found \"nobody\": `facerec people list` has the ids".to_owned()),
        ] {
            let said = refused(&run(&place, &["rename", id, name]));
            assert!(said.contains(&expected), "{said}");
        }
        assert_eq!(names(&place.gallery()), ["Ada King", "Grace Hopper"]);
    }
}

#[test]
fn people_are_removed_all_or_nobody_and_not_without_being_asked() {
    let everybody = ["Ada", "Grace", "Mary"].map(person);
    let ids = everybody.each_ref().map(|person| person.id.clone());
    for place in places(&recipe("casia", 32), &everybody) {
        let said = refused(&run(&place, &["remove", &ids[0]]));
        assert!(said.contains("expected --yes, since there is no terminal to ask on"), "{said}");
        refused(&run(&place, &["remove", &ids[0], "nobody", "--yes"]));
        assert_eq!(place.gallery().len(), 3);
        let removed = run(&place, &["remove", &ids[0], &ids[2], &ids[0], "--yes"]);
        assert_eq!(done(&removed), "removed Ada\nremoved Mary\n");
        assert_eq!(names(&place.gallery()), ["Grace"]);
    }
}

#[test]
fn nobody_is_changed_while_another_process_writes() {
    let ada = person("Ada");
    let id = ada.id.clone();
    let data = data(recipe("casia", 32), vec![ada]);
    let _lock = DirectoryLock::acquire(data.path()).unwrap();
    for arguments in [&["rename", &id, "Eve"][..], &["remove", &id, "--yes"]] {
        let said = refused(&people(arguments, data.path()));
        let expected = format!("another facerec process (pid {}) is writing", std::process::id());
        assert!(said.contains(&expected), "{said}");
    }
    assert_eq!(names(&gallery(data.path())), ["Ada"]);
}

/// From each kind of place into each.
#[test]
fn exported_people_are_imported_as_they_were() {
    let mut ada = person("Ada Lovelace");
    ada.student_id = Some(StudentId::Text("0046".to_owned()));
    ada.expires = Some("2027-07-31".parse().unwrap());
    ada.photos[0].file_name = FileName::of("Ada 1.jpg");
    let mut grace = person("Grace Hopper");
    grace.student_id = Some(StudentId::Number(1.5));
    for from in places(&recipe("casia", 32), &[ada.clone(), grace.clone()]) {
        let file = from.folder().join("people.json");
        let said = done(&run(&from, &["export", "-o", from.folder().to_str().unwrap()]));
        assert_eq!(said, format!("wrote {} (casia, margin 32, 2 people, 4 photos)\n", file.display()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let file = file.to_str().unwrap();
        for to in places(&recipe("casia", 32), &[person("Mary")]) {
            let said = done(&run(&to, &["import", file]));
            let expected = format!("imported 2 people with 4 photos; {} has 3 people now\n", to.shown());
            assert_eq!(said, expected);
            let found = to.gallery();
            assert_eq!(names(&found), ["Mary", "Ada Lovelace", "Grace Hopper"]);
            assert_eq!((&*found.people()[1], &*found.people()[2]), (&ada, &grace));
        }

        // Into nothing, and one of them.
        let said = refused(&run(&from, &["export", &grace.id, "-o", file]));
        assert!(
            said.contains("is there already: expected another file name, or --force to replace it"),
            "{said}"
        );
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
        done(&run(&from, &["export", &grace.id, "-o", file, "--force"]));
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        for new in Place::each_new() {
            done(&run(&new, &["import", file]));
            let found = new.gallery();
            assert_eq!((found.recipe(), names(&found)), (&recipe("casia", 32), vec!["Grace Hopper"]));
        }
    }
}

#[test]
fn a_name_that_a_gallery_holds_is_imported_though_nobody_gets_it_any_more() {
    let from = data(recipe("casia", 32), vec![person("Ada\u{202e}")]);
    let file = from.path().join("people.json");
    done(&people(&["export", "-o", file.to_str().unwrap()], from.path()));
    for to in places(&recipe("casia", 32), &[person("Mary")]) {
        done(&run(&to, &["import", file.to_str().unwrap()]));
        assert_eq!(names(&to.gallery()), ["Mary", "Ada\u{202e}"]);
    }
}

#[test]
fn an_import_that_does_not_fit_changes_nothing() {
    let from = data(recipe("casia", 32), vec![person("Ada"), person("Grace")]);
    let file = from.path().join("people.json");
    let file = file.to_str().unwrap();
    done(&people(&["export", "-o", file], from.path()));
    for (recipe, mary, expected) in [
        (recipe("vggface2", 32), "Mary", "people of the model vggface2 at margin 32"),
        (recipe("casia", 0), "Mary", "at margin 0, as the gallery's, found casia at margin 32"),
        (recipe("casia", 32), "GRACE", "expected people who are not enrolled, found Grace ("),
    ] {
        for to in places(&recipe, &[person(mary)]) {
            let before = to.gallery();
            let said = refused(&run(&to, &["import", file]));
            assert!(said.contains(expected) && said.contains("nobody was imported from"), "{said}");
            assert_eq!(to.gallery(), before);
        }
    }
    let text = fs::read_to_string(file).unwrap();
    let altered = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        value.to_string()
    };
    for (content, expected) in [
        ("hello".to_owned(), "expected a file that `facerec people export` wrote, found "),
        (
            altered(&|file| file["version"] = 9.into()),
            "expected format \"facerec-people\" of version 1, found",
        ),
        (
            altered(&|file| file["people"][1]["name"] = "ADA".into()),
            "a person of this name is enrolled already",
        ),
        (
            altered(&|file| file["people"][0]["photos"][0]["embedding"] = "AAAA".into()),
            "expected embeddings of 512 numbers, found 0",
        ),
        (altered(&|file| file["people"][0]["photos"] = serde_json::json!([])), "at least one photo"),
        (altered(&|file| file["people"][0]["expires"] = "soon".into()), "expected a day in `expires`"),
    ] {
        fs::write(file, content).unwrap();
        for new in Place::each_new() {
            let said = refused(&run(&new, &["import", file]));
            assert!(said.contains(expected), "{said}");
            assert!(new.try_gallery().is_none());
        }
    }
}

#[test]
fn people_of_a_running_service_are_listed_shown_renamed_and_removed() {
    let data = sample_data();
    let keys = data.path().join("keys.toml");
    let key =
        facerec().args(["keys", "new", "office", "--scope", "manage", "--file"]).arg(&keys).output().unwrap();
    let secret = data.path().join("secret");
    fs::write(&secret, &key.stdout).unwrap();
    let local = done(&people(&["list"], data.path()));
    let local_json = done(&people(&["list", "--json"], data.path()));
    let server = Server::start(data, &["--api-keys-file", keys.to_str().unwrap()]);
    let url = format!("http://{}/", server.address);
    let run =
        |arguments: &[&str]| facerec().arg("people").args(arguments).args(["--url", &url]).output().unwrap();
    let said = refused(&run(&["list"]));
    assert!(said.contains("expected an API key of scope manage in --api-key-file"), "{said}");
    let with_key =
        |arguments: &[&str]| run(&[arguments, &["--api-key-file", secret.to_str().unwrap()]].concat());

    let listed = done(&with_key(&["list"]));
    assert_eq!(listed, local);
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let listed_json = json(&done(&with_key(&["list", "--json"])));
    assert_eq!(listed_json, json(&local_json));
    let id = listed_json["people"][0]["id"].as_str().unwrap().to_owned();
    let other = listed_json["people"][1]["id"].as_str().unwrap().to_owned();
    let shown = done(&with_key(&["show", &id]));
    assert_eq!(shown, done(&people(&["show", &id], server.data.path())));
    assert!(shown.starts_with(listed.lines().next().unwrap()) && shown.contains("\n  photo "), "{shown}");
    let shown = json(&done(&with_key(&["show", &id, "--json"])));
    assert_eq!((&shown["id"], shown["photos"].as_array().unwrap().len()), (&Value::from(id.as_str()), 1));

    assert_eq!(done(&with_key(&["rename", &id, "B. Obama"])), "renamed Barack Obama to B. Obama\n");
    assert_eq!(names(&gallery(server.data.path()))[0], "B. Obama");
    let log = server.data.path().join("access.jsonl");
    for (arguments, expected) in [
        (
            &["rename", &other, "b._OBAMA"][..],
            format!("expected a name that nobody has, found that of B. Obama ({id})"),
        ),
        (&["show", "nobody"], "expected the id of an enrolled person, found \"nobody\"".to_owned()),
        (&["show", "../roster"], "expected the id of an enrolled person, found \"../roster\"".to_owned()),
        (&["remove", &id, "nobody", "--yes"], "found \"nobody\"".to_owned()),
        (&["remove", &id], "expected --yes, since there is no terminal to ask on".to_owned()),
        (
            &["show", &id, "--history", "--access-log", log.to_str().unwrap()],
            "expected --data DIR with --history".to_owned(),
        ),
        (&["export", "-o", "people.json"], "a service neither hands out embeddings nor takes any".to_owned()),
        (
            &["import", "people.json"],
            "or add photos with `facerec enroll PEOPLE_DIR --add --url URL`".to_owned(),
        ),
    ] {
        let said = refused(&with_key(arguments));
        assert!(said.contains(&expected), "{arguments:?}: {said}");
    }
    assert_eq!(gallery(server.data.path()).len(), 3);
    assert_eq!(done(&with_key(&["remove", &id, &id, "--yes"])), "removed B. Obama\n");
    assert_eq!(gallery(server.data.path()).len(), 2);
    assert!(gallery(server.data.path()).person(&id).is_none());
}

/// A flag comes before a variable.
#[test]
fn a_data_directory_that_is_given_comes_before_the_variable_of_a_service() {
    let data = data(recipe("casia", 32), vec![person("Ada")]);
    let at_service = |arguments: &[&str]| {
        facerec().args(arguments).env("FACEREC_URL", "http://127.0.0.1:1").output().unwrap()
    };
    let folder = data.path().to_str().unwrap();
    assert!(done(&at_service(&["people", "list", "--data", folder])).ends_with("  Ada\n"));
    let enrolled =
        at_service(&["enroll", "/nowhere", "--model", "casia", &format!("--data={folder}"), "--dry-run"]);
    let said = refused(&enrolled);
    assert!(said.contains("/nowhere"), "{said}");
    // Variables only, or both flags: the service.
    let both = facerec()
        .args(["people", "rename", "id", "name", "--data", folder, "--url", "nonsense"])
        .output()
        .unwrap();
    assert_eq!(both.status.code(), Some(2));
    let variables = facerec()
        .args(["people", "export", "-o", folder])
        .env("FACEREC_URL", "http://127.0.0.1:1")
        .env("FACEREC_DATA", folder)
        .output()
        .unwrap();
    assert!(refused(&variables).contains("expected --data DIR or --database-url, found --url"));
}

#[test]
fn a_database_with_nobody_keeps_the_model_that_it_was_made_for() {
    let ada = person("Ada");
    let id = ada.id.clone();
    for to in places(&recipe("vggface2", 32), &[ada]) {
        done(&run(&to, &["remove", &id, "--yes"]));
        let from = data(recipe("casia", 32), vec![person("Grace")]);
        let file = from.path().join("people.json");
        done(&people(&["export", "-o", file.to_str().unwrap()], from.path()));
        let imported = run(&to, &["import", file.to_str().unwrap()]);
        if to.is_database() {
            let said = refused(&imported);
            let expected = "expected people of the model vggface2 at margin 32, which the database was made for, found casia at \
                            margin 32";
            assert!(said.contains(expected), "{said}");
            assert!(to.gallery().is_empty());
        } else {
            done(&imported);
            assert_eq!(to.gallery().recipe(), &recipe("casia", 32));
        }
    }
}
