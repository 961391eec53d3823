//! Attendance over HTTP: a class of public figures, from the roster to the report.

use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use calamine::{Data, Reader as _, Xlsx};
use facerec::gallery::store;
use facerec::http::middleware::auth::Access;
use facerec::keys::backend::KeysFile;
use facerec::keys::file::to_toml;
use facerec::keys::{KeyEntry, Scope};
use facerec::roster;
use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::support::app::{Form, Service, request};
use crate::support::faces::{embedding, gallery_of};
use crate::support::photo;

/// The gallery's file with Barack Obama and Eileen Collins, enrolled once for the whole run.
static GALLERY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let service = Service::empty(&[]);
    for (name, file) in [("Barack Obama", "obama.jpg"), ("Eileen Collins", "astronaut.png")] {
        let form = Form::new().text("name", name).file("photos", file, &photo(file)).text("force", "true");
        service.post_form("/v1/people", form).expect(201);
    }
    std::fs::read(service.data.path().join(store::FILE_NAME)).unwrap()
});

/// Barack Obama and Joe Biden are in 7A, Eileen Collins is in 7B. Of Joe Biden no face is enrolled.
pub fn roster_of_school() -> Vec<u8> {
    let rows = [
        ["Name", "ID", "Class"],
        ["Barack Obama", "P-1", "7A; Choir"],
        ["Eileen Collins", "P-2", "7B"],
        ["Joe Biden", "P-3", "7A"],
    ];
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            sheet.write_string(row, column, cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

pub fn school_data() -> TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join(store::FILE_NAME), &*GALLERY).unwrap();
    std::fs::write(data.path().join(roster::Format::Xlsx.file_name()), roster_of_school()).unwrap();
    data
}

fn school() -> Service {
    Service::on(school_data(), &[])
}

pub fn post(service: &Service, path: &str, body: &Value) -> crate::support::app::Reply {
    service.send(request(Method::POST, path, "application/json", body.to_string().into_bytes()))
}

pub fn put(service: &Service, path: &str, body: &Value) -> crate::support::app::Reply {
    service.send(request(Method::PUT, path, "application/json", body.to_string().into_bytes()))
}

pub fn lesson(start: &str) -> Value {
    json!({"title": "Maths", "group": "7A", "time_zone": "Europe/Berlin", "start": start, "late_after_minutes": 10})
}

/// Begins a session; its address.
pub fn begin(service: &Service, body: &Value) -> String {
    let session = post(service, "/v1/sessions", body).expect(201);
    format!("/v1/sessions/{}", session["id"].as_str().unwrap())
}

/// A form with photos, each with the time at which it was taken.
pub fn photos(taken: &[(&str, &str)]) -> Form {
    taken
        .iter()
        .fold(Form::new(), |form, (file, at)| form.text("captured_at", at).file("photos", file, &photo(file)))
}

/// Names and statuses of a list.
pub fn list(session: &Value) -> Vec<(&str, &str)> {
    let entries = session["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| (entry["person"]["name"].as_str().unwrap(), entry["status"].as_str().unwrap()))
        .collect()
}

pub fn id_of(service: &Service, name: &str) -> String {
    let gallery = service.gallery();
    gallery.people().iter().find(|person| person.name == *name).unwrap().id.clone()
}

/// The bytes of a file that a service gives, with its name.
pub fn download(service: &Service, path: &str) -> (String, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let request = Request::get(path).header("host", "localhost");
        let mut request = request.body(Body::empty()).unwrap();
        let here = std::net::SocketAddr::from(([127, 0, 0, 1], 40_000));
        request.extensions_mut().insert(axum::extract::ConnectInfo(here));
        let response = facerec::http::router(service.state.clone()).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let name = response.headers()["content-disposition"].to_str().unwrap().to_owned();
        (name, to_bytes(response.into_body(), 64 << 20).await.unwrap().to_vec())
    })
}

pub fn has_database(service: &Service) -> bool {
    service.data.path().join("attendance.db").exists()
}

