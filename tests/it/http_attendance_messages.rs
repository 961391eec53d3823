//! What attendance takes from the old endpoint and tells other systems.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::Method;
use facerec::attendance::delivery::WebhookSecret;
use serde_json::{Value, json};

use crate::attendance::receiver::{Received, ReceiverServer, wait};
use crate::http_v1_attendance::{begin, has_database, id_of, lesson, list, photos, post, school_data};
use crate::support::app::{Form, Service, request};
use crate::support::exposition::Exposition;
use crate::support::photo;
use crate::support::server::{Server, sample_data, wait_until};

const LIMIT: Duration = Duration::from_mins(1);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn recognize(service: &Service, file: &str) -> crate::support::app::Reply {
    service.post_form("/recognize_faces", Form::new().file("file", file, &photo(file)))
}

fn sessions(service: &Service) -> Value {
    assert!(service.state.service.drain(LIMIT));
    service.get("/v1/sessions").expect(200)["sessions"].clone()
}

#[test]
fn photos_of_the_old_endpoint_are_recorded_into_the_day_or_the_open_session_and_answered_as_before() {
    let (plain, service) =
        (Service::on(school_data(), &[]), Service::on(school_data(), &["--attendance-session", "auto"]));
    for file in ["group.jpg", "no_face.png"] {
        let (expected, found) = (recognize(&plain, file), recognize(&service, file));
        assert_eq!((found.status, &found.content_type), (200, &expected.content_type));
        assert_eq!(found.body, expected.body);
    }
    let broken = |service: &Service| {
        let reply = service.post_form("/recognize_faces", Form::new().file("file", "a.jpg", b"no photo"));
        (reply.status, reply.body)
    };
    assert_eq!(broken(&service), broken(&plain));
    assert!(!has_database(&plain));
    let day = &sessions(&service)[0];
    assert_eq!((&day["automatic"], &day["photos"], &day["title"]), (&json!(true), &json!(2), &day["date"]));
    let address = format!("/v1/sessions/{}", day["id"].as_str().unwrap());
    let expected =
        [("Barack Obama", "present"), ("Eileen Collins", "present"), ("Joe Biden", "not_enrolled")];
    assert_eq!(list(&service.get(&address).expect(200)), expected);

    // A session that somebody begins comes first, until it is closed.
    let maths = begin(&service, &json!({"title": "Maths", "group": "7A"}));
    recognize(&service, "obama2.jpg").expect(200);
    assert_eq!(sessions(&service).as_array().unwrap().len(), 2);
    let expected = [("Barack Obama", "present"), ("Joe Biden", "not_enrolled")];
    assert_eq!(list(&service.get(&maths).expect(200)), expected);
    for closed in [&maths, &address] {
        service.send(request(Method::POST, &format!("{closed}/close"), "", Vec::new())).expect(200);
    }
    // Nothing is open, and the day was closed: the answer is the same all the same.
    assert_eq!(recognize(&service, "group.jpg").expect(200), recognize(&plain, "group.jpg").expect(200));
    let counts: Vec<Value> =
        sessions(&service).as_array().unwrap().iter().map(|session| session["photos"].clone()).collect();
    assert_eq!(counts, [json!(1), json!(2)]);
}

