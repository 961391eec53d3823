//! The service's promises, on networks that work as long as a test wants: what is refused and when,
//! who is not computed, and how it ends.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::decoders::png_header;
use crate::support::http::{Answer, BOUNDARY, Client, chunked, exchange, form, get, grey, post, post_head};
use crate::support::listening::{Listening, PANICS_AT_WIDTH};
use crate::support::server::wait_until;

const NO_FACES: &str = r#"[{"message":"No faces detected"}]"#;

/// One worker, busy, and a queue of two, full: the three connections that wait for their answers.
fn full(service: &Listening) -> Vec<Client> {
    let mut waiting = vec![Client::sending(service.address, &post(&grey(40, 40)))];
    wait_until("a photo is worked on", || service.gate.arrived() == 1);
    for place in 1..=2 {
        waiting.push(Client::sending(service.address, &post(&grey(40, 40))));
        wait_until("a photo waits", || service.app.service.workers().waiting() == place);
    }
    waiting
}

fn assert_busy(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{answer:?}");
    assert_eq!(answer.json(), json!({"error": "queue full: 2 of 2 waiting"}));
}

#[test]
fn a_full_queue_refuses_at_once_and_those_who_wait_are_answered() {
    let service = Listening::start(&["--workers", "1", "--queue", "2"]);
    let waiting = full(&service);
    // Nothing moves until the gate opens, so these answers wait for nobody.
    assert_busy(&exchange(service.address, &post(&grey(40, 40))));
    // Not even for the photo itself: nothing of it has been sent.
    assert_busy(&exchange(service.address, &post_head(&["Content-Length: 1000000"])));
    let ready = exchange(service.address, &get("/readyz", &[])).json();
    assert_eq!((&ready["running"], &ready["waiting"]), (&json!(1), &json!(2)));
    service.gate.open();
    for mut client in waiting {
        let answer = client.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, NO_FACES));
    }
    assert_eq!(exchange(service.address, &post(&grey(40, 40))).status, 200, "there is room again");
}

#[test]
fn a_client_that_has_gone_is_not_computed_and_frees_its_place() {
    let service = Listening::start(&["--workers", "1", "--queue", "2"]);
    let mut waiting = full(&service);
    drop(waiting.remove(1));
    wait_until("its place is free", || service.app.service.workers().waiting() == 1);
    waiting.push(Client::sending(service.address, &post(&grey(40, 40))));
    wait_until("another one has it", || service.app.service.workers().waiting() == 2);
    service.gate.open();
    for mut client in waiting {
        assert_eq!(client.answer().status, 200);
    }
    assert_eq!(service.gate.arrived(), 3, "four were sent, one has gone");
}

#[test]
fn an_upload_that_breaks_off_gives_its_memory_back() {
    // Memory for three uploads of 1 MiB, which one client may have.
    let places = ["--workers", "1", "--queue", "1", "--max-upload-mib", "1", "--max-uploads-per-client", "9"];
    let service = Listening::start(&places);
    service.gate.open();
    let photo = vec![0; 1_000_000];
    let half: Vec<_> = post(&photo).into_iter().take(900_000).collect();
    let refused = "too many uploads are in progress: no memory is left for this one";
    let ask = || exchange(service.address, &post(&photo));
    let mut halves = Vec::new();
    let send_half = || {
        let mut other = Client::connect_from([127, 0, 0, 2], service.address);
        other.send(&half);
        other
    };
    // A half that came while another upload held the memory was refused itself: then once more.
    wait_until("three uploads hold all of it", || {
        halves = (0..3).map(|_| send_half()).collect();
        std::thread::sleep(Duration::from_millis(100));
        let answer = ask();
        answer.status == 503 && answer.json()["error"] == refused && answer.header("retry-after") == "1"
    });
    drop(halves);
    wait_until("it is given back", || ask().status == 415);
}

