//! `/v1/people` over HTTP: enrolling, listing, changing and deleting people and photos.

use std::sync::Arc;

use axum::http::Method;
use facerec::gallery::writer::DirectoryLock;
use facerec::gallery::{Gallery, store};
use serde_json::{Value, json};

use crate::support::app::{Form, Service, request};
use crate::support::faces::{embedding, gallery_of, person, recipe};
use crate::support::photo;

fn obama() -> Form {
    Form::new().text("name", "Barack Obama").file("photos", "a.jpg", &photo("obama.jpg"))
}

fn enroll(service: &Service, form: Form) -> Value {
    service.post_form("/v1/people", form).expect(201)
}

fn names(service: &Service, query: &str) -> Vec<String> {
    let page = service.get(&format!("/v1/people{query}")).expect(200);
    page["people"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap().to_owned()).collect()
}

/// The gallery as another process would find it.
fn on_disk(service: &Service) -> Gallery {
    store::read(&service.data.path().join(store::FILE_NAME)).unwrap()
}

#[test]
fn who_is_enrolled_is_recognised_changed_and_deleted() {
    let service = Service::empty(&[]);
    assert_eq!(service.get("/v1/people").expect(200)["total"], 0);
    let form = obama().text("student_id", " 0046 ").file("photos", "g.jpg", &photo("group.jpg"));
    let enrolled = enroll(&service, form);
    let id = enrolled["id"].as_str().unwrap();
    assert_eq!((&enrolled["name"], &enrolled["student_id"]), (&json!("Barack Obama"), &json!("0046")));
    let [first, second] = &enrolled["photos"].as_array().unwrap()[..] else { panic!("{enrolled}") };
    assert_eq!((&first["photo"], &first["outcome"]), (&json!("a.jpg"), &json!("accepted")));
    assert!(first["reasons"].is_null() && second["id"].is_null());
    let reasons = json!([{"reason": "several_faces", "measured": 3.0, "needed": 1.0,
                          "detail": "expected one face, found 3"}]);
    assert_eq!(second, &json!({"photo": "g.jpg", "outcome": "rejected", "reasons": reasons}));

    let who = |photo_name: &str| {
        let answer = service.post_photo("/v1/recognize", photo(photo_name)).expect(200);
        answer["faces"][0]["person"].clone()
    };
    assert_eq!(who("obama2.jpg"), json!({"id": id, "name": "Barack Obama", "student_id": "0046"}));

    let path = format!("/v1/people/{id}");
    let found = service.get(&path).expect(200);
    assert_eq!(found["photos"][0]["id"], first["id"]);
    assert_eq!(found["photos"][0]["distance_to_others"], Value::Null, "it is the only one");
    let year = found["photos"][0]["enrolled_at"].as_str().unwrap();
    assert!(year.ends_with('Z') && year.len() == 20 && year > "2025-01-01", "{year}");

    let changed = service.patch(&path, &json!({"name": " B. Obama ", "student_id": 44})).expect(200);
    assert_eq!((&changed["name"], &changed["student_id"]), (&json!("B. Obama"), &json!(44)));
    assert_eq!(who("obama2.jpg")["name"], "B. Obama");
    let changed = service.patch(&path, &json!({"student_id": null})).expect(200);
    assert_eq!((&changed["name"], &changed["student_id"]), (&json!("B. Obama"), &Value::Null));
    assert_eq!(service.patch(&path, &json!({})).expect(200), service.get(&path).expect(200));

    let more = Form::new().file("photos", "b.jpg", &photo("obama2.jpg"));
    let added = service.post_form(&format!("{path}/photos"), more).expect(201);
    let second = added["photos"][0]["id"].as_str().unwrap();
    let distances = service.get(&path).expect(200)["photos"].clone();
    let pairs = service.gallery().people()[0].photos.clone();
    let expected = f64::from(pairs[0].embedding.cosine_distance(&pairs[1].embedding));
    for photo in distances.as_array().unwrap() {
        let distance = photo["distance_to_others"].as_f64().unwrap();
        assert!((distance - expected).abs() < 1e-5 && distance > 0.05, "{distance} for {expected}");
    }
    assert_eq!(service.get("/v1/people").expect(200)["people"][0]["photos"], 2);
    assert_eq!(on_disk(&service), *service.gallery());
    assert_eq!(on_disk(&service).photo_count(), 2);

    let first = first["id"].as_str().unwrap();
    service.delete(&format!("{path}/photos/{first}")).expect(204);
    service.delete(&format!("{path}/photos/{first}")).problem(404, "not_found");
    service.delete(&format!("{path}/photos/{second}")).problem(409, "last_photo");
    service.delete(&path).expect(204);
    for reply in [service.delete(&path), service.get(&path), service.patch(&path, &json!({}))] {
        reply.problem(404, "not_found");
    }
    let more = Form::new().file("photos", "b.jpg", &photo("obama2.jpg"));
    service.post_form(&format!("{path}/photos"), more).problem(404, "not_found");
    assert!(on_disk(&service).is_empty());
    assert_eq!(who("obama2.jpg"), Value::Null);
}