#[test]
fn a_class_from_its_roster_over_photos_and_corrections_to_the_signed_off_list_and_the_report() {
    let service = school();
    // Nothing is kept by those who take no attendance.
    service.post_form("/v1/recognize", Form::new().file("file", "a.jpg", &photo("obama.jpg"))).expect(200);
    let groups = service.get("/v1/groups").expect(200);
    let expected =
        json!([{"name": "7A", "members": 2}, {"name": "7B", "members": 1}, {"name": "Choir", "members": 1}]);
    assert_eq!(groups["groups"], expected);
    let absent = json!({"title": "Maths", "group": "9Z"});
    post(&service, "/v1/sessions", &absent).problem(404, "not_found");
    post(&service, "/v1/sessions", &json!({"title": " "})).problem(400, "invalid_request");
    service.state.service.poll_files();
    assert!(!has_database(&service));

    let session = begin(&service, &lesson("2026-11-26T08:00"));
    assert!(has_database(&service));
    let page = service.get("/v1/sessions?open=true").expect(200);
    assert_eq!((&page["total"], &page["sessions"][0]["start"]), (&json!(1), &json!("2026-11-26T07:00:00Z")));
    let before = service.get(&session).expect(200);
    assert_eq!(list(&before), [("Barack Obama", "absent"), ("Joe Biden", "not_enrolled")]);

    add_photos_to_the_first_lesson(&service, &session);
    correct_and_close_it(&service, &session);
    read_its_exports(&service, &session);
    hold_a_second_lesson_and_report(&service);

    service.delete(&session).expect(204);
    service.get(&session).problem(404, "not_found");
    service.delete(&session).problem(404, "not_found");
}

fn add_photos_to_the_first_lesson(service: &Service, session: &str) {
    // The group photo shows all three; Joe Biden's face is nobody's, Eileen Collins is of another class.
    let form = photos(&[("group.jpg", "2026-11-26T08:02"), ("no_face.png", "2026-11-26T08:03")]).file(
        "file",
        "broken.jpg",
        b"no photo",
    );
    let answer = service.post_form(&format!("{session}/photos"), form).expect(200);
    let [group, nobody, broken] = &answer["photos"].as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!(
        (&group["photo"], &group["captured_at"]),
        (&json!("group.jpg"), &json!("2026-11-26T07:02:00Z"))
    );
    let recognition = &group["recognition"];
    assert_eq!(
        (recognition["faces"].as_array().unwrap().len(), &recognition["unknown_faces"]),
        (3, &json!(1))
    );
    let change = |name: &str, id: &str, student: &str, to: &str| json!({"person": {"id": id, "name": name, "student_id": student}, "from": null, "to": to});
    let (obama, collins) = (id_of(service, "Barack Obama"), id_of(service, "Eileen Collins"));
    let mut changes = group["changes"].as_array().unwrap().clone();
    changes.sort_by_key(ToString::to_string);
    let mut expected = [
        change("Barack Obama", &obama, "P-1", "present"),
        change("Eileen Collins", &collins, "P-2", "present"),
    ];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(changes, expected);
    assert_eq!(group["visitors"], json!([{"id": collins, "name": "Eileen Collins", "student_id": "P-2"}]));
    assert_eq!(nobody["recognition"]["faces"], json!([]));
    assert_eq!(
        (&broken["recognition"], &broken["error"]["code"]),
        (&Value::Null, &json!("unsupported_image"))
    );
    assert!(group["error"].is_null() && group["repeated"] == false);

    let seen = service.get(session).expect(200);
    let expected =
        [("Barack Obama", "present"), ("Eileen Collins", "present"), ("Joe Biden", "not_enrolled")];
    assert_eq!(list(&seen), expected);
    assert_eq!((&seen["photos"], &seen["unknown_faces"]), (&json!(2), &json!(1)));
    let entry = &seen["entries"][0];
    assert_eq!((&entry["photo"]["id"], &entry["first_seen"]), (&group["id"], &json!("2026-11-26T07:02:00Z")));
    assert!(entry["similarity"].as_f64().unwrap() > 0.5, "{entry}");
    assert_eq!((&seen["entries"][1]["member"], &seen["counts"]["present"]), (&json!(false), &json!(1)));
    // The same photo once more changes nothing.
    let again = photos(&[("group.jpg", "2026-11-26T08:02")]);
    let again = service.post_form(&format!("{session}/photos"), again).expect(200);
    assert_eq!((&again["photos"][0]["repeated"], &again["photos"][0]["changes"]), (&json!(true), &json!([])));
    assert_eq!(again["photos"][0]["id"], group["id"]);
}

