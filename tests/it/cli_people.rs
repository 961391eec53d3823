//! `facerec people`: renaming, removing, and taking people from one gallery into another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use facerec::embed::Embedding;
use facerec::gallery::writer::DirectoryLock;
use facerec::gallery::{EnrolledPhoto, Gallery, Person, Recipe, store};
use facerec::person_name::PersonName;
use facerec::student_id::StudentId;
use serde_json::Value;

use crate::support::server::facerec;

pub fn recipe(model: &str, margin_px: u32) -> Recipe {
    Recipe { model: model.to_owned(), model_sha256: Some([7; 32]), margin_px }
}

/// A person with two photos, whose faces are like nobody else's.
pub fn person(name: &str) -> Person {
    let seed = name.bytes().fold(1_u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let photo = |number: u32| {
        let value = |at: u32| ((at * 13 + seed.wrapping_mul(number) % 997) as f32).sin();
        let embedding = Embedding::new((0..512).map(value).collect()).unwrap();
        EnrolledPhoto { weak: number == 2, ..EnrolledPhoto::new(embedding, Some([number as u8; 32])) }
    };
    Person::new(PersonName::parse(name).unwrap(), None, vec![photo(1), photo(2)])
}

/// A data directory with these people.
pub fn data(recipe: Recipe, people: Vec<Person>) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    store::write(&data.path().join("gallery.bin"), &Gallery::new(recipe, people).unwrap()).unwrap();
    data
}

fn gallery(data: &Path) -> Gallery {
    store::read(&data.join("gallery.bin")).unwrap()
}

fn names(data: &Path) -> Vec<String> {
    gallery(data).people().iter().map(|person| person.name.to_string()).collect()
}

