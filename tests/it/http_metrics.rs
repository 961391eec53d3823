//! `GET /metrics`: well formed, and the numbers are those of what happened.

use std::collections::BTreeSet;
use std::sync::mpsc;

use axum::http::Method;
use facerec::clients::network::ClientNetwork;
use facerec::gallery::store;
use facerec::keys::file::to_toml;
use facerec::keys::{KeyEntry, Scope};
use facerec::upload::budget::Reservation;

use crate::support::app::{Form, Service, request};
use crate::support::exposition::Exposition;
use crate::support::photo;
use crate::support::server::Server;

fn scrape(service: &Service) -> Exposition {
    let reply = service.get("/metrics");
    assert_eq!(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
    Exposition::parse(reply.expect(200).as_str().unwrap())
}

#[track_caller]
fn expect(metrics: &Exposition, name: &str, labels: &[(&str, &str)], value: f64) {
    assert_eq!(metrics.value(name, labels), Some(value), "{name} {labels:?}");
}

#[test]
fn every_family_is_there_after_one_request() {
    let service = Service::empty(&[]);
    // Requests are counted when they are answered: the second look sees the first.
    scrape(&service);
    let metrics = scrape(&service);
    let families = metrics.families();
    for (name, kind) in [
        ("facerec_http_requests_total", "counter"),
        ("facerec_http_request_duration_seconds", "histogram"),
        ("facerec_stage_duration_seconds", "histogram"),
        ("facerec_faces_found_total", "counter"),
        ("facerec_faces_matched_total", "counter"),
        ("facerec_faces_unsure_total", "counter"),
        ("facerec_faces_unknown_total", "counter"),
        ("facerec_queue_depth", "gauge"),
        ("facerec_queue_limit", "gauge"),
        ("facerec_jobs_running", "gauge"),
        ("facerec_workers", "gauge"),
        ("facerec_upload_held_bytes", "gauge"),
        ("facerec_requests_refused_total", "counter"),
        ("facerec_access_refused_total", "counter"),
        ("facerec_gallery_people", "gauge"),
        ("facerec_gallery_photos", "gauge"),
        ("facerec_roster_entries", "gauge"),
        ("facerec_reloads_total", "counter"),
        ("facerec_file_broken", "gauge"),
        ("facerec_model_info", "gauge"),
        ("facerec_build_info", "gauge"),
        ("process_resident_memory_bytes", "gauge"),
        ("process_start_time_seconds", "gauge"),
        ("process_cpu_seconds_total", "counter"),
        ("process_open_fds", "gauge"),
    ] {
        assert_eq!(families.get(name), Some(&kind), "{name}");
    }
    expect(&metrics, "facerec_model_info", &[("model", "casia")], 1.0);
    expect(&metrics, "facerec_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    for stage in ["decode", "detect", "embed", "match"] {
        expect(&metrics, "facerec_stage_duration_seconds_count", &[("stage", stage)], 0.0);
    }
    assert!(metrics.value("process_resident_memory_bytes", &[]).unwrap() > 1e6);
    assert!(metrics.value("process_start_time_seconds", &[]).unwrap() > 1.7e9);
}

#[test]
fn requests_photos_and_faces_are_counted() {
    let service = Service::empty(&[]);
    let obama = || photo("obama.jpg");
    service.post_photo("/v1/recognize", obama()).expect(200);
    service.post_photo("/v1/detect", obama()).expect(200);
    let form = Form::new().text("name", "Somebody Secret").file("photos", "a.jpg", &obama());
    let person = service.post_form("/v1/people", form).expect(201);
    let id = person["id"].as_str().unwrap();
    service.post_photo("/v1/recognize", obama()).expect(200);
    service.post_form("/recognize_faces", Form::new().file("file", "a.jpg", &obama())).expect(200);
    service.post_photo("/v1/recognize", b"no image".to_vec()).problem(415, "unsupported_image");
    service.get(&format!("/v1/people/{id}")).expect(200);
    service.get("/v1/people/01NOSUCHPERSON").problem(404, "not_found");
    service.get("/typed/by/Somebody/Secret").problem(404, "not_found");
    for method in ["BREW", "STIR"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        service.send(request(method, "/v1/recognize", "", Vec::new())).problem(405, "method_not_allowed");
    }

    let text = service.get("/metrics").expect(200).as_str().unwrap().to_owned();
    for secret in ["Somebody", "typed", id, "01NOSUCHPERSON", "BREW"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let metrics = Exposition::parse(&text);
    let requests = |route, method, status| {
        let labels = [("route", route), ("method", method), ("status", status)];
        metrics.value("facerec_http_requests_total", &labels)
    };
    assert_eq!(requests("/v1/recognize", "POST", "200"), Some(2.0));
    assert_eq!(requests("/v1/recognize", "POST", "415"), Some(1.0));
    assert_eq!(requests("/v1/recognize", "other", "405"), Some(2.0));
    assert_eq!(requests("/v1/detect", "POST", "200"), Some(1.0));
    assert_eq!(requests("/recognize_faces", "POST", "200"), Some(1.0));
    assert_eq!(requests("/v1/people", "POST", "201"), Some(1.0));
    assert_eq!(requests("/v1/people/{person_id}", "GET", "200"), Some(1.0));
    assert_eq!(requests("/v1/people/{person_id}", "GET", "404"), Some(1.0));
    assert_eq!(requests("none", "GET", "404"), Some(1.0));
    let duration = "facerec_http_request_duration_seconds_count";
    expect(&metrics, duration, &[("route", "/v1/recognize")], 5.0);

    for (stage, photos) in [("decode", 4.0), ("detect", 4.0), ("embed", 3.0), ("match", 3.0)] {
        expect(&metrics, "facerec_stage_duration_seconds_count", &[("stage", stage)], photos);
        assert!(metrics.value("facerec_stage_duration_seconds_sum", &[("stage", stage)]).unwrap() > 0.0);
    }
    expect(&metrics, "facerec_faces_found_total", &[], 4.0);
    expect(&metrics, "facerec_faces_matched_total", &[], 2.0);
    expect(&metrics, "facerec_faces_unknown_total", &[], 1.0);
    expect(&metrics, "facerec_gallery_people", &[], 1.0);
    expect(&metrics, "facerec_gallery_photos", &[], 1.0);
    // A scrape counts itself when it is answered.
    let again = scrape(&service);
    let labels = [("route", "/metrics"), ("method", "GET"), ("status", "200")];
    expect(&again, "facerec_http_requests_total", &labels, 1.0);
}

#[test]
fn what_waits_runs_and_is_refused_is_seen() {
    let service = Service::empty(&["--workers", "1", "--queue", "1"]);
    let (started, is_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let blocking = service.state.service.workers().submit(ClientNetwork::PROGRAM, move |_| {
        started.send(()).unwrap();
        let _ = released.recv();
        Ok(())
    });
    is_started.recv().unwrap();
    let waiting = service.state.service.workers().submit(ClientNetwork::PROGRAM, |_| Ok(()));
    service.post_photo("/v1/recognize", photo("obama.jpg")).problem(503, "busy");
    let mut held = Reservation::of(ClientNetwork::PROGRAM);
    service.state.uploads.budget.grow(&mut held, 5000).unwrap();

    let metrics = scrape(&service);
    expect(&metrics, "facerec_queue_depth", &[], 1.0);
    expect(&metrics, "facerec_queue_limit", &[], 1.0);
    expect(&metrics, "facerec_jobs_running", &[], 1.0);
    expect(&metrics, "facerec_workers", &[], 1.0);
    expect(&metrics, "facerec_upload_held_bytes", &[], 5120.0);
    let refused = |reason| metrics.value("facerec_requests_refused_total", &[("reason", reason)]);
    assert_eq!(refused("queue_full"), Some(1.0));
    assert_eq!(["upload_memory", "client_share", "timeout"].map(refused), [Some(0.0); 3]);

    // A client asks for more than half, which is for one; then two of them for more than all.
    assert!(service.state.uploads.budget.grow(&mut held, 1 << 40).is_err());
    let other = ClientNetwork::from(std::net::IpAddr::from([192, 0, 2, 1]));
    let (mut half, all) = (Reservation::of(other), 3 * ((20 << 20) + (64 << 10)));
    service.state.uploads.budget.grow(&mut half, all - 5120).unwrap();
    assert!(service.state.uploads.budget.grow(&mut held, 121).is_err());
    drop((half, held, release, blocking, waiting));
    let metrics = scrape(&service);
    expect(&metrics, "facerec_queue_depth", &[], 0.0);
    expect(&metrics, "facerec_upload_held_bytes", &[], 0.0);
    for reason in ["upload_memory", "client_share"] {
        expect(&metrics, "facerec_requests_refused_total", &[("reason", reason)], 1.0);
    }
}

#[test]
fn a_request_that_is_given_up_is_counted() {
    let service = Service::empty(&["--workers", "1", "--request-timeout-s", "1"]);
    let (_release, released) = mpsc::channel::<()>();
    let blocking = service.state.service.workers().submit(ClientNetwork::PROGRAM, move |_| {
        let _ = released.recv();
        Ok(())
    });
    service.post_photo("/v1/recognize", photo("obama.jpg")).problem(503, "timeout");
    let metrics = scrape(&service);
    expect(&metrics, "facerec_requests_refused_total", &[("reason", "timeout")], 1.0);
    let labels = [("route", "/v1/recognize"), ("method", "POST"), ("status", "503")];
    expect(&metrics, "facerec_http_requests_total", &labels, 1.0);
    drop(blocking);
}

#[test]
fn files_that_are_read_again_or_cannot_be_are_seen() {
    let service = Service::empty(&[]);
    std::fs::write(service.data.path().join(store::FILE_NAME), "no gallery").unwrap();
    service.state.service.people().poll();
    let metrics = scrape(&service);
    let reloads =
        |file, outcome| metrics.value("facerec_reloads_total", &[("file", file), ("outcome", outcome)]);
    assert_eq!((reloads("gallery", "ok"), reloads("gallery", "failed")), (Some(0.0), Some(1.0)));
    assert_eq!((reloads("roster", "ok"), reloads("roster", "failed")), (Some(0.0), Some(0.0)));
    expect(&metrics, "facerec_file_broken", &[("file", "gallery")], 1.0);
    // That there is no roster is no fault.
    expect(&metrics, "facerec_file_broken", &[("file", "roster")], 0.0);
    assert_eq!(
        metrics.label_values("file"),
        BTreeSet::from(["gallery", "roster", "thumbnails"].map(str::to_owned))
    );

    // A file that is gone is no better than a broken one.
    std::fs::remove_file(service.data.path().join(store::FILE_NAME)).unwrap();
    service.state.service.people().poll();
    assert_eq!(service.get("/readyz").expect(200)["status"], "degraded");
    expect(&scrape(&service), "facerec_file_broken", &[("file", "gallery")], 1.0);
}

#[test]
fn with_keys_the_metrics_need_one_and_failed_ones_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.toml");
    let entries = [KeyEntry::of("prometheus", Scope::Recognize, "facerec_prometheus")];
    std::fs::write(&path, to_toml(&entries).unwrap()).unwrap();
    let server = Server::empty(&["--api-keys-file", path.to_str().unwrap()]);
    assert_eq!(server.get("/metrics").status, 401);
    let ask = |path: &str, key: &str| server.curl(path, &["-H", &format!("Authorization: Bearer {key}")]);
    for _ in 0..2 {
        assert_eq!(ask("/metrics", "facerec_guess").status, 401);
    }
    assert_eq!(ask("/v1/people", "facerec_prometheus").status, 403);
    let answer = ask("/metrics", "facerec_prometheus");
    assert_eq!((answer.status, answer.body.contains("guess")), (200, false));
    let metrics = Exposition::parse(&answer.body);
    for (reason, count) in [("no_key", 1.0), ("unknown_key", 2.0), ("wrong_scope", 1.0), ("not_local", 0.0)] {
        expect(&metrics, "facerec_access_refused_total", &[("reason", reason)], count);
    }
    expect(&metrics, "facerec_file_broken", &[("file", "keys")], 0.0);
}