#[test]
fn a_name_belongs_to_one_person_however_it_is_spelt() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let form = |name: &str| Form::new().text("name", name).file("photos", "a.jpg", &photo("biden.jpg"));
    let jose = enroll(&service, form(" Jose\u{301} <b>李雷</b> "));
    assert_eq!(jose["name"], "Jos\u{e9} <b>李雷</b>", "composed, without the white space around it");
    for spelling in [
        "Jos\u{e9} <b>李雷</b>",
        "Jose\u{301} <b>李雷</b>\u{2003}",
        "JOS\u{c9}\u{a0} <B>李雷</B>",
        "jos\u{e9}_<b>李\u{200b}雷</b>\u{feff}",
    ] {
        let problem = service.post_form("/v1/people", form(spelling)).problem(409, "name_taken");
        assert_eq!(problem["person_id"], jose["id"]);
        assert_eq!(problem["detail"], "a person of this name is enrolled already");
    }
    let other = service.gallery().people()[0].id.clone();
    let path = format!("/v1/people/{other}");
    let problem =
        service.patch(&path, &json!({"name": "Jose\u{301} <b>李雷</b>"})).problem(409, "name_taken");
    assert_eq!(problem["person_id"], jose["id"]);
    assert_eq!(service.patch(&path, &json!({"name": "Person 0"})).expect(200)["name"], "Person 0");
    assert_eq!(names(&service, ""), ["Person 0", "Jos\u{e9} <b>李雷</b>"]);
    // Another spelling of the own name is free.
    assert_eq!(service.patch(&path, &json!({"name": "PERSON\u{a0}0"})).expect(200)["name"], "PERSON\u{a0}0");
}

#[test]
fn a_gallery_with_two_spellings_of_a_name_is_used_as_it_is() {
    let people = vec![person("Ada", &[embedding(1)]), person("ADA", &[embedding(2)])];
    let service = Service::with(&Gallery::new(recipe(), people).unwrap());
    assert_eq!(names(&service, ""), ["Ada", "ADA"]);
    let path = format!("/v1/people/{}", service.gallery().people()[1].id);
    // What does not concern the name can be changed, and the name to a free one.
    service.patch(&path, &json!({"name": "ADA", "student_id": 7})).expect(200);
    service.patch(&path, &json!({"name": "aDA"})).problem(409, "name_taken");
    assert_eq!(service.patch(&path, &json!({"name": "Ada King"})).expect(200)["name"], "Ada King");
}

