//! The access log: through HTTP, on the disk, and as `facerec people` reads it.

use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Method;
use facerec::access_log::{AccessLog, Action, Entry, LogParams, history};
use facerec::attendance::{
    AttendanceStore, Channels, NewSession, Page, PersonRecord, SessionFilter, SqliteStore, Status,
};
use facerec::gallery::{Gallery, Person, store};
use facerec::http::middleware::auth::Access;
use facerec::keys::backend::KeysFile;
use facerec::keys::file::to_toml;
use facerec::keys::{KeyEntry, Scope};
use serde_json::{Value, json};

use crate::support::app::{Form, Service, request};
use crate::support::faces::{embedding, gallery_of};
use crate::support::outcome::{done, refused};
use crate::support::place::Place;
use crate::support::server::{facerec, facerec_after, sample_data, sample_folder, wait_until};
use crate::support::{golden_path, photo};

const LIMIT: Duration = Duration::from_mins(1);

fn entry(person: &str) -> Entry {
    Entry {
        time: "2026-01-02T03:04:05.678Z".parse().unwrap(),
        request_id: None,
        key: Some("office".to_owned()),
        client: "192.0.2.7".to_owned(),
        action: Action::Read,
        people: vec![person.to_owned()],
        candidates: Vec::new(),
    }
}

fn params(path: &Path, max_bytes: u64, keep: u32) -> LogParams {
    LogParams { path: path.to_owned(), max_bytes, keep }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What the log of a service says, without times and ids of requests.
fn logged(service: &Service) -> Vec<Value> {
    assert!(service.state.service.drain(LIMIT));
    let mut lines = lines(&service.data.path().join("access.jsonl"));
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        assert!(line.remove("time").unwrap().as_str().unwrap().ends_with('Z'));
        assert_eq!(line.remove("request_id").unwrap().as_str().unwrap().len(), 26);
    }
    lines
}

#[test]
fn whoever_looks_up_reads_or_changes_people_is_in_the_log_and_no_name_is() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("access.jsonl");
    let service = Service::on(data, &["--access-log", path.to_str().unwrap()]);
    let form = Form::new().text("name", "Barack Obama").file("photos", "a.jpg", &photo("obama.jpg"));
    let enrolled = service.post_form("/v1/people", form).expect(201);
    let id = enrolled["id"].as_str().unwrap();
    let person = format!("/v1/people/{id}");
    let file = || Form::new().file("file", "a.jpg", &photo("obama.jpg"));
    service.post_form("/v1/recognize", file()).expect(200);
    service.post_form("/recognize_faces", file()).expect(200);
    service.get("/v1/people").expect(200);
    service.get(&person).expect(200);
    service.patch(&person, &json!({"student_id": "46"})).expect(200);
    service.get("/v1/roster").expect(200);
    // What fails concerns nobody.
    service.get("/v1/people/nobody").expect(404);
    service.send(request(Method::POST, "/v1/recognize", "image/jpeg", b"no photo".to_vec())).expect(415);
    assert_eq!(service.delete(&person).status, 204);
    let of = |action: &str, people: &[&str]| json!({"key": null, "client": "127.0.0.1", "action": action, "people": people});
    let expected = [
        of("enroll", &[id]),
        of("recognize", &[id]),
        of("recognize", &[id]),
        of("list", &[id]),
        of("read", &[id]),
        of("change", &[id]),
        of("read_roster", &[]),
        of("delete", &[id]),
    ];
    assert_eq!(logged(&service), expected);
    assert!(!std::fs::read_to_string(&path).unwrap().contains("Obama"));
}

