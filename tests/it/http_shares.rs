//! What one client may have of connections, uploads and places in the queue, and who counts as one client.

use std::time::Duration;

use facerec::config::Config;
use serde_json::json;

use crate::support::http::{Answer, BOUNDARY, Client, chunked, exchange, get, grey, post, post_head};
use crate::support::listening::Listening;
use crate::support::server::{PATIENCE, wait_until};

const OTHER: [u8; 4] = [127, 0, 0, 2];

/// Four places for uploads, two of them for one client, whose further uploads wait for a moment.
const PLACES: [&str; 4] = ["--workers", "1", "--queue", "3"];

fn service(arguments: &[&str]) -> Listening {
    let service = Listening::adjusted(arguments, |config: &mut Config| {
        config.timeouts.upload_turn = Duration::from_millis(200);
        config.timeouts.body_idle = 10 * PATIENCE;
        config.clients.upload_rate.bytes_per_s = 0;
    });
    service.gate.open();
    service
}

fn photo_with(headers: &[&str]) -> Vec<u8> {
    let whole = post(&grey(40, 40));
    let added: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
    let first_line = whole.windows(2).position(|bytes| bytes == b"\r\n").unwrap() + 2;
    [&whole[..first_line], added.as_bytes(), &whole[first_line..]].concat()
}

/// A photo's upload that stops before its end.
fn half(headers: &[&str]) -> Vec<u8> {
    let mut request = photo_with(headers);
    request.truncate(request.len() - 20);
    request
}

fn is_refused(answer: &Answer, photos: usize) -> bool {
    let detail = format!("this client is uploading {photos} photos, the most for one; wait for one to end");
    answer.status == 503 && answer.header("retry-after") == "1" && answer.json() == json!({ "error": detail })
}

#[test]
fn a_client_with_its_share_of_connections_gets_no_further_one() {
    let service = service(&["--max-connections-per-client", "2"]);
    let alive = |client: &mut Client| client.exchange(&get("/healthz", &[])).status == 200;
    let mut clients = [Client::connect(service.address), Client::connect(service.address)];
    assert!(clients.iter_mut().all(alive));
    Client::connect(service.address).wait_for_the_end();
    assert!(alive(&mut Client::connect_from(OTHER, service.address)), "another client has its own share");
    assert!(clients.iter_mut().all(alive), "nobody was cut");
    drop(clients);
    wait_until("there is a place again", || {
        let mut client = Client::connect(service.address);
        client.try_send(&get("/healthz", &[])).is_ok() && client.try_answer().is_some()
    });
}

#[test]
fn slow_uploads_of_one_client_leave_others_their_place() {
    let service = service(&PLACES);
    let ask = || exchange(service.address, &post(&grey(40, 40)));
    let mut slow: Vec<Client> = (0..2).map(|_| Client::sending(service.address, &half(&[]))).collect();
    wait_until("the client has its share", || is_refused(&ask(), 2));
    // Many more of them wait, and nobody else does.
    slow.extend((0..20).map(|_| Client::sending(service.address, &half(&[]))));
    let mut other = Client::connect_from(OTHER, service.address);
    assert_eq!(other.exchange(&post(&grey(40, 40))).status, 200);
    let metrics = exchange(service.address, &get("/metrics", &[])).body;
    assert!(!metrics.contains("facerec_requests_refused_total{reason=\"client_share\"} 0"), "{metrics}");
    drop(slow);
    wait_until("there is a place again", || ask().status == 200);
}

#[test]
fn an_upload_of_unknown_length_counts_as_one() {
    let service = service(&PLACES);
    let _slow = Client::sending(service.address, &half(&[]));
    wait_until("it is under way", || service.app.uploads.budget.held_bytes() > 0);
    for length in ["Transfer-Encoding: chunked", "Content-Length: 7"] {
        let head = String::from_utf8(post_head(&[length])).unwrap().replace("/recognize_faces", "/v1/verify");
        let body = if length.starts_with('T') { chunked(b"no form", 7) } else { b"no form".to_vec() };
        // Two photos may come, and one place is left, which is enough.
        assert_eq!(exchange(service.address, &[head.into_bytes(), body].concat()).status, 400, "{length}");
    }
}