#[test]
fn nobody_is_enrolled_under_a_name_that_turns_the_direction_of_text() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let path = format!("/v1/people/{}", service.gallery().people()[0].id);
    for name in ["\u{202e}adA", "Ada\u{200f}", "A\u{2067}d\u{2069}a"] {
        let form = Form::new().text("name", name).file("photos", "a.jpg", &photo("biden.jpg"));
        let problem = service.post_form("/v1/people", form).problem(400, "invalid_parameter");
        assert!(problem["detail"].as_str().unwrap().contains("changes the direction of text"), "{problem}");
        service.patch(&path, &json!({ "name": name })).problem(400, "invalid_parameter");
    }
    service.patch(&path, &json!({"name": "\u{200b}"})).problem(400, "invalid_parameter");
    assert_eq!(names(&service, ""), ["Person 0"]);
}

#[test]
fn markup_is_only_text() {
    let service = Service::empty(&[]);
    let name = "<img src=x onerror=alert(1)>";
    let form = Form::new().text("name", name).file("photos", "<b>.jpg", &photo("obama.jpg"));
    let enrolled = enroll(&service, form);
    assert_eq!((&enrolled["name"], &enrolled["photos"][0]["photo"]), (&json!(name), &json!("<b>.jpg")));
    assert_eq!(names(&service, "?q=%3CIMG"), [name]);
    let reply = service.get("/v1/people");
    assert_eq!(reply.content_type, "application/json");
    let found = service.post_photo("/v1/recognize", photo("obama2.jpg")).expect(200);
    assert_eq!(found["faces"][0]["person"]["name"], name);
}

#[test]
fn people_are_listed_in_pages_and_searched_by_a_part_of_the_name() {
    let people: Vec<_> = (0..25).map(|n| vec![embedding(n)]).collect();
    let gallery = gallery_of(&people);
    let gallery = gallery.with_person(person("Zo\u{eb} ÅNGSTRÖM", &[embedding(99), embedding(98)])).unwrap();
    let service = Service::with(&gallery);
    let page = service.get("/v1/people?limit=10&offset=20").expect(200);
    assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(26), &json!(10), &json!(20)));
    assert_eq!(page["people"].as_array().unwrap().len(), 6);
    let last = &page["people"][5];
    assert_eq!(
        (&last["photos"], &last["student_id"], &last["roster_id"]),
        (&json!(2), &Value::Null, &Value::Null)
    );
    assert_eq!(names(&service, "?q=PERSON%202&limit=3"), ["Person 2", "Person 20", "Person 21"]);
    assert_eq!(service.get("/v1/people?q=person%202").expect(200)["total"], 6);
    assert_eq!(names(&service, "?q=zoe%CC%88%20%C3%A5ng"), ["Zo\u{eb} ÅNGSTRÖM"]);
    assert_eq!(names(&service, "?q=ZOE__angstrom"), ["Zo\u{eb} ÅNGSTRÖM"]);
    assert_eq!(names(&service, "?offset=26"), Vec::<String>::new());
    assert_eq!(names(&service, "?q=nobody"), Vec::<String>::new());
    for (query, code) in [
        ("?limit=0", "invalid_parameter"),
        ("?limit=%2B1", "invalid_parameter"),
        ("?limit=1001", "invalid_parameter"),
        ("?offset=-1", "invalid_parameter"),
        ("?offset=99999999999", "invalid_parameter"),
        ("?page=2", "unknown_parameter"),
    ] {
        service.get(&format!("/v1/people{query}")).problem(400, code);
    }
    let long = "x".repeat(201);
    service.get(&format!("/v1/people?q={long}")).problem(400, "invalid_parameter");
}

#[test]
fn hostile_ids_are_nobodys() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let person = service.gallery().people()[0].id.clone();
    for id in
        ["..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "'%20OR%201=1--", "%F0%9F%98%80", &"A".repeat(5000)]
    {
        service.get(&format!("/v1/people/{id}")).problem(404, "not_found");
        service.delete(&format!("/v1/people/{id}")).problem(404, "not_found");
        service.delete(&format!("/v1/people/{person}/photos/{id}")).problem(404, "not_found");
    }
    let lower = person.to_ascii_lowercase();
    service.get(&format!("/v1/people/{lower}")).problem(404, "not_found");
    // No UTF-8.
    service.get("/v1/people/%FF").problem(400, "invalid_request");
    assert_eq!(service.gallery().len(), 1);
}

