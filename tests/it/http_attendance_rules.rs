//! Attendance over HTTP: who is on a list as days pass, who is told what, and what the service does by itself.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Method;
use facerec::attendance::NewSession;
use facerec::gallery::store;
use facerec::roster;
use facerec::service::snapshot::{Snapshot, today};
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::http_v1_attendance::{begin, has_database, id_of, lesson, list, post, put, school_data};
use crate::support::app::{Form, Reply, Service, request};
use crate::support::faces::{embedding, gallery_of};
use crate::support::photo;

const LIMIT: Duration = Duration::from_mins(1);

/// Person 0 is enrolled; Ada Example is on the roster until today.
fn with_roster(rows: &str) -> Service {
    let data = tempfile::tempdir().unwrap();
    let gallery = gallery_of(&[vec![embedding(1)]]);
    store::write(&data.path().join(store::FILE_NAME), &gallery).unwrap();
    std::fs::write(data.path().join(roster::Format::Csv.file_name()), rows).unwrap();
    Service::on(data, &[])
}

fn names(service: &Service) -> Vec<String> {
    let attendance = service.state.service.attendance().unwrap();
    attendance.store().people(None).unwrap().into_iter().map(|person| person.name).collect()
}

#[test]
fn a_last_day_passes_without_any_other_change() {
    let service = with_roster(&format!("Name,ID,Until\nAda Example,1,{}\n", today()));
    begin(&service, &json!({"title": "Everybody"}));
    assert_eq!(names(&service), ["Ada Example", "Person 0"]);
    // The same people and the same roster a day later.
    let now = service.state.service.snapshot();
    let attendance = service.state.service.attendance().unwrap();
    attendance.sync(|| Snapshot { day: now.day.tomorrow().unwrap(), ..now.clone() }, false).unwrap();
    assert_eq!(names(&service), ["Person 0"]);
    attendance.sync(|| now.clone(), false).unwrap();
    assert_eq!(names(&service), ["Ada Example", "Person 0"]);
}

#[test]
fn the_rosters_spelling_and_the_galleries_are_one_row() {
    let service =
        with_roster("Name,ID,Class\nPERSON  0,7,7A\nperson_0,8,7A\nAda Example,9,7A\nada example,10,7A\n");
    let session = begin(&service, &lesson("2026-11-26T08:00"));
    let expected = [("Person 0", "absent"), ("ada example", "not_enrolled")];
    assert_eq!(list(&service.get(&session).expect(200)), expected);
}

#[test]
fn whoever_is_expired_has_a_history_only_where_there_is_one() {
    let gallery = gallery_of(&[vec![embedding(1)], vec![embedding(2)]]);
    let service = Service::with(&gallery);
    let ids: Vec<String> = gallery.people().iter().map(|person| person.id.clone()).collect();
    let history = |at: usize| service.get(&format!("/v1/people/{}/attendance", ids[at]));
    let yesterday = today().yesterday().unwrap().to_string();
    let expire = |at: usize| {
        service.patch(&format!("/v1/people/{}", ids[at]), &json!({ "expires": yesterday })).expect(200);
    };
    history(0).expect(200);
    expire(0);
    history(0).problem(404, "not_found");
    assert!(!has_database(&service));
    let session = begin(&service, &json!({"title": "Everybody"}));
    history(0).problem(404, "not_found");
    service.patch(&format!("{session}/entries/{}", ids[1]), &json!({"status": "late"})).expect(200);
    expire(1);
    assert_eq!(history(1).expect(200)["sessions"][0]["entry"]["status"], "late");
}

#[test]
fn the_groups_of_a_person_stand_beside_the_history() {
    let service = Service::on(school_data(), &[]);
    let obama = id_of(&service, "Barack Obama");
    let groups = || service.get(&format!("/v1/people/{obama}/attendance")).expect(200)["groups"].clone();
    assert_eq!(groups(), json!(["7A", "Choir"]));
    assert!(!has_database(&service));
    put(&service, "/v1/groups/Chess", &json!({"members": [obama]})).expect(200);
    assert_eq!(groups(), json!(["7A", "Chess", "Choir"]));
}