fn correct_and_close_it(service: &Service, session: &str) {
    let seen = service.get(session).expect(200);
    let biden = seen["entries"][2]["person"]["id"].as_str().unwrap();
    let excuse = json!({"status": "excused", "note": "at the dentist", "by": "Ms Frizzle"});
    let corrected = service.patch(&format!("{session}/entries/{biden}"), &excuse).expect(200);
    assert_eq!((&corrected["status"], &corrected["manual"]["by"]), (&json!("excused"), &json!("Ms Frizzle")));
    let unsure = json!({"status": "unsure"});
    service.patch(&format!("{session}/entries/{biden}"), &unsure).problem(400, "invalid_request");
    service
        .patch(&format!("{session}/entries/{biden}"), &json!({"note": "x"}))
        .problem(400, "invalid_request");
    service.patch(&format!("{session}/entries/nobody"), &excuse).problem(404, "not_found");
    let moved = service.patch(session, &json!({"start": "2026-11-26T07:45", "title": "Algebra"})).expect(200);
    assert_eq!((&moved["start"], &moved["title"]), (&json!("2026-11-26T06:45:00Z"), &json!("Algebra")));
    assert_eq!(list(&service.get(session).expect(200))[0], ("Barack Obama", "late"));

    let closed = post(service, &format!("{session}/close"), &json!({"by": "Ms Frizzle"})).expect(200);
    assert_eq!((&closed["state"], &closed["closed_by"]), (&json!("closed"), &json!("Ms Frizzle")));
    let late = photos(&[("obama2.jpg", "2026-11-26T07:46")]);
    service.post_form(&format!("{session}/photos"), late).problem(409, "conflict");
    // The body may be left out.
    service.send(request(Method::POST, &format!("{session}/close"), "", Vec::new())).expect(200);
}

fn read_its_exports(service: &Service, session: &str) {
    let (name, csv) = download(service, &format!("{session}?format=csv&bom=true"));
    assert_eq!(name, "attachment; filename=\"session-2026-11-26.csv\"");
    let csv = String::from_utf8(csv).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[0].starts_with("\u{feff}Name,ID,Status,First seen"), "{}", lines[0]);
    assert!(lines[1].starts_with("Barack Obama,P-1,late,2026-11-26 08:02:00"), "{}", lines[1]);
    assert!(lines[3].starts_with("Joe Biden,P-3,excused,"), "{}", lines[3]);
    let (_, xlsx) = download(service, "/v1/attendance?group=7A&from=2026-11-26&to=2026-11-26&format=xlsx");
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(xlsx)).unwrap();
    let rows = workbook.worksheet_range("Attendance").unwrap();
    let rows: Vec<Vec<Data>> = rows.rows().map(<[Data]>::to_vec).collect();
    assert_eq!(rows[0][2], Data::String("2026-11-26 07:45 Algebra".into()));
    assert_eq!(
        [&rows[1][0], &rows[1][2]],
        [&Data::String("Barack Obama".into()), &Data::String("late".into())]
    );
}