#[test]
fn forms_that_say_too_little_or_too_much_are_refused() {
    let service = Service::empty(&[]);
    let face = photo("obama.jpg");
    let named = |name: &str| Form::new().text("name", name).file("photos", "a.jpg", &face);
    let twenty_one =
        (0..21).fold(Form::new().text("name", "Ada"), |form, _| form.file("photos", "a.jpg", b"x"));
    for (form, code, detail) in [
        (Form::new().text("name", "Ada"), "missing_part", "expected at least one photo in a part `photos`"),
        (Form::new().file("photos", "a.jpg", &face), "missing_part", "expected a part `name` in the form"),
        (named(" \u{3000} "), "invalid_parameter", "the name is empty: expected at least one character"),
        (
            named(&"é".repeat(201)),
            "invalid_parameter",
            "the name has 201 characters: at most 200 are allowed",
        ),
        (named("Ada\n"), "invalid_parameter", "character 4 of the name is a control character"),
        (named("a\u{7}b"), "invalid_parameter", "character 2 of the name is a control character"),
        (named(&"é".repeat(3000)), "invalid_request", "expected at most 4096 bytes in part name, found more"),
        (
            named("Ada").text("name", "Ada"),
            "invalid_request",
            "expected one part `name` in the form, found two",
        ),
        (
            named("Ada").text("force", "yes"),
            "invalid_parameter",
            "force: expected true or false, found \"yes\"",
        ),
        (
            named("Ada").text("forced", "true"),
            "invalid_request",
            "unknown form field \"forced\"; expected one of name, student_id, expires, photos, force",
        ),
        (
            named("Ada").text("student_id", &"7".repeat(201)),
            "invalid_parameter",
            "student_id: expected a number or",
        ),
        (named("Ada").text("student_id", "7\u{0}7"), "invalid_parameter", "student_id: expected a number or"),
        (twenty_one, "invalid_request", "expected at most 20 photos in a form, found more"),
    ] {
        let problem = service.post_form("/v1/people", form).problem(400, code);
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    let body = request(Method::POST, "/v1/people", "application/json", b"{}".to_vec());
    service.send(body).problem(415, "unsupported_media_type");
    assert!(service.gallery().is_empty());
    assert!(!service.data.path().join(store::FILE_NAME).exists());
    // An empty ID is none, as browsers send it.
    assert_eq!(enroll(&service, obama().text("student_id", " "))["student_id"], Value::Null);
}

#[test]
fn changes_that_are_no_merge_patch_are_refused() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let path = format!("/v1/people/{}", service.gallery().people()[0].id);
    for patch in [
        json!([]),
        json!("name"),
        json!({"name": null}),
        json!({"name": 7}),
        json!({"id": "7"}),
        json!({"name": "Ada", "photos": []}),
        json!({"student_id": true}),
        json!({"student_id": {"a": 1}}),
    ] {
        service.patch(&path, &patch).problem(400, "invalid_request");
    }
    for patch in [json!({"name": ""}), json!({"name": "a\u{0}"}), json!({"student_id": " "})] {
        service.patch(&path, &patch).problem(400, "invalid_parameter");
    }
    let send = |content_type: &str, body: &[u8]| {
        service.send(request(Method::PATCH, &path, content_type, body.to_vec()))
    };
    // What floating point would alter without a word.
    for number in ["12345678901234567891", "-9223372036854775809", "123456789012345678901234567890"] {
        let patch = format!("{{\"student_id\": {number}}}");
        let problem = send("application/json", patch.as_bytes()).problem(400, "invalid_parameter");
        assert_eq!(problem["parameter"], "student_id");
        assert!(problem["detail"].as_str().unwrap().contains("send this one as text"), "{problem}");
    }
    for number in [i64::MIN, i64::MAX] {
        assert_eq!(service.patch(&path, &json!({ "student_id": number })).expect(200)["student_id"], number);
    }
    let wrong = service.patch(&path, &json!({"student_id": true})).problem(400, "invalid_request");
    assert_eq!(wrong["detail"], "student_id: expected a number, text or null, found true");
    send("application/json", b"{\"name\": \"Ada\"").problem(400, "invalid_request");
    send("application/json", &vec![b' '; 20_000]).problem(413, "too_large");
    send("text/plain", b"{}").problem(415, "unsupported_media_type");
    assert_eq!(
        send("application/json; charset=utf-8", b"{\"student_id\": 1.5}").expect(200)["student_id"],
        1.5
    );
    assert_eq!(names(&service, ""), ["Person 0"]);
}