#[test]
fn people_deleted_before_their_photo_is_recorded_are_neither_recorded_nor_told_of() {
    let service = Service::on(school_data(), &["--attendance-session", "auto"]);
    let obama = id_of(&service, "Barack Obama");
    let session = begin(&service, &json!({"title": "Maths"}));
    // The thread that records waits with the first photo, as it would for another writer.
    let lock = rusqlite::Connection::open(service.data.path().join("attendance.db")).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    for file in ["astronaut.png", "obama2.jpg"] {
        service.post_form("/recognize_faces", Form::new().file("file", file, &photo(file))).expect(200);
    }
    service.delete(&format!("/v1/people/{obama}")).expect(204);
    lock.execute_batch("COMMIT").unwrap();
    assert!(service.state.service.drain(LIMIT));
    let found = service.get(&session).expect(200);
    // Barack Obama is on the roster still.
    let expected =
        [("Barack Obama", "not_enrolled"), ("Eileen Collins", "present"), ("Joe Biden", "not_enrolled")];
    assert_eq!((list(&found), &found["unknown_faces"]), (expected.to_vec(), &json!(1)));
}

fn from_elsewhere(service: &Service, path: &str) -> Reply {
    let mut request = request(Method::POST, path, "image/jpeg", photo("obama2.jpg"));
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
    service.send(request)
}

#[test]
fn who_belongs_to_a_group_is_told_to_those_who_may_manage_people() {
    let service = Service::on(school_data(), &[]);
    for path in ["/v1/recognize?group=7A", "/v1/recognize?group=none"] {
        let problem = from_elsewhere(&service, path).problem(403, "forbidden");
        assert!(problem["detail"].as_str().unwrap().starts_with("group: expected none"), "{problem}");
    }
    assert_eq!(from_elsewhere(&service, "/v1/recognize").expect(200)["faces"][0]["other_group"], Value::Null);
    let known = service.post_photo("/v1/recognize?group=7A", photo("obama2.jpg")).expect(200);
    assert_eq!(known["faces"][0]["other_group"], false);
}

#[test]
fn a_group_gets_another_name_and_its_sessions_with_it() {
    let service = Service::on(school_data(), &[]);
    let rename = |from: &str, to: &str| service.patch(&format!("/v1/groups/{from}"), &json!({ "name": to }));
    let unknown = rename("9Z", "9Y").problem(404, "not_found");
    let expected = "there is no group \"9Z\": expected one of 7A, 7B, Choir";
    assert_eq!(unknown["detail"], expected);
    assert!(!has_database(&service));
    let session = begin(&service, &lesson("2026-11-26T08:00"));
    let renamed = rename("7A", "8A").expect(200);
    assert_eq!((&renamed["name"], renamed["members"].as_array().unwrap().len()), (&json!("8A"), 2));
    let after = service.get(&session).expect(200);
    assert_eq!((&after["group"], list(&after).len()), (&json!("8A"), 2));
    rename("8A", "7B").problem(409, "conflict");
    rename("8A", " ").problem(400, "invalid_request");
    service.patch("/v1/groups/8A", &json!({"title": "x"})).problem(400, "invalid_request");
    // The roster has not changed, so the new name stands.
    service.state.service.poll_files();
    assert_eq!(service.get("/v1/groups").expect(200)["groups"][1]["name"], "8A");
}

#[test]
fn a_change_of_groups_that_is_refused_creates_no_database() {
    let service = Service::on(school_data(), &[]);
    let obama = id_of(&service, "Barack Obama");
    put(&service, "/v1/people/nobody/groups", &json!({"groups": ["7A"]})).problem(404, "not_found");
    put(&service, &format!("/v1/people/{obama}/groups"), &json!({"groups": [" 7A"]}))
        .problem(400, "invalid_request");
    put(&service, "/v1/groups/Chess", &json!({"members": [obama, "nobody"]})).problem(404, "not_found");
    put(&service, "/v1/groups/%20", &json!({"members": [obama]})).problem(400, "invalid_request");
    service.patch("/v1/groups/7A", &json!({"name": "7B"})).problem(409, "conflict");
    service.patch("/v1/groups/7A", &json!({"name": ""})).problem(400, "invalid_request");
    assert!(!has_database(&service));
    let unknown = service.get("/v1/groups/9Z").problem(404, "not_found");
    put(&service, "/v1/groups/7A", &json!({"members": [obama]})).expect(200);
    assert!(has_database(&service));
    assert_eq!(service.get("/v1/groups/9Z").problem(404, "not_found")["detail"], unknown["detail"]);
}