fn hold_a_second_lesson_and_report(service: &Service) {
    // The second lesson: nobody comes but who is seen in time.
    let second = begin(service, &lesson("2026-11-27T08:00"));
    let form = photos(&[("obama2.jpg", "2026-11-27T08:05")]);
    service.post_form(&format!("{second}/photos"), form).expect(200);
    post(service, &format!("{second}/close"), &json!({})).expect(200);
    let report = service.get("/v1/attendance?group=7A").expect(200);
    let rows = report["people"].as_array().unwrap().iter();
    let rows: Vec<_> = rows.map(|row| (row["person"]["name"].clone(), row["statuses"].clone())).collect();
    let expected = [
        (json!("Barack Obama"), json!(["late", "present"])),
        (json!("Joe Biden"), json!(["excused", "not_enrolled"])),
    ];
    assert_eq!(rows, expected);
    assert_eq!(report["people"][0]["counts"]["attended_share"], 1.0);
    assert_eq!(
        service.get("/v1/attendance?from=2026-11-27").expect(200)["sessions"].as_array().unwrap().len(),
        1
    );
    let collins = id_of(service, "Eileen Collins");
    let history = service.get(&format!("/v1/people/{collins}/attendance")).expect(200);
    assert_eq!(history["person"]["name"], "Eileen Collins");
    assert_eq!(history["sessions"][0]["session"]["title"], "Algebra");
    assert_eq!(history["sessions"][0]["entry"]["member"], false);
    service.get("/v1/people/nobody/attendance").problem(404, "not_found");
}

#[test]
fn a_repeated_request_gets_the_first_response_and_another_one_under_its_key_is_refused() {
    let service = school();
    let keyed = |mut request: Request<Body>| {
        request.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
        request
    };
    let create = |title: &str| {
        let body = json!({"title": title, "start": "2026-11-26T08:00:00Z"}).to_string().into_bytes();
        service.send(keyed(request(Method::POST, "/v1/sessions", "application/json", body)))
    };
    let session = create("Maths").expect(201);
    assert_eq!(create("Maths").expect(201)["id"], session["id"]);
    create("Physics").problem(409, "conflict");
    assert_eq!(service.get("/v1/sessions").expect(200)["total"], 1);

    let path = format!("/v1/sessions/{}/photos", session["id"].as_str().unwrap());
    let add = |file: &str| {
        let mut request = photos(&[(file, "2026-11-26T08:02:00Z")]).request(Method::POST, &path);
        request.headers_mut().insert("idempotency-key", "k-2".parse().unwrap());
        request
    };
    let first = service.send(add("obama.jpg")).expect(200);
    assert_eq!(first["photos"][0]["changes"][0]["to"], "present");
    assert_eq!(
        service.send(add("obama.jpg")).expect(200),
        first,
        "the response of the first, changes included"
    );
    service.send(add("obama2.jpg")).problem(409, "conflict");
    let mut odd = add("obama.jpg");
    odd.headers_mut().insert("idempotency-key", "".parse().unwrap());
    service.send(odd).problem(400, "invalid_request");
}

