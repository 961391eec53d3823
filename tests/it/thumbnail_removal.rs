//! When thumbnails are removed: with their photos, whatever fails, and never because the gallery is not there.

use std::fs;
use std::path::{Path, PathBuf};

use facerec::gallery::store;
use facerec::gallery::writer::GALLERY;
use facerec::gallery::{Gallery, Person};
use facerec::reloadable::Reloadable;
use facerec::roster::{self, ROSTER};
use facerec::service;
use facerec::service::people::PeopleStore;
use facerec::service::roster::RosterStore;
use facerec::service::settings::Settings;
use facerec::thumbnails::{ThumbnailStore, Thumbnails};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::{self, Service};
use crate::support::made_up::{person, recipe};
use crate::support::outcome::done;
use crate::support::server::facerec;

/// Names of thumbnails of photos that are in no gallery.
const ORPHANS: [&str; 3] =
    ["01JDK5Q2W8E5F6G7H8J9K0M1N2", "01JDK5Q2W8E5F6G7H8J9K0M1N3", "01JDK5Q2W8E5F6G7H8J9K0M1N4"];

/// A data directory with these people, and a thumbnail of each of their photos.
fn data_of(people: Vec<Person>) -> (TempDir, Gallery) {
    let gallery = Gallery::new(recipe("casia", 32), people).unwrap();
    let data = tempfile::tempdir().unwrap();
    store::write(&data.path().join(store::FILE_NAME), &gallery).unwrap();
    fs::create_dir(data.path().join("thumbnails")).unwrap();
    for id in photos(&gallery) {
        keep(data.path(), &id);
    }
    (data, gallery)
}

/// Ids of the photos, sorted.
fn photos(gallery: &Gallery) -> Vec<String> {
    let photos = gallery.people().iter().flat_map(|person| &person.photos);
    let mut ids: Vec<String> = photos.map(|photo| photo.id.to_string()).collect();
    ids.sort();
    ids
}

fn file(data: &Path, id: &str) -> PathBuf {
    data.join(format!("thumbnails/{id}.png"))
}

fn keep(data: &Path, id: &str) {
    fs::write(file(data, id), "png").unwrap();
}

/// What is in the directory of thumbnails, sorted, without the suffix.
fn kept(data: &Path) -> Vec<String> {
    let entries = fs::read_dir(data.join("thumbnails")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.into_iter().map(|name| name.strip_suffix(".png").map_or(name.clone(), str::to_owned)).collect()
}

/// An orphan that can't be removed, by root neither: it is no file.
fn stuck(data: &Path) -> PathBuf {
    let path = file(data, ORPHANS[1]);
    fs::create_dir(&path).unwrap();
    path
}

fn errors(service: &Service) -> Value {
    service.get("/readyz").expect(200)["errors"].clone()
}

#[test]
fn one_that_cannot_be_removed_keeps_no_other_and_is_tried_again() {
    let (data, gallery) = data_of(vec![person("Ada")]);
    keep(data.path(), ORPHANS[0]);
    keep(data.path(), ORPHANS[2]);
    let stuck = stuck(data.path());
    let service = Service::on(data, &[]);
    let data = service.data.path();
    let mut left = photos(&gallery);
    left.push(ORPHANS[1].to_owned());
    left.sort();
    assert_eq!(kept(data), left);
    let told = errors(&service);
    assert!(told[0].as_str().unwrap().contains("thumbnails"), "{told}");
    service.state.service.prune_photos();
    assert_eq!(errors(&service), told);
    fs::remove_dir(&stuck).unwrap();
    keep(data, ORPHANS[1]);
    service.state.service.prune_photos();
    assert_eq!((errors(&service), kept(data)), (Value::Null, photos(&gallery)));
}

#[test]
fn a_command_is_recorded_and_says_that_it_is_done_where_one_cannot_be_removed() {
    let (data, gallery) = data_of(vec![person("Ada"), person("Grace"), person("Mary")]);
    let data = data.path();
    stuck(data);
    let log = data.join("access.jsonl");
    let run = |arguments: &[&str]| {
        let mut command = facerec();
        command.arg("people").args(arguments).arg("--data").arg(data).arg("--access-log").arg(&log);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("it is done, but thumbnails of deleted photos remain"), "{said}");
    };
    let ids: Vec<&str> = gallery.people().iter().map(|person| person.id.as_str()).collect();
    run(&["rename", ids[2], "Mary King"]);
    run(&["remove", ids[0], "--yes"]);
    run(&["forget", ids[1]]);
    let left = store::read(&data.join(store::FILE_NAME)).unwrap();
    assert_eq!(left.people().iter().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["Mary King"]);
    let text = fs::read_to_string(&log).unwrap();
    let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let entries: Vec<_> =
        entries.map(|entry| (entry["action"].clone(), entry["people"][0].clone())).collect();
    let expected = [("change", ids[2]), ("delete", ids[0]), ("forget", ids[1])];
    assert_eq!(entries, expected.map(|(action, id)| (json!(action), json!(id))));
    let mut expected = photos(&left);
    expected.push(ORPHANS[1].to_owned());
    expected.sort();
    assert_eq!(kept(data), expected);
}