#[test]
fn personal_data_is_not_stored_by_anybody_and_the_documentation_is_in_no_frame() {
    let service = Listening::start(&[]);
    service.gate.open();
    for request in [get("/v1/people", &[]), get("/v1/nothing", &[]), get("/v1/sessions?limit=x", &[])] {
        let answer = exchange(service.address, &request);
        assert_eq!(
            (answer.header("cache-control"), answer.header("x-content-type-options")),
            ("no-store", "nosniff"),
            "{answer:?}"
        );
    }
    let docs = exchange(service.address, &get("/docs/", &[]));
    assert_eq!(docs.status, 200);
    assert!(docs.header("content-security-policy").contains("frame-ancestors 'none'"), "{:?}", docs.head);
}

#[test]
fn a_request_is_given_up_after_its_time_and_its_place_is_free() {
    let service = Listening::adjusted(&["--workers", "1", "--queue", "2"], |config| {
        config.request_timeout = Duration::from_millis(1500);
    });
    for mut client in full(&service) {
        let answer = client.answer();
        assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
        assert!(answer.body.contains("request timed out after"), "{}", answer.body);
    }
    assert_eq!(service.app.service.workers().waiting(), 0);
    service.gate.open();
    assert_eq!(exchange(service.address, &post(&grey(40, 40))).status, 200);
    assert_eq!(service.gate.arrived(), 2, "those that waited in vain were not computed");
}

#[test]
fn a_photo_over_the_limit_is_refused_by_its_announced_length_and_by_its_true_one() {
    let service = Listening::start(&["--max-upload-mib", "1"]);
    service.gate.open();
    let too_large = json!({"error": "the upload is larger than 1048576 bytes"});
    // Announced: answered before anything was sent.
    let announced = exchange(service.address, &post_head(&["Content-Length: 1200000"]));
    assert_eq!((announced.status, announced.json()), (413, too_large.clone()));
    // In chunks, nobody knows the length before its end: answered at the limit, and the end never comes.
    let mut client = Client::sending(service.address, &post_head(&["Transfer-Encoding: chunked"]));
    let endless = chunked(&form(&vec![0; 1_200_000]), 60_000);
    client.send(&endless[..endless.len() - 100_000]);
    let streamed = client.answer();
    assert_eq!((streamed.status, streamed.json()), (413, too_large));
    // Below it, chunks are as good as a length.
    let request = [post_head(&["Transfer-Encoding: chunked"]), chunked(&form(&grey(40, 40)), 7)].concat();
    assert_eq!(exchange(service.address, &request).body, NO_FACES);
}

#[test]
fn pixels_are_counted_before_they_are_decoded_and_parts_before_they_are_read() {
    let service = Listening::start(&[]);
    let answer = exchange(service.address, &post(&png_header(60_000, 60_000)));
    let expected = "the image has 60000 x 60000 pixels; at most 64 megapixels are taken";
    assert_eq!((answer.status, answer.json()), (422, json!({ "error": expected })));
    assert_eq!(service.gate.arrived(), 0);

    let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n");
    let body = part.repeat(1001).into_bytes();
    let request = [post_head(&[&format!("Content-Length: {}", body.len())]), body].concat();
    let answer = exchange(service.address, &request);
    assert_eq!(
        (answer.status, answer.json()),
        (400, json!({"error": "expected at most 1000 parts, found more"}))
    );
    // The end of a form is no part of it.
    let error = "No file provided: expected the photo in part `file` of the form, found the parts [\"x\", \"x\", \"x\", \"x\", \"x\"]";
    let body = format!("{}--{BOUNDARY}--\r\n", part.repeat(1000)).into_bytes();
    let request = [post_head(&[&format!("Content-Length: {}", body.len())]), body].concat();
    let answer = exchange(service.address, &request);
    assert_eq!((answer.status, answer.json()), (400, json!({ "error": error })));
}