#[test]
fn a_camera_adds_photos_to_a_session_that_it_finds_by_its_title_and_sees_no_more() {
    let data = school_data();
    let keys = data.path().join("keys.toml");
    let entries = [
        KeyEntry::of("camera", Scope::Recognize, "facerec_camera"),
        KeyEntry::of("office", Scope::Manage, "facerec_office"),
    ];
    std::fs::write(&keys, to_toml(&entries).unwrap()).unwrap();
    let access = Access::new(Some(Arc::new(KeysFile::open(&keys).unwrap())));
    let log = data.path().join("access.jsonl");
    let service = Service::guarded(data, &["--access-log", log.to_str().unwrap()], access);
    let send = |key: &str, mut request: Request<Body>| {
        request.headers_mut().insert("x-api-key", key.parse().unwrap());
        service.send(request)
    };
    let get = |key: &str, path: &str| send(key, request(Method::GET, path, "", Vec::new()));
    let new = |start: &str| {
        let body = lesson(start).to_string().into_bytes();
        let session = send("facerec_office", request(Method::POST, "/v1/sessions", "application/json", body));
        session.expect(201)["id"].as_str().unwrap().to_owned()
    };
    let (closed, open) = (new("2026-11-25T08:00"), new("2026-11-26T08:00"));
    let close = request(Method::POST, &format!("/v1/sessions/{closed}/close"), "", Vec::new());
    assert_eq!(send("facerec_office", close).expect(200)["closed_by"], "office");

    let page = get("facerec_camera", "/v1/sessions").expect(200);
    assert_eq!(page["sessions"], json!([{"id": open, "title": "Maths"}]));
    assert_eq!(get("facerec_office", "/v1/sessions").expect(200)["total"], 2);
    get("facerec_camera", &format!("/v1/sessions/{open}")).problem(403, "forbidden");
    get("facerec_camera", "/v1/attendance").problem(403, "forbidden");

    let add = |id: &str| {
        photos(&[("group.jpg", "2026-11-26T08:20")])
            .request(Method::POST, &format!("/v1/sessions/{id}/photos"))
    };
    send("facerec_camera", add(&closed)).problem(409, "conflict");
    send("facerec_camera", add("nothing")).problem(404, "not_found");
    let answer = send("facerec_camera", add(&open)).expect(200);
    let changes = answer["photos"][0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2, "{answer}");
    assert!(changes.iter().all(|change| change["from"].is_null() && change["to"] == "late"), "{answer}");

    let obama = id_of(&service, "Barack Obama");
    let patch = json!({"status": "present", "by": "Ms Frizzle"}).to_string().into_bytes();
    let path = format!("/v1/sessions/{open}/entries/{obama}");
    let corrected =
        send("facerec_office", request(Method::PATCH, &path, "application/json", patch)).expect(200);
    assert_eq!(corrected["manual"]["by"], "Ms Frizzle (office)");
    assert!(service.state.service.drain(std::time::Duration::from_mins(1)));
    let text = std::fs::read_to_string(&log).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let actions: Vec<(String, String)> = lines
        .map(|line| (line["key"].as_str().unwrap().to_owned(), line["action"].as_str().unwrap().to_owned()))
        .collect();
    let expected = [
        ("office", "change_session"),
        ("office", "change_session"),
        ("office", "change_session"),
        ("camera", "recognize"),
        ("camera", "mark_attendance"),
        ("office", "correct_attendance"),
    ];
    assert_eq!(actions, expected.map(|(key, action)| (key.to_owned(), action.to_owned())));
    assert!(!text.contains("Obama"));
}

#[test]
fn a_request_that_names_a_group_says_who_is_of_another_one() {
    let service = school();
    let recognize = |query: &str| {
        let form = Form::new().file("file", "a.jpg", &photo("group.jpg"));
        service.post_form(&format!("/v1/recognize{query}"), form)
    };
    let others = |answer: &Value| {
        let faces = answer["faces"].as_array().unwrap().iter();
        let mut found: Vec<(String, Value)> = faces
            .map(|face| {
                (face["person"]["name"].as_str().unwrap_or("").to_owned(), face["other_group"].clone())
            })
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found
    };
    let of = |obama: Value, collins: Value| {
        [
            (String::new(), Value::Null),
            ("Barack Obama".to_owned(), obama),
            ("Eileen Collins".to_owned(), collins),
        ]
    };
    let answer = recognize("?group=7A").expect(200);
    assert_eq!(others(&answer), of(json!(false), json!(true)));
    assert_eq!(others(&recognize("").expect(200)), of(Value::Null, Value::Null));
    recognize("?group=9Z").problem(404, "not_found");
    assert!(!has_database(&service));
    // Groups made by hand count as soon as there are any.
    let collins = id_of(&service, "Eileen Collins");
    put(&service, "/v1/groups/Chess", &json!({"members": [collins]})).expect(200);
    assert_eq!(others(&recognize("?group=Chess").expect(200)), of(json!(true), json!(false)));
}