/// A response that refuses a photo says whom it looks like.
#[test]
fn a_refused_enrolment_is_in_the_log_with_those_whom_the_response_named() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("access.jsonl");
    let service = Service::on(data, &["--access-log", path.to_str().unwrap()]);
    let form = |name: &str, photos: &[&str]| {
        let form = if name.is_empty() { Form::new() } else { Form::new().text("name", name) };
        photos.iter().fold(form, |form, name| form.file("photos", name, &photo(name)))
    };
    let enrolled = service.post_form("/v1/people", form("Barack Obama", &["obama.jpg"])).expect(201);
    let id = enrolled["id"].as_str().unwrap();
    let refused = service.post_form("/v1/people", form("Joe Biden", &["obama2.jpg"])).expect(422);
    assert_eq!(refused["photos"][0]["reasons"][0]["person"]["id"], id, "{refused}");
    let taken = service.post_form("/v1/people", form("Barack Obama", &["biden.jpg"])).expect(409);
    assert_eq!(taken["person_id"], id);
    let photos = format!("/v1/people/{id}/photos");
    service.post_form(&photos, Form::new().file("photos", "a.jpg", b"no photo")).expect(422);
    let second = service.post_form("/v1/people", form("Joe Biden", &["biden.jpg", "obama2.jpg"])).expect(201);
    let second = second["id"].as_str().unwrap();
    let expected = [
        json!({"action": "enroll", "people": [id]}),
        json!({"action": "refuse_enrollment", "people": [], "candidates": [id]}),
        json!({"action": "refuse_enrollment", "people": [], "candidates": [id]}),
        json!({"action": "refuse_enrollment", "people": [id]}),
        json!({"action": "enroll", "people": [second], "candidates": [id]}),
    ];
    let mut logged = logged(&service);
    for line in &mut logged {
        line.as_object_mut().unwrap().retain(|member, _| member != "key" && member != "client");
    }
    assert_eq!(logged, expected);
}

#[test]
fn of_the_candidates_those_are_in_the_log_whom_the_response_told() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("access.jsonl");
    let service = Service::on(data, &["--access-log", path.to_str().unwrap()]);
    let mut ids = Vec::new();
    for (name, file) in [("Barack Obama", "obama.jpg"), ("Joe Biden", "biden.jpg")] {
        let form = Form::new().text("name", name).file("photos", file, &photo(file));
        ids.push(service.post_form("/v1/people", form).expect(201)["id"].clone());
    }
    let ask = |path: &str, peer: [u8; 4]| {
        let mut request = Form::new().file("file", "a.jpg", &photo("obama2.jpg")).request(Method::POST, path);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 40_000))));
        service.send(request).expect(200)
    };
    let (here, elsewhere) = ([127, 0, 0, 1], [192, 0, 2, 7]);
    let told = |answer: &Value| answer["faces"][0]["candidates"].as_array().unwrap().len();
    assert_eq!(told(&ask("/v1/recognize?top_k=2", here)), 2);
    assert_eq!(told(&ask("/v1/recognize?top_k=2", elsewhere)), 1, "who is alike enough");
    ask("/recognize_faces", here);
    let logged = logged(&service).split_off(2);
    let candidates = |line: &Value| (line["people"].clone(), line["candidates"].clone());
    let of = |candidates: Value| (json!([ids[0]]), candidates);
    let expected = [of(json!([ids[1]])), of(Value::Null), of(Value::Null)];
    assert_eq!(logged.iter().map(candidates).collect::<Vec<_>>(), expected);
}

#[test]
fn an_entry_names_the_key_and_not_the_key_itself() {
    let data = tempfile::tempdir().unwrap();
    store::write(&data.path().join(store::FILE_NAME), &gallery_of(&[vec![embedding(1)]])).unwrap();
    let (log, keys) = (data.path().join("access.jsonl"), data.path().join("keys.toml"));
    let office = KeyEntry::of("office", Scope::Manage, "facerec_office");
    std::fs::write(&keys, to_toml(&[office]).unwrap()).unwrap();
    let access = Access::new(Some(Arc::new(KeysFile::open(&keys).unwrap())));
    let service = Service::guarded(data, &["--access-log", log.to_str().unwrap()], access);
    let mut asked = request(Method::GET, "/v1/people", "", Vec::new());
    asked.headers_mut().insert("x-api-key", "facerec_office".parse().unwrap());
    service.send(asked).expect(200);
    service.get("/v1/people").expect(401);
    let logged = logged(&service);
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!(logged[0]["key"], "office");
    assert!(!std::fs::read_to_string(&log).unwrap().contains("facerec_office"));
}

#[test]
fn files_are_private_rotated_by_size_and_all_read_for_the_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    let log = AccessLog::open(&params(&path, 1, 2)).unwrap();
    for person in ["a", "b", "a", "a"] {
        log.record(entry(person));
        assert!(log.flush(LIMIT));
    }
    let name = |n: &str| folder.path().join(format!("log{n}"));
    assert_eq!(["", ".1", ".2", ".3"].map(|n| name(n).exists()), [true, true, true, false]);
    for n in ["", ".1", ".2"] {
        assert_eq!(name(n).metadata().unwrap().permissions().mode() & 0o777, 0o600, "log{n}");
    }
    assert_eq!(history(&path, "a").unwrap().entries, [entry("a"), entry("a")], "the oldest was deleted");
    assert_eq!(history(&path, "b").unwrap().entries, [entry("b")]);
    assert!(history(&folder.path().join("none"), "a").is_err());
}