#[test]
fn what_never_becomes_a_part_of_a_form_takes_no_room() {
    // Room for two photos of a mebibyte.
    let places = ["--workers", "1", "--queue", "1", "--max-uploads-per-client", "9"];
    let service = Listening::start(&[&places[..], &["--max-upload-mib", "1"]].concat());
    // Headers without an end are refused before all of them are there.
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}", "x".repeat(100_000));
    let request = [post_head(&["Content-Length: 1060000"]), head.into_bytes()].concat();
    let answer = exchange(service.address, &request);
    let expected = "expected a multipart form, found a broken one: a part has more than 16 KiB of headers";
    assert_eq!((answer.status, answer.json()), (400, json!({ "error": expected })));
    // What stands before the first part is passed over, and not held.
    let body = [vec![b'x'; 1_000_000], b"\r\n".to_vec()].concat();
    let request = [post_head(&["Content-Length: 1060000"]), body].concat();
    let waiting = Client::sending(service.address, &request);
    service.gate.open();
    assert_eq!(exchange(service.address, &post(&grey(40, 40))).body, NO_FACES);
    drop(waiting);
    wait_until("the room is given back", || service.app.uploads.budget.held_bytes() == 0);
}

#[test]
fn what_is_no_request_yet_is_answered_by_its_status_alone() {
    let service = Listening::start(&[]);
    let long = "x".repeat(70_000);
    let headers = "X-Field: y\r\n".repeat(200);
    for (request, status) in [
        ("no request\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n"), 431),
        // A head that never ends: no more than 64 KiB of it are held.
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX-Field: {long}"), 431),
    ] {
        let answer = exchange(service.address, request.as_bytes());
        // As the API's description says.
        assert_eq!((answer.status, answer.body.as_str(), answer.header("x-request-id")), (status, "", ""));
    }
}

#[test]
fn one_connection_carries_many_requests_in_turn_and_at_once() {
    let service = Listening::start(&[]);
    service.gate.open();
    let mut client = Client::connect(service.address);
    for _ in 0..3 {
        client.send(&post(&grey(40, 40)));
        assert_eq!(client.answer().body, NO_FACES);
    }
    // Pipelined: all are sent before the first answer is read; answers come in the order of requests.
    let ids = ["a", "b", "c"].map(|id| format!("X-Request-Id: {id}"));
    let photo = post(&grey(40, 40));
    let requests =
        [get("/healthz", &[&ids[0]]), photo, get("/nope", &[&ids[1]]), get("/readyz", &[&ids[2]])].concat();
    client.send(&requests);
    let answers: Vec<Answer> = (0..4).map(|_| client.answer()).collect();
    assert_eq!(answers.iter().map(|a| a.status).collect::<Vec<_>>(), [200, 200, 404, 200]);
    let ids: Vec<&str> = answers.iter().map(|a| a.header("x-request-id")).collect();
    assert_eq!((ids[0], ids[2], ids[3]), ("a", "b", "c"));
    assert_eq!(answers[1].body, NO_FACES);
}

#[test]
fn a_client_that_waits_to_be_asked_is_asked_or_told_no() {
    let service = Listening::start(&["--max-upload-mib", "1"]);
    service.gate.open();
    let body = form(&grey(40, 40));
    let length = format!("Content-Length: {}", body.len());
    let mut client = Client::sending(service.address, &post_head(&[&length, "Expect: 100-continue"]));
    assert_eq!(client.answer().status, 100);
    client.send(&body);
    assert_eq!(client.answer().body, NO_FACES);

    let head = post_head(&["Content-Length: 2000000", "Expect: 100-continue"]);
    let mut refused = Client::sending(service.address, &head);
    assert_eq!(refused.answer().status, 413, "and not 100 before");
    refused.wait_for_the_end();
}