/// As after a process that was killed between the gallery and the thumbnails.
#[test]
fn forget_removes_those_of_somebody_who_is_not_enrolled_any_more() {
    let (data, gallery) = data_of(vec![person("Ada")]);
    keep(data.path(), ORPHANS[0]);
    let mut forget = facerec();
    forget.args(["people", "forget", "01JDK5Q2W8E5F6G7H8J9K0M1N9", "--data"]).arg(data.path());
    let said = done(&forget.output().unwrap());
    assert!(said.starts_with("removed 1 thumbnails\n"), "{said}");
    assert_eq!(kept(data.path()), photos(&gallery));
}

/// Another process held the lock while the gallery was opened, and enrolled somebody.
#[test]
fn the_start_sweeps_by_the_gallery_that_is_there_when_the_lock_is_held() {
    let (data, gallery) = data_of(vec![person("Ada")]);
    let data = data.path();
    let path = data.join(store::FILE_NAME);
    let opened = Reloadable::open(&path, GALLERY).unwrap();
    let more = gallery.with_person(person("Grace")).unwrap();
    store::write(&path, &more).unwrap();
    for id in photos(&more) {
        keep(data, &id);
    }
    let [roster, ..] = roster::paths(data);
    let roster = RosterStore::new(Reloadable::open(&roster, ROSTER).unwrap());
    let settings = Settings::from(&app::config(data, &[]));
    service::Service::start(settings, app::models(), PeopleStore::writable(opened), roster).unwrap();
    assert_eq!(kept(data), photos(&more));
}

#[test]
fn none_is_removed_since_the_gallery_is_missing_broken_or_an_older_one() {
    let (data, gallery) = data_of(vec![person("Ada"), person("Grace")]);
    let path = data.path().join(store::FILE_NAME);
    let all = photos(&gallery);
    fs::remove_file(&path).unwrap();
    let Service { data, .. } = Service::on(data, &[]);
    assert_eq!(kept(data.path()), all, "there is no gallery");

    store::write(&path, &gallery).unwrap();
    let service = Service::on(data, &[]);
    let reload = |content: &[u8]| {
        let new = path.with_extension("new");
        fs::write(&new, content).unwrap();
        fs::rename(&new, &path).unwrap();
        service.state.service.poll_files();
    };
    reload(b"broken");
    assert_eq!(kept(service.data.path()), all, "the gallery is broken");
    let [ada, grace] = [0, 1].map(|at| &gallery.people()[at]);
    store::write(&path, &gallery.without_person(&ada.id).unwrap()).unwrap();
    service.state.service.poll_files();
    assert_eq!(kept(service.data.path()), all, "the gallery is an older one");
    // What is deleted here goes at once; what the older gallery lacks may come back with the right one.
    service.delete(&format!("/v1/people/{}", grace.id)).expect(204);
    let mut of_ada: Vec<String> = ada.photos.iter().map(|photo| photo.id.to_string()).collect();
    of_ada.sort();
    assert_eq!(kept(service.data.path()), of_ada);
    store::write(&path, &gallery.without_person(&grace.id).unwrap()).unwrap();
    service.state.service.poll_files();
    let shown = service.get(&format!("/v1/people/{}", ada.id)).expect(200);
    assert_eq!(shown["photos"][0]["thumbnail"], true);
}

#[test]
fn only_files_that_were_made_here_are_removed_or_read() {
    let (data, gallery) = data_of(vec![person("Ada")]);
    let photo = &photos(&gallery)[0];
    for name in ["holiday", "01jdk5q2w8e5f6g7h8j9k0m1n2", "01JDK5Q2W8E5F6G7H8J9K0M1N"] {
        keep(data.path(), name);
    }
    let all = kept(data.path());
    keep(data.path(), ORPHANS[0]);
    let Service { data, .. } = Service::on(data, &[]);
    assert_eq!(kept(data.path()), all);

    let thumbnails = Thumbnails::open(data.path()).unwrap();
    let large = file(data.path(), photo);
    fs::write(&large, vec![0; 300 << 10]).unwrap();
    let error = thumbnails.read(photo).unwrap_err().to_string();
    assert!(error.contains("expected a thumbnail of 262144 bytes at most, found more"), "{error}");
    fs::remove_file(&large).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &large).unwrap();
    thumbnails.read(photo).unwrap_err();
}

/// Of a link that somebody else made in place of the directory.
#[test]
fn a_directory_behind_an_untrusted_link_is_left_alone() {
    const USER: u32 = 12_345;
    let (data, _) = data_of(vec![person("Ada")]);
    let (there, link) = (data.path().join("mine"), data.path().join("thumbnails"));
    fs::rename(&link, &there).unwrap();
    std::os::unix::fs::symlink(&there, &link).unwrap();
    assert!(Thumbnails::open(data.path()).is_ok(), "it is a link of whoever runs this");
    if std::os::unix::fs::lchown(&link, Some(USER), Some(USER)).is_err() {
        return; // not root: nothing can be given
    }
    let error = Thumbnails::open(data.path()).unwrap_err().to_string();
    assert!(error.contains("it is a link of user 12345"), "{error}");
}

#[test]
fn a_backup_does_not_wait_for_what_is_no_file() {
    let (data, gallery) = data_of(vec![person("Ada")]);
    let path = file(data.path(), &photos(&gallery)[0]);
    fs::remove_file(&path).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let output = facerec().arg("backup").arg(data.path()).arg("-o").arg(data.path().join("b.tar")).output();
    let said = String::from_utf8(output.unwrap().stderr).unwrap();
    assert!(said.contains("expected a regular file, found something else"), "{said}");
}