#[test]
fn half_a_line_of_a_killed_process_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    std::fs::write(&path, "{\"time\":\"2026-").unwrap();
    let log = AccessLog::open(&params(&path, 1 << 20, 1)).unwrap();
    log.record(entry("a"));
    assert!(log.flush(LIMIT));
    let found = history(&path, "a").unwrap();
    assert_eq!((found.entries, found.unreadable), (vec![entry("a")], 1));
}

#[test]
fn while_the_file_cannot_be_written_requests_go_on_and_nothing_is_lost() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("logs");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("access.jsonl");
    let service = Service::on(data, &["--access-log", path.to_str().unwrap()]);
    let status = || service.get("/readyz").expect(200)["status"].clone();
    assert_eq!(status(), "ready");
    std::fs::remove_dir_all(&folder).unwrap();
    service.get("/v1/people").expect(200);
    wait_until("the fault is shown", || status() == "degraded");
    let metrics = service.get("/metrics").expect(200);
    assert!(metrics.as_str().unwrap().contains("facerec_access_log_broken 1"), "{metrics}");
    service.get("/v1/roster").expect(200);
    std::fs::create_dir(&folder).unwrap();
    wait_until("it is written again", || status() == "ready");
    let actions: Vec<Value> = lines(&path).iter().map(|line| line["action"].clone()).collect();
    assert_eq!(actions, ["list", "read_roster"]);
}

#[test]
fn a_log_that_is_no_regular_file_is_refused() {
    for path in ["/dev/full", "/"] {
        let error = AccessLog::open(&params(Path::new(path), 1, 1)).unwrap_err().to_string();
        assert!(error.contains("expected a regular file"), "{error}");
    }
}

#[test]
fn a_person_is_listed_shown_with_history_and_forgotten() {
    let gallery = gallery_of(&[vec![embedding(1)], vec![embedding(2)]]);
    let id = gallery.people()[0].id.as_str();
    for place in Place::each(|| folder_with(&gallery)) {
        let log = if place.is_database() { "database".into() } else { place.folder().join("access.jsonl") };
        let run = |arguments: &[&str]| {
            let mut command = place.command(&[&["people"], arguments].concat());
            command.env("FACEREC_ACCESS_LOG", &log).output().unwrap()
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(text(&run(&["list"]).stdout).lines().count(), 2);
        assert!(text(&run(&["show", id]).stdout).starts_with(id));
        let forgotten = run(&["forget", id]);
        assert!(forgotten.status.success(), "{}", text(&forgotten.stderr));
        let remaining = if place.is_database() {
            ["backups of the database", "the name in the roster", "`facerec migrate`"]
        } else {
            ["backups", "roster.xlsx, roster.ods or roster.csv", "rosters/"]
        };
        for remaining in remaining {
            assert!(text(&forgotten.stderr).contains(remaining), "{remaining}");
        }
        let left = place.gallery();
        assert_eq!((left.len(), left.person(id)), (1, None));
        let shown = run(&["show", id, "--history"]);
        let entries: Vec<Value> =
            text(&shown.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        // Everybody was listed, and this person shown and forgotten. The history of somebody who is no more is no further use.
        let actions: Vec<&Value> = entries.iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["list", "read", "forget"]);
        assert_eq!(entries[2]["people"], json!([id]));
        let again = run(&["forget", id]);
        assert!(!again.status.success());
        assert!(text(&again.stderr).contains("nothing was held"), "{}", text(&again.stderr));
    }
}

fn folder_with(gallery: &Gallery) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    store::write(&data.path().join(store::FILE_NAME), gallery).unwrap();
    data
}

/// A closed session for which everybody was absent.
fn recorded(gallery: &Gallery) -> tempfile::TempDir {
    let data = folder_with(gallery);
    let attendance = SqliteStore::open(data.path(), Channels::default()).unwrap();
    let record = |person: &Person| PersonRecord {
        person_id: Some(person.id.clone()),
        name: person.name.to_string(),
        student_id: None,
        groups: None,
    };
    let people: Vec<_> = gallery.people().iter().map(|person| record(person)).collect();
    attendance.sync_people(&people, true).unwrap();
    let start = "2026-11-26T08:00:00Z".parse().unwrap();
    let new = NewSession {
        title: "Maths".to_owned(),
        group: None,
        zone: "UTC".to_owned(),
        start,
        late_after_minutes: None,
        end: None,
    };
    let session = attendance.create_session(&new, None, start).unwrap();
    attendance.close_session(&session.id, "local", start).unwrap();
    data
}