#[test]
fn the_groups_of_a_person_are_read_and_set() {
    let service = school();
    let id = id_of(&service, "Barack Obama");
    let path = format!("/v1/people/{id}/groups");
    let of_roster = service.get(&path).expect(200)["groups"].clone();
    assert!(of_roster.as_array().unwrap().contains(&json!("7A")), "{of_roster}");
    assert!(!has_database(&service), "reading makes none");
    let set = put(&service, &path, &json!({"groups": ["Orchestra", "7B", "7B"]})).expect(200);
    assert_eq!(set["groups"], json!(["7B", "Orchestra"]));
    assert_eq!(service.get(&path).expect(200), set);
    let members = |group: &str| service.get(&format!("/v1/groups/{group}")).expect(200)["members"].clone();
    assert_eq!(members("Orchestra")[0]["id"], json!(id));
    assert_eq!(members("7A").as_array().unwrap().len(), 1, "somebody who is only on the roster stays");
    put(&service, &path, &json!({"groups": []})).expect(200);
    assert_eq!(service.get(&path).expect(200)["groups"], json!([]));
    put(&service, &path, &json!({"groups": [""]})).problem(400, "invalid_request");
    put(&service, &path, &json!({"members": []})).problem(400, "invalid_request");
    for path in ["/v1/people/nobody/groups", "/v1/people/01JDK5Q2W7C1Z8N4T6R0YB3MXA/groups"] {
        service.get(path).problem(404, "not_found");
        put(&service, path, &json!({"groups": ["7A"]})).problem(404, "not_found");
    }
}