fn people(arguments: &[&str], data: &Path) -> Output {
    facerec().arg("people").args(arguments).arg("--data").arg(data).output().unwrap()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_person_is_renamed_unless_somebody_has_the_name_in_any_spelling() {
    let (ada, grace) = (person("Ada Lovelace"), person("Grace Hopper"));
    let ids = [ada.id.clone(), grace.id.clone()];
    let data = data(recipe("casia", 32), vec![ada, grace]);
    let log = data.path().join("access.jsonl");
    let with_log = ["rename", &ids[0], "Ada King", "--access-log", log.to_str().unwrap()];
    assert_eq!(done(&people(&with_log, data.path())), "renamed Ada Lovelace to Ada King\n");
    assert_eq!(names(data.path()), ["Ada King", "Grace Hopper"]);
    let entry: Value = serde_json::from_str(&fs::read_to_string(&log).unwrap()).unwrap();
    assert_eq!((&entry["action"], &entry["client"]), (&"change".into(), &"local".into()));
    assert_eq!(entry["people"], serde_json::json!([ids[0]]));
    for (id, name, expected) in [
        (ids[0].as_str(), "GRACE_hopper", format!("found that of Grace Hopper ({})", ids[1])),
        (&ids[0], "Ada\u{202e}", "changes the direction of text".to_owned()),
        ("nobody", "X", "found \"nobody\": `facerec people list` has the ids".to_owned()),
    ] {
        let said = refused(&people(&["rename", id, name], data.path()));
        assert!(said.contains(&expected), "{said}");
    }
    assert_eq!(names(data.path()), ["Ada King", "Grace Hopper"]);
}

#[test]
fn people_are_removed_all_or_nobody_and_not_without_being_asked() {
    let everybody = ["Ada", "Grace", "Mary"].map(person);
    let ids = everybody.each_ref().map(|person| person.id.clone());
    let data = data(recipe("casia", 32), everybody.to_vec());
    let said = refused(&people(&["remove", &ids[0]], data.path()));
    assert!(said.contains("expected --yes, since there is no terminal to ask on"), "{said}");
    refused(&people(&["remove", &ids[0], "nobody", "--yes"], data.path()));
    assert_eq!(gallery(data.path()).len(), 3);
    let removed = people(&["remove", &ids[0], &ids[2], &ids[0], "--yes"], data.path());
    assert_eq!(done(&removed), "removed Ada\nremoved Mary\n");
    assert_eq!(names(data.path()), ["Grace"]);
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
    assert_eq!(names(data.path()), ["Ada"]);
}

#[test]
fn exported_people_are_imported_as_they_were() {
    let mut ada = person("Ada Lovelace");
    ada.student_id = Some(StudentId::Text("0046".to_owned()));
    ada.expires = Some("2027-07-31".parse().unwrap());
    let mut grace = person("Grace Hopper");
    grace.student_id = Some(StudentId::Number(1.5));
    let (from, to) = (
        data(recipe("casia", 32), vec![ada.clone(), grace.clone()]),
        data(recipe("casia", 32), vec![person("Mary")]),
    );
    let file = from.path().join("people.json");
    let said = done(&people(&["export", "-o", from.path().to_str().unwrap()], from.path()));
    assert_eq!(said, format!("wrote {} (casia, margin 32, 2 people, 4 photos)\n", file.display()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let file = file.to_str().unwrap();
    let said = done(&people(&["import", file], to.path()));
    assert!(said.starts_with("imported 2 people with 4 photos; "), "{said}");
    let found = gallery(to.path());
    assert_eq!(found.people().len(), 3);
    assert_eq!((&*found.people()[1], &*found.people()[2]), (&ada, &grace));

    // Into nothing, and one of them.
    let new = tempfile::tempdir().unwrap();
    let said = refused(&people(&["export", &grace.id, "-o", file], from.path()));
    assert!(
        said.contains("is there already: expected another file name, or --force to replace it"),
        "{said}"
    );
    fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    done(&people(&["export", &grace.id, "-o", file, "--force"], from.path()));
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    done(&people(&["import", file], new.path()));
    assert_eq!(
        (gallery(new.path()).recipe().clone(), names(new.path())),
        (recipe("casia", 32), vec!["Grace Hopper".to_owned()])
    );
}

#[test]
fn a_name_that_a_gallery_holds_is_imported_though_nobody_gets_it_any_more() {
    let (from, to) = (
        data(recipe("casia", 32), vec![person("Ada\u{202e}")]),
        data(recipe("casia", 32), vec![person("Mary")]),
    );
    let file = from.path().join("people.json");
    done(&people(&["export", "-o", file.to_str().unwrap()], from.path()));
    done(&people(&["import", file.to_str().unwrap()], to.path()));
    assert_eq!(names(to.path()), ["Mary", "Ada\u{202e}"]);
}

#[test]
fn an_import_that_does_not_fit_changes_nothing() {
    let from = data(recipe("casia", 32), vec![person("Ada"), person("Grace")]);
    let file = from.path().join("people.json");
    let file = file.to_str().unwrap();
    done(&people(&["export", "-o", file], from.path()));
    for (to, expected) in [
        (data(recipe("vggface2", 32), vec![person("Mary")]), "people of the model vggface2 at margin 32"),
        (
            data(recipe("casia", 0), vec![person("Mary")]),
            "at margin 0, as the gallery's, found casia at margin 32",
        ),
        (
            data(recipe("casia", 32), vec![person("GRACE")]),
            "expected people who are not enrolled, found Grace (",
        ),
    ] {
        let before = fs::read(to.path().join("gallery.bin")).unwrap();
        let said = refused(&people(&["import", file], to.path()));
        assert!(said.contains(expected) && said.contains("nobody was imported from"), "{said}");
        assert_eq!(fs::read(to.path().join("gallery.bin")).unwrap(), before);
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
        let new = tempfile::tempdir().unwrap();
        let said = refused(&people(&["import", file], new.path()));
        assert!(said.contains(expected), "{said}");
        assert!(!new.path().join("gallery.bin").exists());
    }
}