#[test]
fn the_entries_of_a_forgotten_person_are_removed_or_kept_for_the_counts() {
    let gallery = gallery_of(&[vec![embedding(1)], vec![embedding(2)]]);
    for place in Place::each(|| recorded(&gallery)) {
        let forget = |at: usize, more: &[&str]| {
            let id = gallery.people()[at].id.as_str();
            done(&place.run(&[&["people", "forget", id], more].concat()))
        };
        assert!(forget(0, &["--anonymise"]).contains("anonymised 1 entries of attendance"));
        assert!(forget(1, &[]).contains("removed 1 entries of attendance"));
        let attendance = place.attendance();
        let sessions = attendance.sessions(&SessionFilter::default(), Page::ALL).unwrap();
        let left = attendance.entries(&sessions.sessions[0].id).unwrap();
        let left: Vec<_> = left.iter().map(|entry| (entry.person.name.as_str(), entry.status)).collect();
        assert_eq!(left, [("", Status::Absent)]);
    }
}

/// The log is the one that the settings file of the data directory names, as it is for the service.
#[test]
fn commands_that_look_people_up_or_read_them_are_in_the_log_of_the_service() {
    let data = sample_data();
    let log = data.path().join("access.jsonl");
    std::fs::write(data.path().join("facerec.toml"), format!("access-log = {log:?}\n")).unwrap();
    let run = |arguments: &[&str]| {
        let output = facerec().args(arguments).arg("--data").arg(data.path()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(matches!(output.status.code(), Some(0 | 3)), "{arguments:?}: {stderr}");
    };
    let photo = |name: &str| sample_folder().join(name).to_str().unwrap().to_owned();
    let gallery = store::read(&data.path().join(store::FILE_NAME)).unwrap();
    let id = |name: &str| {
        let person = gallery.people().iter().find(|person| person.name.as_str() == name);
        person.unwrap().id.clone()
    };
    let all: Vec<String> = gallery.people().iter().map(|person| person.id.clone()).collect();
    let obama = [id("Barack Obama")];
    run(&["recognize", &photo("group.jpg")]);
    run(&["attend", "--title", "Maths", &photo("speech.jpg")]);
    run(&["people", "list"]);
    run(&["people", "show", &obama[0]]);
    run(&["people", "export", &obama[0], "-o", data.path().join("people.json").to_str().unwrap()]);
    run(&["audit"]);
    let of = |action: &str, people: &[String]| json!({"request_id": null, "key": null, "client": "local", "action": action, "people": people});
    let expected = [
        of("recognize", &all),
        of("recognize", &obama),
        of("change_session", &[]),
        of("mark_attendance", &obama),
        of("change_session", &[]),
        of("list", &all),
        of("read", &obama),
        of("export", &obama),
        of("audit", &[]),
    ];
    let mut found = lines(&log);
    for line in &mut found {
        assert!(line.as_object_mut().unwrap().remove("time").unwrap().is_string());
    }
    assert_eq!(found, expected);
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!std::fs::read_to_string(&log).unwrap().contains("Obama"));
}

/// Runs each command that looks people up, which must tell nothing and fail with this error.
fn lookups_tell_nothing(data: &Path, log: &Path, error: &str, command: impl Fn() -> Command) {
    let photo = sample_folder().join("group.jpg");
    for arguments in [&["recognize", photo.to_str().unwrap()][..], &["people", "list"], &["audit"]] {
        let mut command = command();
        let output = command.args(arguments).arg("--access-log").arg(log).arg("--data").arg(data).output();
        let said = refused(&output.unwrap());
        assert!(said.contains(error), "{arguments:?}: {said}");
    }
}

#[test]
fn a_command_that_cannot_write_the_log_looks_nobody_up() {
    let (data, log) = (sample_data(), Path::new("/dev/full"));
    lookups_tell_nothing(data.path(), log, "the access log /dev/full", facerec);
}