#[test]
fn groups_are_read_made_and_deleted() {
    let service = school();
    let of_roster = service.get("/v1/groups/7A").expect(200);
    let members = of_roster["members"].as_array().unwrap();
    let who = |member: &Value| (member["name"].clone(), member["enrolled"].clone(), member["id"].is_null());
    let expected = [(json!("Barack Obama"), json!(true), false), (json!("Joe Biden"), json!(false), true)];
    assert_eq!(members.iter().map(who).collect::<Vec<_>>(), expected);
    service.get("/v1/groups/none").problem(404, "not_found");
    service.delete("/v1/groups/none").problem(404, "not_found");
    assert!(!has_database(&service));
    let id = id_of(&service, "Barack Obama");
    let made = put(&service, "/v1/groups/Chess%20club", &json!({"members": [id]})).expect(200);
    assert_eq!((&made["name"], &made["members"][0]["id"]), (&json!("Chess club"), &json!(id)));
    put(&service, "/v1/groups/Chess", &json!({"members": ["nobody"]})).problem(404, "not_found");
    put(&service, "/v1/groups/Chess", &json!({"people": []})).problem(400, "invalid_request");
    let names = |service: &Service| {
        let groups = service.get("/v1/groups").expect(200)["groups"].clone();
        groups.as_array().unwrap().iter().map(|group| group["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(&service), ["7A", "7B", "Chess club", "Choir"]);
    service.delete("/v1/groups/Chess%20club").expect(204);
    assert_eq!(names(&service), ["7A", "7B", "Choir"]);
}

#[test]
fn changes_of_people_reach_attendance() {
    let gallery = gallery_of(&[vec![embedding(1)], vec![embedding(2)], vec![embedding(3)]]);
    let service = Service::with(&gallery);
    let session = begin(&service, &json!({"title": "Everybody", "start": "2026-11-26T08:00:00Z"}));
    let ids: Vec<String> = gallery.people().iter().map(|person| person.id.clone()).collect();
    let excused = json!({"status": "excused"});
    service.patch(&format!("{session}/entries/{}", ids[1]), &excused).expect(200);
    let expected = [("Person 0", "absent"), ("Person 1", "excused"), ("Person 2", "absent")];
    assert_eq!(list(&service.get(&session).expect(200)), expected);

    post(&service, &format!("/v1/people/{}/merge", ids[0]), &json!({"from": ids[1]})).expect(200);
    assert_eq!(list(&service.get(&session).expect(200)), [("Person 0", "excused"), ("Person 2", "absent")]);
    service.patch(&format!("/v1/people/{}", ids[0]), &json!({"name": "Ada"})).expect(200);
    assert_eq!(list(&service.get(&session).expect(200)), [("Ada", "excused"), ("Person 2", "absent")]);
    // Who is deleted keeps entries, and is on no further list.
    service.delete(&format!("/v1/people/{}", ids[0])).expect(204);
    service.delete(&format!("/v1/people/{}", ids[2])).expect(204);
    let left = service.get(&session).expect(200);
    assert_eq!(list(&left), [("Ada", "excused")]);
    assert_eq!(left["entries"][0]["person"]["enrolled"], false);
    service.get(&format!("/v1/people/{}/attendance", ids[0])).expect(200);
    // A roster that is replaced while the service runs counts at once.
    let workbook = roster_of_school();
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    service.send(request(Method::PUT, "/v1/roster", xlsx, workbook)).expect(200);
    let session = begin(&service, &lesson("2026-11-26T08:00"));
    let expected = [("Barack Obama", "not_enrolled"), ("Joe Biden", "not_enrolled")];
    assert_eq!(list(&service.get(&session).expect(200)), expected);
}

#[test]
fn whoever_has_left_is_on_no_list_and_no_photo_brings_the_person_back() {
    let service = Service::on(school_data(), &["--attendance-session", "auto"]);
    let session = begin(&service, &json!({"title": "Everybody"}));
    let yesterday = facerec::service::snapshot::today().yesterday().unwrap().to_string();
    for name in ["Barack Obama", "Eileen Collins"] {
        let id = id_of(&service, name);
        service.patch(&format!("/v1/people/{id}"), &json!({ "expires": yesterday })).expect(200);
    }
    // Who is still on the roster is on the list, as somebody without a face.
    let expected =
        [("Barack Obama", "not_enrolled"), ("Eileen Collins", "not_enrolled"), ("Joe Biden", "not_enrolled")];
    assert_eq!(list(&service.get(&session).expect(200)), expected);
    let form = Form::new().file("file", "group.jpg", &photo("group.jpg"));
    service.post_form("/recognize_faces", form).expect(200);
    assert!(service.state.service.drain(std::time::Duration::from_mins(1)));
    let after = service.get(&session).expect(200);
    assert_eq!((list(&after), &after["unknown_faces"]), (expected.to_vec(), &json!(3)));
}

#[test]
fn a_persons_attendance_is_removed_or_anonymised_and_the_person_stays_enrolled() {
    let gallery = gallery_of(&[vec![embedding(1)], vec![embedding(2)]]);
    let service = Service::with(&gallery);
    let id = |at: usize| gallery.people()[at].id.clone();
    let nothing = service.delete(&format!("/v1/people/{}/attendance", id(0))).expect(200);
    assert_eq!(nothing["entries"], 0);
    assert!(!has_database(&service));
    let session = begin(&service, &json!({"title": "Everybody", "start": "2026-11-26T08:00:00Z"}));
    for at in [0, 1] {
        let late = json!({"status": "late", "note": "bus"});
        service.patch(&format!("{session}/entries/{}", id(at)), &late).expect(200);
    }
    post(&service, &format!("{session}/close"), &json!({})).expect(200);
    let forget = |at: usize, how: &str| service.delete(&format!("/v1/people/{}/attendance{how}", id(at)));
    forget(0, "?how=hide").problem(400, "invalid_parameter");
    assert_eq!(forget(0, "?how=anonymise").expect(200)["entries"], 1);
    let left = service.get(&session).expect(200);
    assert_eq!(list(&left), [("", "late"), ("Person 1", "late")]);
    assert_eq!(left["entries"][0]["hand"]["note"], Value::Null);
    assert_eq!(forget(1, "").expect(200)["entries"], 1);
    assert_eq!(list(&service.get(&session).expect(200)), [("", "late")]);
    // Both are enrolled still, and on the lists of further sessions.
    let next = begin(&service, &json!({"title": "Everybody", "start": "2026-11-27T08:00:00Z"}));
    assert_eq!(list(&service.get(&next).expect(200)), [("Person 0", "absent"), ("Person 1", "absent")]);
}