#[test]
fn sessions_that_close_by_themselves_are_in_the_access_log_and_one_that_cannot_holds_up_no_other() {
    let data = school_data();
    let log = data.path().join("access.jsonl");
    let service = Service::on(data, &["--access-log", log.to_str().unwrap()]);
    let store = service.state.service.attendance().unwrap().store();
    let start: Timestamp = "2026-01-01T08:00:00Z".parse().unwrap();
    let sessions = ["first", "second"].map(|key| {
        let new = NewSession {
            title: key.to_owned(),
            group: None,
            zone: "UTC".to_owned(),
            start,
            late_after_minutes: None,
            end: Some(start + 1.hour()),
        };
        store.automatic_session(key, &new, start).unwrap().id
    });
    let is_open = || sessions.each_ref().map(|id| store.session(id).unwrap().is_open());
    let over = store.automatic_over(start + 2.hours()).unwrap();
    let database = rusqlite::Connection::open(service.data.path().join("attendance.db")).unwrap();
    // The one that is looked at first.
    let title = store.session(&over[0]).unwrap().what.title;
    let fault = format!(
        "CREATE TRIGGER fault BEFORE UPDATE ON sessions WHEN old.title = '{title}' BEGIN SELECT RAISE(ABORT, 'a fault'); END"
    );
    database.execute_batch(&fault).unwrap();
    service.state.service.tidy_attendance_at(start + 2.hours());
    assert_eq!(is_open(), sessions.each_ref().map(|id| *id == over[0]));
    database.execute_batch("DROP TRIGGER fault").unwrap();
    service.state.service.tidy_attendance_at(start + 3.hours());
    assert_eq!(is_open(), [false, false]);
    assert!(service.state.service.drain(LIMIT));
    let text = std::fs::read_to_string(&log).unwrap();
    let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let who: Vec<_> = entries.iter().map(|entry| (&entry["action"], &entry["key"])).collect();
    assert_eq!(who, [(&json!("change_session"), &json!("service")); 2]);
}

#[test]
fn changes_of_a_session_are_checked_and_its_list_follows() {
    let service = Service::on(school_data(), &[]);
    let session = begin(&service, &lesson("2026-11-26T08:00"));
    let change = |patch: &Value| service.patch(&session, patch);
    for wrong in [
        json!({"title": ""}),
        json!({"title": null}),
        json!({"start": "8 o'clock"}),
        json!({"late_after_minutes": -1}),
        json!({"end": "2026-11-26T07:59"}),
        json!({"group": "7B"}),
    ] {
        change(&wrong).problem(400, "invalid_request");
    }
    change(&json!({"late_after_minutes": 1441})).problem(400, "invalid_parameter");
    service.patch("/v1/sessions/none", &json!({"title": "x"})).problem(404, "not_found");
    let changed = change(&json!({"end": "2026-11-26T08:45", "late_after_minutes": null})).expect(200);
    assert_eq!(
        (&changed["end"], &changed["late_after_minutes"], &changed["title"]),
        (&json!("2026-11-26T07:45:00Z"), &Value::Null, &json!("Maths"))
    );
    assert_eq!(change(&json!({"end": null})).expect(200)["end"], Value::Null);
    // The clock goes back on 25 October: eight o'clock is an hour later in UTC than the day before.
    for (start, utc) in
        [("2026-10-24T08:00", "2026-10-24T06:00:00Z"), ("2026-10-25T08:00", "2026-10-25T07:00:00Z")]
    {
        assert_eq!(change(&json!({ "start": start })).expect(200)["start"], utc);
    }
    assert_eq!(change(&json!({"start": "2026-03-29T02:30"})).expect(200)["date"], "2026-03-29");
    post(&service, &format!("{session}/close"), &json!({})).expect(200);
    change(&json!({"start": "2026-11-26T08:00"})).problem(409, "conflict");
    assert_eq!(change(&json!({"title": "Algebra"})).expect(200)["title"], "Algebra");
}

#[test]
fn sessions_are_listed_in_parts_and_those_begun_by_hand_apart() {
    let service = Service::on(school_data(), &["--attendance-session", "auto"]);
    let form = Form::new().file("file", "obama.jpg", &photo("obama.jpg"));
    service.post_form("/recognize_faces", form).expect(200);
    assert!(service.state.service.drain(LIMIT));
    for day in 1..=3 {
        begin(&service, &json!({"title": format!("{day}"), "start": format!("2026-01-0{day}T08:00:00Z")}));
    }
    let titles = |query: &str| {
        let page = service.get(&format!("/v1/sessions{query}")).expect(200);
        let sessions = page["sessions"].as_array().unwrap().iter();
        (sessions.map(|session| session["title"].clone()).collect::<Vec<_>>(), page["total"].clone())
    };
    assert_eq!(titles("?limit=2&offset=1"), (vec![json!("3"), json!("2")], json!(4)));
    assert_eq!(titles("?by_hand=true&limit=1"), (vec![json!("3")], json!(3)));
    assert_eq!(titles("?by_hand=false").1, 4);
    service.get("/v1/sessions?by_hand=yes").problem(400, "invalid_parameter");
}