/// The disk is full: the log can be opened, and not written.
#[test]
fn a_command_whose_entry_is_not_on_the_disk_tells_nothing() {
    let data = sample_data();
    let log = data.path().join("access.jsonl");
    let full_disk = || facerec_after("trap '' XFSZ && ulimit -f 0");
    lookups_tell_nothing(data.path(), &log, "it is done, but the access log can't be written", full_disk);
    assert_eq!(log.metadata().unwrap().len(), 0);
}

/// As after `| head`: what was told is recorded, and what was not is not looked up.
#[test]
fn photos_are_recorded_before_they_are_told() {
    let data = sample_data();
    let photo = sample_folder().join("group.jpg");
    let log = data.path().join("access.jsonl");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "\"$0\" \"$@\" | true", env!("CARGO_BIN_EXE_facerec"), "recognize"]);
    command.args([&photo, &photo]).arg("--access-log").arg(&log).arg("--data").arg(data.path());
    command.output().unwrap();
    assert_eq!(lines(&log).len(), 1);
}

/// As root, a command may be the first to write the log, or the one that begins a new file.
#[test]
fn a_new_file_belongs_to_the_owner_of_its_directory() {
    const USER: u32 = 12_345;
    let folder = tempfile::tempdir().unwrap();
    if chown(folder.path(), Some(USER), Some(USER)).is_err() {
        return; // not root: nothing can be given
    }
    let path = folder.path().join("log");
    let log = AccessLog::open(&params(&path, 1, 2)).unwrap();
    for person in ["a", "b"] {
        log.record(entry(person));
        assert!(log.flush(LIMIT));
    }
    for file in ["log", "log.1"] {
        let found = folder.path().join(file).metadata().unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (USER, USER, 0o600), "{file}");
    }
}

#[test]
fn commands_that_make_a_gallery_are_in_the_log_with_whom_they_added_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let person = |directory: &str, name: &str, photos: &[&str]| {
        let person = folder.path().join(directory).join(name);
        std::fs::create_dir_all(&person).unwrap();
        for file in photos {
            std::fs::write(person.join(file), photo(file)).unwrap();
        }
    };
    person("first", "Barack Obama", &["obama.jpg"]);
    person("second", "Barack Obama", &["obama.jpg", "obama2.jpg"]);
    person("second", "Joe Biden", &["biden.jpg"]);
    // Returns the ids of the people of the gallery that the command makes.
    let run = |arguments: &[&str]| {
        let mut command = facerec();
        command.current_dir(folder.path()).args(arguments).args(["--data", "data", "--access-log", "log"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        let gallery = store::read(&folder.path().join("data").join(store::FILE_NAME)).unwrap();
        gallery.people().iter().map(|person| person.id.clone()).collect::<Vec<_>>()
    };
    run(&["enroll", "first", "--model", "casia"]);
    let both = run(&["enroll", "second", "--model", "casia", "--add"]);
    let pickle = golden_path("legacy/face_model.pkl");
    let imported = run(&["import-pickle", pickle.to_str().unwrap(), "--replace"]);
    let of = |action: &str, people: &[String]| json!({"action": action, "people": people});
    let expected = [
        of("enroll", &both[..1]),
        of("enroll", &both[1..]),
        of("add_photos", &both[..1]),
        of("delete", &both),
        of("enroll", &imported),
    ];
    let mut found = lines(&folder.path().join("log"));
    for line in &mut found {
        line.as_object_mut().unwrap().retain(|member, _| member == "action" || member == "people");
    }
    assert_eq!(found, expected);
}

/// Root's command must neither make nor give away what another user's link points to.
#[test]
fn a_link_of_another_user_is_not_followed() {
    const USER: u32 = 12_345;
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (link, file) = (folder.path().join("log"), other.path().join("file"));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    // One's own, or the administrator's, may lead elsewhere.
    drop(AccessLog::open(&params(&link, 1, 2)).unwrap());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    if chown(folder.path(), Some(USER), Some(USER)).is_err() {
        return; // not root: nothing can be given
    }
    std::os::unix::fs::lchown(&link, Some(USER), Some(USER)).unwrap();
    let refused = || {
        let error = AccessLog::open(&params(&link, 1, 2)).unwrap_err().to_string();
        assert!(error.contains("it is a link of user 12345"), "{error}");
    };
    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    refused();
    let found = file.metadata().unwrap();
    assert_eq!((found.uid(), found.permissions().mode() & 0o777), (0, 0o644));
    std::fs::remove_file(&file).unwrap();
    refused();
    assert!(!file.exists());
}
