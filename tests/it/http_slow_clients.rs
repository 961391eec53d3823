//! Clients that are slow, silent, or take no answers: each is cut, whatever it does.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use facerec::config::Config;

use crate::support::http::{Client, exchange, get, grey, post, post_head};
use crate::support::listening::Listening;
use crate::support::server::PATIENCE;

/// Shorter limits than the service's own; those of `given` apart, which stay far away.
fn service(given: impl FnOnce(&mut Config)) -> Listening {
    let service = Listening::adjusted(&[], |config| {
        let times = &mut config.timeouts;
        for limit in [&mut times.head, &mut times.body_idle, &mut times.idle, &mut config.request_timeout] {
            *limit = 10 * PATIENCE;
        }
        given(config);
    });
    service.gate.open();
    service
}

fn short() -> Duration {
    Duration::from_millis(400)
}

/// Sends one byte after the other, until the server has had enough.
fn trickle(client: &mut Client, bytes: &[u8]) {
    let end = Instant::now() + PATIENCE;
    for byte in bytes.iter().cycle() {
        if client.try_send(&[*byte]).is_err() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
        assert!(Instant::now() < end, "it was never cut");
    }
}

#[test]
fn a_connection_without_a_first_request_is_cut() {
    let service = service(|config| config.timeouts.head = short());
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for start in [&b""[..], b"P", b"POST /recog", &http2[..9], http2] {
        Client::sending(service.address, start).wait_for_the_end();
    }
    let mut slow = Client::connect(service.address);
    trickle(&mut slow, &get("/healthz", &["X-Padding: and so on"])[..40]);
}

#[test]
fn a_connection_that_waits_too_long_for_its_next_request_is_cut() {
    let service = service(|config| config.timeouts.head = short());
    for next in [&b""[..], b"GET /hea"] {
        let mut client = Client::sending(service.address, &get("/healthz", &[]));
        assert_eq!(client.answer().status, 200);
        client.send(next);
        client.wait_for_the_end();
    }
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream], payload].concat()
}

#[test]
fn a_silent_http2_connection_is_cut_though_it_lives() {
    const SETTINGS: u8 = 4;
    const HEADERS: u8 = 1;
    const PING: u8 = 6;
    let service = service(|config| config.timeouts.idle = short());
    // GET /healthz as HPACK: the static table's entries for GET and http, two literals.
    let headers = [b"\x82\x86\x44\x08/healthz\x41\x04test".as_slice()].concat();
    let mut client = Client::connect(service.address);
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    client.send(&frame(SETTINGS, 0, 0, b""));
    client.send(&frame(HEADERS, 5, 1, &headers));
    let mut pings = Client::connect(service.address);
    pings.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    pings.send(&frame(SETTINGS, 0, 0, b""));
    pings.send(&frame(HEADERS, 5, 1, &headers));
    client.wait_for_the_end();
    trickle(&mut pings, &frame(PING, 0, 0, b"eight by"));
}

#[test]
fn an_http2_connection_is_told_how_much_it_may_hold() {
    let service = service(|_| {});
    let mut client = std::net::TcpStream::connect(service.address).unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    client.write_all(&frame(4, 0, 0, b"")).unwrap();
    let mut head = [0; 9];
    client.read_exact(&mut head).unwrap();
    assert_eq!(head[3..5], [4, 0], "SETTINGS");
    let mut settings = vec![0; usize::from(head[2])];
    client.read_exact(&mut settings).unwrap();
    let value = |id: u16| {
        let of_id = settings.chunks(6).find(|setting| setting[..2] == id.to_be_bytes());
        of_id.map(|setting| u32::from_be_bytes(setting[2..].try_into().unwrap()))
    };
    let [max_streams, window, max_headers] = [3, 4, 6].map(value);
    assert_eq!((max_streams, window, max_headers), (Some(16), Some(64 << 10), Some(16 << 10)));
}

#[test]
fn a_client_that_takes_no_answers_is_cut() {
    let service = service(|config| config.timeouts.idle = short());
    let mut client = Client::connect(service.address);
    let many = get("/openapi.json", &[]).repeat(200);
    let end = Instant::now() + PATIENCE;
    // Answers pile up on the way until the server can't write, and so does not read.
    while client.try_send_for(&many, Duration::from_millis(200)).is_ok() {
        assert!(Instant::now() < end, "it was never cut");
    }
}

#[test]
fn an_upload_that_stands_still_is_refused() {
    let service = service(|config| config.timeouts.body_idle = short());
    let half: Vec<u8> = post(&grey(40, 40)).into_iter().take(250).collect();
    let mut client = Client::sending(service.address, &half);
    let answer = client.answer();
    assert_eq!(answer.status, 408, "{answer:?}");
    assert_eq!(answer.json()["error"], "the upload stalled; send it faster or again");
    client.wait_for_the_end();
}

#[test]
fn an_upload_slower_than_the_least_rate_is_refused_and_with_a_rate_of_0_none_is() {
    let service_of = |rate: &str| {
        let service = Listening::adjusted(&["--min-upload-rate", rate], |config| {
            config.timeouts.body_idle = 10 * PATIENCE;
            config.clients.upload_rate.window = short();
        });
        service.gate.open();
        service
    };
    // 400 bytes in a window; a byte comes each 20 ms at the most.
    let slow = service_of("1000");
    let mut client = Client::sending(slow.address, &post_head(&["Content-Length: 100000"]));
    trickle(&mut client, b"-");
    let answer = client.answer();
    assert_eq!(answer.status, 408, "{answer:?}");
    let said = answer.json()["error"].to_string();
    assert!(said.contains("the upload is too slow: expected at least 400 bytes within"), "{said}");
    assert_eq!(exchange(slow.address, &post(&grey(40, 40))).status, 200, "others are served");

    let patient = service_of("0");
    let photo = post(&grey(40, 40));
    let (start, rest) = photo.split_at(250);
    let mut client = Client::sending(patient.address, start);
    std::thread::sleep(3 * short());
    assert_eq!(client.exchange(rest).status, 200);
}

#[test]
fn an_upload_that_trickles_is_given_up() {
    let service = service(|config| config.request_timeout = short());
    let mut client = Client::sending(service.address, &post_head(&["Content-Length: 100000"]));
    trickle(&mut client, b"-");
    assert_eq!(client.answer().status, 503);
    assert_eq!(exchange(service.address, &post(&grey(40, 40))).status, 200, "others are served");
}