#[test]
fn photos_of_one_client_that_wait_leave_others_their_memory() {
    // Six photos of 1 MiB fit, of which one client may have three.
    let places = ["--workers", "1", "--queue", "5", "--max-upload-mib", "1"];
    let service =
        Listening::adjusted(&[&places[..], &["--max-uploads-per-client", "6"]].concat(), |config| {
            config.timeouts.body_idle = 10 * PATIENCE;
            config.clients.upload_rate.bytes_per_s = 0;
        });
    let held = || service.app.uploads.budget.held_bytes();
    let mut photo = post_head(&["Content-Length: 1000000"]);
    photo.extend(
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n")
            .bytes(),
    );
    photo.extend(vec![0; 990_000]);
    let _slow: Vec<Client> = (1..=3)
        .map(|count| {
            let client = Client::sending(service.address, &photo);
            wait_until("it is held", || held() > count * 980_000);
            client
        })
        .collect();
    let answer = exchange(service.address, &photo);
    let detail = "this client's uploads hold 3 MiB, the most for one; wait for one to end";
    assert_eq!((answer.status, answer.json()), (503, json!({ "error": detail })));
    service.gate.open();
    let mut other = Client::connect_from(OTHER, service.address);
    assert_eq!(other.exchange(&post(&grey(40, 40))).status, 200);
}

#[test]
fn a_trusted_proxys_clients_are_told_apart_and_its_connections_are_not_limited() {
    let limits = ["--max-connections-per-client", "1", "--max-uploads-per-client", "1"];
    let service = service(&[&["--trusted-proxy", "10.0.0.1,127.0.0.0/8"][..], &limits].concat());
    let _slow = Client::sending(service.address, &half(&["X-Forwarded-For: 192.0.2.1"]));
    let ask = |client: &str| exchange(service.address, &photo_with(&[&format!("X-Forwarded-For: {client}")]));
    wait_until("the client has its share", || is_refused(&ask("192.0.2.1"), 1));
    assert!(is_refused(&ask("203.0.113.1, 192.0.2.1"), 1), "whoever it claims to be");
    assert_eq!(ask("192.0.2.2").status, 200);
}

#[test]
fn who_is_no_trusted_proxy_is_not_believed() {
    let service = service(&["--trusted-proxy", "10.0.0.1", "--max-uploads-per-client", "1"]);
    let _slow = Client::sending(service.address, &half(&["X-Forwarded-For: 192.0.2.1"]));
    let ask = || exchange(service.address, &photo_with(&["X-Forwarded-For: 192.0.2.2"]));
    wait_until("the client has its share", || is_refused(&ask(), 1));
}

#[test]
fn the_access_log_names_the_client_behind_a_trusted_proxy() {
    for (proxy, client) in [("127.0.0.1", "192.0.2.1"), ("10.0.0.1", "127.0.0.1")] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("access.jsonl");
        let service = service(&["--trusted-proxy", proxy, "--access-log", log.to_str().unwrap()]);
        let photo = photo_with(&["X-Forwarded-For: 192.0.2.1"]);
        assert_eq!(exchange(service.address, &photo).status, 200);
        assert!(service.app.service.drain(PATIENCE));
        let line: serde_json::Value = serde_json::from_slice(&std::fs::read(&log).unwrap()).unwrap();
        assert_eq!(line["client"], client, "behind {proxy}");
    }
}

#[test]
fn a_full_queue_of_one_client_makes_room_for_another() {
    let service = Listening::start(&["--workers", "1", "--queue", "2"]);
    let waiting = |count| service.app.service.workers().waiting() == count;
    let mut first = Client::sending(service.address, &post(&grey(40, 40)));
    wait_until("a photo is worked on", || service.gate.arrived() == 1);
    let mut second = Client::sending(service.address, &post(&grey(40, 40)));
    wait_until("one waits", || waiting(1));
    let mut third = Client::sending(service.address, &post(&grey(40, 40)));
    wait_until("two wait", || waiting(2));
    let mut other = Client::connect_from(OTHER, service.address);
    other.send(&post(&grey(40, 40)));
    let busy = third.answer();
    assert_eq!((busy.status, busy.header("retry-after")), (503, "1"), "{busy:?}");
    assert_eq!(busy.json(), json!({"error": "queue full: 2 of 2 waiting"}));
    service.gate.open();
    assert_eq!([&mut first, &mut second, &mut other].map(|client| client.answer().status), [200; 3]);
}