#[test]
fn every_answer_has_a_request_id_and_a_clients_own_is_kept_when_it_is_plain() {
    let service = Listening::start(&[]);
    let id = |more: &[&str]| {
        let answer = exchange(service.address, &get("/healthz", more));
        answer.header("x-request-id").to_owned()
    };
    let longest = "a".repeat(64);
    for own in ["req-7_a.B", &longest] {
        assert_eq!(id(&[&format!("X-Request-Id: {own}")]), own);
    }
    let made = id(&[]);
    assert_eq!(made.len(), 26, "{made}");
    assert_ne!(id(&[]), made);
    for odd in ["two words", "", "name=Ada;", "Zo\u{eb}", &"a".repeat(65)] {
        assert_eq!(id(&[&format!("X-Request-Id: {odd}")]).len(), 26, "{odd:?}");
    }
    let missing = exchange(service.address, &get("/nope", &["X-Request-Id: x1"]));
    assert_eq!((missing.status, missing.header("x-request-id")), (404, "x1"));
}

#[test]
fn other_origins_may_call_only_where_they_are_named() {
    let origin = "Origin: https://school.example";
    let ask = |arguments: &[&str], more: &[&str]| {
        exchange(Listening::start(arguments).address, &get("/healthz", more))
    };
    assert_eq!(ask(&[], &[origin]).header("access-control-allow-origin"), "", "off");
    let named = ["--cors-origin", "https://school.example,https://b.example"];
    let answer = ask(&named, &[origin]);
    assert_eq!(answer.header("access-control-allow-origin"), "https://school.example");
    assert_eq!(answer.header("access-control-expose-headers"), "x-request-id,retry-after");
    let other = ask(&named, &["Origin: https://evil.example"]);
    assert_eq!(other.header("access-control-allow-origin"), "");
    assert_eq!(ask(&["--cors-origin", "*"], &[origin]).header("access-control-allow-origin"), "*");

    let service = Listening::start(&named);
    let preflight = format!(
        "OPTIONS /recognize_faces HTTP/1.1\r\nHost: test\r\n{origin}\r\n\
         Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n"
    );
    let answer = exchange(service.address, preflight.as_bytes());
    assert_eq!(
        (answer.status, answer.header("access-control-allow-origin")),
        (200, "https://school.example")
    );
    assert!(answer.header("access-control-allow-methods").contains("POST"), "{answer:?}");
    assert!(answer.header("access-control-allow-headers").contains("content-type"), "{answer:?}");
    // A refusal is readable for the page, too.
    let refused = exchange(service.address, &[post_head(&[origin, "Content-Length: 0"])].concat());
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (400, "https://school.example")
    );
}

#[test]
fn a_panic_is_one_requests_500_and_no_more() {
    let service = Listening::start(&["--workers", "1"]);
    service.gate.open();
    let mut client = Client::connect(service.address);
    for _ in 0..3 {
        client.send(&post(&grey(PANICS_AT_WIDTH, 40)));
        let answer = client.answer();
        assert_eq!((answer.status, answer.json()), (500, json!({"error": "the service has failed"})));
        client.send(&post(&grey(40, 40)));
        assert_eq!(client.answer().body, NO_FACES, "the same thread, the same connection");
    }
}

#[test]
fn stopping_refuses_the_new_and_finishes_what_runs() {
    let mut service = Listening::start(&["--workers", "1", "--queue", "2"]);
    let mut idle = Client::sending(service.address, &get("/healthz", &[]));
    assert_eq!(idle.answer().status, 200);
    let waiting = full(&service);
    service.stop();
    wait_until("nobody listens", || TcpStream::connect(service.address).is_err());
    idle.wait_for_the_end();
    service.gate.open();
    for mut client in waiting {
        let answer = client.answer();
        assert_eq!((answer.status, answer.body.as_str()), (200, NO_FACES));
        client.wait_for_the_end();
    }
    assert!(service.finished());
}

#[test]
fn what_does_not_end_is_waited_for_only_so_long() {
    let service = Listening::adjusted(&["--workers", "1", "--queue", "2"], |config| {
        config.timeouts.drain = Duration::from_millis(300);
    });
    let gate = service.gate.clone();
    let waiting = full(&service);
    assert!(!service.finished(), "a photo still waits at the gate");
    gate.open();
    drop(waiting);
}