#[test]
fn a_session_that_began_by_itself_is_closed_when_its_time_is_over() {
    let service = Service::on(school_data(), &["--attendance-session", "3600"]);
    let form = Form::new().file("file", "obama.jpg", &photo("obama.jpg"));
    service.post_form("/recognize_faces", form).expect(200);
    assert!(service.state.service.drain(LIMIT));
    let by_hand = begin(
        &service,
        &json!({"title": "Maths", "start": "2026-01-01T08:00:00Z", "end": "2026-01-01T09:00:00Z"}),
    );
    let found = || service.get("/v1/sessions").expect(200)["sessions"][0].clone();
    let end: Timestamp = found()["end"].as_str().unwrap().parse().unwrap();
    service.state.service.tidy_attendance_at(end + 9.minutes());
    assert_eq!(found()["state"], "open", "photos may wait to be recorded");
    service.state.service.tidy_attendance_at(end + 11.minutes());
    assert_eq!((&found()["state"], &found()["closed_by"]), (&json!("closed"), &json!("service")));
    assert_eq!(service.get(&by_hand).expect(200)["state"], "open");
}

#[test]
fn what_is_too_old_is_deleted_once_a_day_and_a_failure_is_made_up_for_soon() {
    let service = Service::on(school_data(), &["--attendance-retention-days", "30"]);
    let (now, tidy) = (Timestamp::now(), |now| service.state.service.tidy_attendance_at(now));
    let old = || begin(&service, &json!({"title": "Old", "start": "2020-01-01T08:00:00Z"}));
    let total = || service.get("/v1/sessions").expect(200)["total"].clone();
    begin(&service, &json!({"title": "New"}));
    old();
    let database = rusqlite::Connection::open(service.data.path().join("attendance.db")).unwrap();
    let fault = "CREATE TRIGGER fault BEFORE DELETE ON sessions BEGIN SELECT RAISE(ABORT, 'a fault'); END";
    database.execute_batch(fault).unwrap();
    tidy(now);
    database.execute_batch("DROP TRIGGER fault").unwrap();
    tidy(now + 9.minutes());
    assert_eq!(total(), 2);
    tidy(now + 10.minutes());
    assert_eq!(total(), 1);
    old();
    tidy(now + 23.hours());
    assert_eq!(total(), 2, "it was looked at today");
    tidy(now + 25.hours());
    assert_eq!(total(), 1);
    old();
    tidy(now - 48.hours());
    assert_eq!(total(), 1, "a clock that was set back puts nothing off");
}

#[test]
fn messages_sent_again_are_in_the_access_log() {
    let data = school_data();
    let log = data.path().join("access.jsonl");
    let service = Service::on(data, &["--access-log", log.to_str().unwrap()]);
    put(&service, "/v1/groups/Chess", &json!({"members": []})).expect(200);
    assert_eq!(post(&service, "/v1/webhooks/dead-letters/resend", &json!({})).expect(200)["resent"], 0);
    post(&service, "/v1/webhooks/dead-letters/resend", &json!({"id": "none"})).problem(404, "not_found");
    assert!(service.state.service.drain(LIMIT));
    let text = std::fs::read_to_string(&log).unwrap();
    let actions: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["action"].clone()).collect();
    assert_eq!(actions, [json!("change_group"), json!("resend_messages")]);
}

#[test]
fn two_who_delete_expired_people_at_once_record_it_once() {
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("access.jsonl");
    let mut person = (*gallery_of(&[vec![embedding(1)]]).people()[0]).clone();
    person.expires = Some(jiff::civil::date(2020, 1, 1));
    let gallery = facerec::gallery::Gallery::new(crate::support::faces::recipe(), vec![person]).unwrap();
    store::write(&data.path().join(store::FILE_NAME), &gallery).unwrap();
    let arguments = ["--expired-people-days", "10", "--access-log", log.to_str().unwrap()];
    let whole = Service::on(data, &arguments);
    let service = &whole.state.service;
    let started = AtomicBool::new(false);
    let deleted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    while !started.load(Ordering::Acquire) {
                        std::hint::spin_loop();
                    }
                    service.delete_expired(today()).unwrap()
                })
            })
            .collect();
        started.store(true, Ordering::Release);
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(service.drain(LIMIT));
    assert_eq!((deleted, std::fs::read_to_string(&log).unwrap().lines().count()), (1, 1));
}