#[test]
fn photos_of_the_old_endpoint_are_recorded_into_sessions_of_so_many_seconds() {
    let service = Service::on(school_data(), &["--attendance-session", "3600"]);
    recognize(&service, "obama.jpg").expect(200);
    let found = &sessions(&service)[0];
    let instant = |name: &str| found[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(instant("end").duration_since(instant("start")).as_secs(), 3600);
    assert_eq!(found["photos"], 1);
}

/// A service with a receiver of webhooks.
fn with_webhooks(receiver: &ReceiverServer, more: &[&str]) -> Service {
    let data = school_data();
    let file = secret_file(data.path());
    let own = ["--webhook-url", &receiver.url, "--webhook-secret-file", &file, "--webhook-allow-private"];
    Service::on(data, &[&own, more].concat())
}

fn secret_file(directory: &std::path::Path) -> String {
    let file = directory.join("secrets");
    std::fs::write(&file, SECRET).unwrap();
    file.to_str().unwrap().to_owned()
}

fn body(request: &Received) -> Value {
    serde_json::from_str(&request.body).unwrap()
}

#[test]
fn both_receivers_get_what_the_settings_say() {
    let webhooks = ReceiverServer::start(|_, _| "204 No Content".into());
    let old = ReceiverServer::start(|_, _| "200 OK".into());
    let events =
        ["--webhook-event", "attendance.corrected,session.closed", "--attendance-post-url", &old.url];
    let service = with_webhooks(&webhooks, &events);
    let session = begin(&service, &lesson("2026-11-26T08:00"));
    let form = photos(&[("obama.jpg", "2026-11-26T08:30")]);
    service.post_form(&format!("{session}/photos"), form).expect(200);
    let received = old.wait_for(1);
    let mut message = body(&received[0]);
    assert!(message.as_object_mut().unwrap().remove("id").unwrap().is_string());
    assert_eq!(message, json!({"studentId": "P-1", "status": "present", "date": "2026-11-26"}));
    assert!(received[0].header("webhook-signature").is_empty());

    let obama = id_of(&service, "Barack Obama");
    let excused = json!({"status": "excused", "by": "Ms Frizzle"});
    service.patch(&format!("{session}/entries/{obama}"), &excused).expect(200);
    post(&service, &format!("{session}/close"), &json!({})).expect(200);
    let received = webhooks.wait_for(2);
    let mut kinds: Vec<Value> = received.iter().map(|request| body(request)["type"].clone()).collect();
    kinds.sort_by_key(ToString::to_string);
    assert_eq!(
        kinds,
        [json!("attendance.corrected"), json!("session.closed")],
        "and none of attendance.marked"
    );
    let secret = WebhookSecret::parse(SECRET).unwrap();
    for request in &received {
        let seconds = request.header("webhook-timestamp").parse().unwrap();
        let expected = secret.sign(request.header("webhook-id"), seconds, &request.body);
        assert_eq!(request.header("webhook-signature"), expected);
    }
    assert_eq!(old.received().len(), 1);
}

#[test]
fn a_message_that_no_receiver_takes_is_listed_and_sent_again_on_request() {
    let gone = Arc::new(AtomicBool::new(true));
    let answer = Arc::clone(&gone);
    let receiver = ReceiverServer::start(move |_, _| {
        if answer.load(Ordering::SeqCst) { "410 Gone".into() } else { "204 No Content".into() }
    });
    let service = with_webhooks(&receiver, &[]);
    let letters = || service.get("/v1/webhooks/dead-letters").expect(200);
    assert_eq!(letters(), json!({"messages": [], "dead": 0, "pending": 0}));
    let resend = |body: &Value| post(&service, "/v1/webhooks/dead-letters/resend", body);
    resend(&json!({"id": "nothing"})).problem(404, "not_found");
    assert_eq!(resend(&json!({})).expect(200)["resent"], 0);
    assert!(!has_database(&service));

    let session = begin(&service, &lesson("2026-11-26T08:00"));
    let obama = id_of(&service, "Barack Obama");
    service.patch(&format!("{session}/entries/{obama}"), &json!({"status": "late"})).expect(200);
    wait(|| letters()["dead"] == 1, "the message did not die");
    let letter = letters()["messages"][0].clone();
    assert_eq!((&letter["event"], &letter["channel"]), (&json!("attendance.corrected"), &json!("webhook")));
    assert_eq!((&letter["attempts"], &letter["message"]["data"]["status"]), (&json!(1), &json!("late")));
    assert!(letter["last_error"].as_str().unwrap().contains("410"), "{letter}");
    let metrics = || Exposition::parse(service.get("/metrics").expect(200).as_str().unwrap());
    assert_eq!(metrics().value("facerec_attendance_messages_dead", &[]), Some(1.0));
    assert_eq!(metrics().value("facerec_attendance_deliveries_total", &[("outcome", "dead")]), Some(1.0));

    gone.store(false, Ordering::SeqCst);
    assert_eq!(resend(&json!({"id": letter["id"]})).expect(200)["resent"], 1);
    wait(|| letters() == json!({"messages": [], "dead": 0, "pending": 0}), "it was not delivered");
    let received = receiver.received();
    let ids: Vec<&str> = received.iter().map(|request| request.header("webhook-id")).collect();
    assert_eq!(ids, [letter["id"].as_str().unwrap(); 2]);
}

#[test]
fn the_metric_of_pending_messages_grows_while_the_receiver_is_away_and_is_zero_once_all_are_delivered() {
    let up = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&up);
    let receiver = ReceiverServer::start(move |_, _| {
        let is_up = answer.load(Ordering::SeqCst);
        if is_up { "204 No Content".into() } else { "503 Service Unavailable".into() }
    });
    let service = with_webhooks(&receiver, &[]);
    let metric = |name: &str, labels: &[(&str, &str)]| {
        let metrics = Exposition::parse(service.get("/metrics").expect(200).as_str().unwrap());
        metrics.value(&format!("facerec_attendance_{name}"), labels).unwrap()
    };
    let pending = || metric("messages_pending", &[]);
    assert_eq!(pending(), 0.0);
    let session = begin(&service, &lesson("2026-11-26T08:00"));
    let mut grown = Vec::new();
    for name in ["Barack Obama", "Eileen Collins"] {
        let entry = format!("{session}/entries/{}", id_of(&service, name));
        service.patch(&entry, &json!({"status": "late"})).expect(200);
        grown.push(pending());
    }
    post(&service, &format!("{session}/close"), &json!({})).expect(200);
    grown.push(pending());
    assert_eq!(grown, [1.0, 2.0, 3.0]);
    wait(|| metric("deliveries_total", &[("outcome", "retried")]) >= 1.0, "no delivery was tried");
    assert_eq!((pending(), metric("messages_dead", &[])), (3.0, 0.0));

    up.store(true, Ordering::SeqCst);
    wait(|| pending() == 0.0, "messages were left");
    assert_eq!(metric("deliveries_total", &[("outcome", "delivered")]), 3.0);
}