#[test]
fn an_enrolment_is_within_its_limits() {
    let service = Service::empty(&["--max-upload-mib", "1", "--workers", "1", "--queue", "3"]);
    let (whole, half) = (vec![0; (1 << 20) + 1], vec![0; 700 << 10]);
    let form = Form::new().text("name", "Ada").file("photos", "a.jpg", &whole);
    service.post_form("/v1/people", form).problem(413, "too_large");
    // All together may have half of what four uploads may.
    let form = (0..4).fold(Form::new().text("name", "Ada"), |form, _| form.file("photos", "a.jpg", &half));
    let problem = service.post_form("/v1/people", form).problem(413, "too_large");
    assert_eq!(problem["detail"], "the upload is larger than 2097152 bytes");
    let form = (0..2).fold(Form::new().text("name", "Ada"), |form, _| form.file("photos", "a.jpg", &half));
    service.post_form("/v1/people", form).problem(422, "no_photo_accepted");
}

#[test]
fn while_another_process_writes_people_can_be_read_but_not_changed() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let people = service.gallery();
    let path = format!("/v1/people/{}", people.people()[0].id);
    // The service has the lock from its start on; another one on the same folder does not get it.
    let folder = tempfile::tempdir().unwrap();
    store::write(&folder.path().join(store::FILE_NAME), &people).unwrap();
    let held = DirectoryLock::acquire(folder.path()).unwrap();
    let second = Service::on(folder, &[]);
    let expected = format!(
        "another facerec process (pid {}) is writing to this data directory: change people through that one, or stop \
         it first",
        std::process::id()
    );
    let replies = [
        second.post_form("/v1/people", obama()),
        second.patch(&path, &json!({"name": "Ada"})),
        second.delete(&path),
        second.post_form(&format!("{path}/photos"), Form::new().file("photos", "a.jpg", &photo("obama.jpg"))),
        second.send(Form::new().file("file", "r.xlsx", b"PK").request(Method::PUT, "/v1/roster")),
    ];
    for reply in replies {
        assert_eq!(reply.problem(409, "data_folder_locked")["detail"], expected);
    }
    assert_eq!(names(&second, ""), ["Person 0"]);
    drop(held);
    assert_eq!(second.patch(&path, &json!({"name": "Ada"})).expect(200)["name"], "Ada");
}

#[test]
fn a_gallery_file_that_cannot_be_read_is_not_written_over() {
    let service = Service::with(&gallery_of(&[vec![embedding(1)]]));
    let path = service.data.path().join(store::FILE_NAME);
    std::fs::write(&path, "not a gallery").unwrap();
    service.post_form("/v1/people", obama()).problem(409, "conflict");
    assert_eq!(std::fs::read(&path).unwrap(), b"not a gallery");
    assert_eq!(names(&service, ""), ["Person 0"], "the old one is still in use");
}

#[test]
fn parallel_changes_of_one_name_leave_one_person() {
    let service = Arc::new(Service::with(&Gallery::empty(recipe())));
    let replies: Vec<u16> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let service = Arc::clone(&service);
                scope.spawn(move || service.post_form("/v1/people", obama()).status)
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(replies.iter().filter(|status| **status == 201).count(), 1, "{replies:?}");
    assert_eq!(replies.iter().filter(|status| **status == 409).count(), 3, "{replies:?}");
    assert_eq!(names(&service, ""), ["Barack Obama"]);
}
