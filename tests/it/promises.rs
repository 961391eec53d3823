//! SECURITY.md: each promise names the tests that hold it, and those that no other file holds stand here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use facerec::gallery::store;

use crate::support::app::{Form, Service};
use crate::support::server::facerec;
use crate::support::{photo, repository_file};

/// The rows of the table below a heading, the last cell of each.
fn last_cells(text: &str, heading: &str) -> Vec<String> {
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| row.trim_end_matches(" |").rsplit(" | ").next().unwrap().to_owned()).collect()
}

/// The names of the tests of a file, those that run against each store included.
fn tests_of(code: &str) -> Vec<&str> {
    let after = ["#[test]", "#[tokio::test]"].map(|attribute| code.split(attribute).skip(1));
    let names = after.into_iter().flatten().filter_map(|after| after.split_once("fn ")?.1.split_once('('));
    let lists = code.split("for_each_store! {").skip(1).filter_map(|after| after.split_once('}'));
    let listed = lists.flat_map(|(list, _)| list.split(',').map(str::trim).filter(|name| !name.is_empty()));
    names.map(|(name, _)| name).chain(listed).collect()
}

/// `path.rs` or `path.rs::test`.
fn check(reference: &str) -> Result<(), String> {
    let (path, test) =
        reference.split_once("::").map_or((reference, None), |(path, test)| (path, Some(test)));
    let code = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    let code = code.map_err(|error| format!("{path}: {error}"))?;
    match test {
        Some(test) if !tests_of(&code).contains(&test) => Err(format!("{path}: there is no test {test}")),
        None if tests_of(&code).is_empty() && !code.contains("fn main()") => {
            Err(format!("{path}: it has no tests"))
        }
        _ => Ok(()),
    }
}

#[test]
fn each_promise_names_tests_that_are_there() {
    let text = repository_file("SECURITY.md");
    for (heading, least) in [("What is defended", 15), ("What is kept", 6), ("Keys", 6)] {
        let cells = last_cells(&text, heading);
        assert!(cells.len() >= least, "{heading}: only {} rows were found", cells.len());
        for cell in cells {
            let spans = cell.split('`').skip(1).step_by(2);
            let references: Vec<&str> = spans.filter(|span| span.contains(".rs")).collect();
            assert!(!references.is_empty(), "{heading}: expected tests in the last cell, found {cell:?}");
            let faults: Vec<String> =
                references.iter().filter_map(|reference| check(reference).err()).collect();
            assert!(faults.is_empty(), "{heading}: {faults:?}");
        }
    }
    assert!(check("tests/it/promises.rs::no_such_test").is_err() && check("tests/it/none.rs").is_err());
}

fn files_below(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn no_photo_is_stored_unless_that_is_asked_for() {
    let service = Service::empty(&[]);
    let form = Form::new().text("name", "Barack Obama").file("photos", "a.jpg", &photo("obama.jpg"));
    service.post_form("/v1/people", form).expect(201);
    service.post_form("/v1/recognize", Form::new().file("file", "a.jpg", &photo("obama2.jpg"))).expect(200);
    assert!(service.state.service.drain(std::time::Duration::from_mins(1)));
    let names: Vec<String> = files_below(service.data.path())
        .into_keys()
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["gallery.bin", "gallery.lock"]);
    let size = std::fs::metadata(service.data.path().join(store::FILE_NAME)).unwrap().len();
    // An embedding of 512 numbers in 4 bytes each, and names and ids.
    assert!(size < 3000, "{size}");
}

#[test]
fn a_deleted_persons_name_and_embedding_are_in_no_file_any_more() {
    let service = Service::empty(&[]);
    let form = Form::new().text("name", "Barack Obama").file("photos", "a.jpg", &photo("obama.jpg"));
    let enrolled = service.post_form("/v1/people", form).expect(201);
    let gallery = service.gallery();
    let embedding: Vec<u8> = gallery.people()[0].photos[0]
        .embedding
        .values()
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let holds = |what: &[u8]| {
        let files = files_below(service.data.path());
        files.values().any(|bytes| bytes.windows(what.len()).any(|window| window == what))
    };
    assert!(holds(b"Barack Obama") && holds(&embedding));
    assert_eq!(service.delete(&format!("/v1/people/{}", enrolled["id"].as_str().unwrap())).status, 204);
    assert!(!holds(b"Obama") && !holds(&embedding[..64]));
}

#[test]
fn photos_of_people_are_read_and_not_changed() {
    let data = tempfile::tempdir().unwrap();
    let people = data.path().join("people");
    for (person, file) in [("Barack Obama", "obama.jpg"), ("Nobody", "no_face.png")] {
        std::fs::create_dir_all(people.join(person)).unwrap();
        std::fs::write(people.join(person).join(file), photo(file)).unwrap();
    }
    let before = files_below(&people);
    let output = facerec()
        .arg("enroll")
        .arg(&people)
        .args(["--model", "casia", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(files_below(&people) == before);
}