#[test]
fn kill_9_loses_no_message() {
    let up = Arc::new(AtomicBool::new(false));
    let answer = Arc::clone(&up);
    let receiver = ReceiverServer::start(move |_, _| {
        if answer.load(Ordering::SeqCst) {
            "204 No Content".into()
        } else {
            "500 Internal Server Error".into()
        }
    });
    let data = sample_data();
    let secrets = tempfile::tempdir().unwrap();
    let file = secret_file(secrets.path());
    let arguments = [
        "--webhook-url",
        receiver.url.as_str(),
        "--webhook-secret-file",
        file.as_str(),
        "--webhook-allow-private",
    ];
    let server = Server::start(data, &arguments);
    let json = ["-H", "content-type: application/json"];
    let session = server.curl("/v1/sessions", &[&json[..], &["-d", "{\"title\": \"Maths\"}"]].concat());
    assert_eq!(session.status, 201, "{}", session.body);
    let session = session.json()["id"].as_str().unwrap().to_owned();
    let person = server.get("/v1/people").json()["people"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sessions/{session}/entries/{person}");
    let correction = ["-X", "PATCH", "-d", "{\"status\": \"late\"}"];
    assert_eq!(server.curl(&path, &[&json[..], &correction].concat()).status, 200);
    let data = server.kill();
    up.store(true, Ordering::SeqCst);
    let server = Server::start(data, &arguments);
    wait_until("the message is delivered", || server.get("/v1/webhooks/dead-letters").json()["pending"] == 0);
    let received = receiver.received();
    let last = received.last().unwrap();
    assert_eq!(body(last)["type"], "attendance.corrected");
    assert!(received.iter().all(|request| request.header("webhook-id") == last.header("webhook-id")));
}
