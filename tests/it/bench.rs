//! `facerec bench`: that its figures are there and hang together; how large they are is the machine's affair.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};

use facerec::nn::native::{Isa, Precision};
use serde_json::Value;

use crate::support::place::Place;
use crate::support::server::sample_data;

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_facerec"))
        .args(["bench", "--seconds", "1"])
        .args(args)
        .env_remove("FACEREC_DATA")
        // Neither photos nor keys go through a proxy, here one that is not there.
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, found {value}"))
}

/// Latencies in order, and a rate that is the requests over the time.
fn assert_hangs_together(load: &Value, clients: u64) {
    assert_eq!(load["clients"], clients);
    assert!(number(&load["requests"]) >= clients as f64, "{load}");
    assert!(0.0 < number(&load["p50_ms"]) && number(&load["p50_ms"]) <= number(&load["p95_ms"]), "{load}");
    let rate = number(&load["requests"]) / number(&load["seconds"]);
    assert!((number(&load["requests_per_second"]) - rate).abs() < 1e-6, "{load}");
}

#[test]
fn the_built_in_photo_is_measured_stage_by_stage_and_by_each_number_of_clients() {
    let report = json(&bench(&["--model", "casia", "--clients", "1,2", "--json"]));
    let service = &report["service"];
    assert_eq!(service["engine"], "native");
    assert_eq!(service["kernel"], Isa::detect().name());
    assert_eq!(service["precision"], Precision::fastest(Isa::detect()).name());
    assert_eq!(service["model"], "casia");
    assert!(number(&service["start_ms"]) > 0.0);
    if cfg!(target_os = "linux") {
        assert!(number(&service["peak_memory_mib"]) > 50.0, "the weights alone are larger: {service}");
    }
    let photo = &report["photos"][0];
    assert_eq!((&photo["width"], &photo["height"]), (&1536.into(), &640.into()));
    assert_eq!(photo["faces"], 3);
    let stages = photo["stages_ms"].as_object().unwrap();
    for (stage, time) in stages {
        assert!(number(time) >= 0.0, "{stage}");
    }
    for stage in ["decode", "pyramid_pnet", "rnet", "onet", "crops", "facenet", "together"] {
        assert!(number(&stages[stage]) > 0.0, "{stage}");
        assert!(number(&stages[stage]) <= number(&stages["together"]), "{stage}: {stages:?}");
    }
    assert_eq!(photo["loads"].as_array().unwrap().len(), 2);
    assert_hangs_together(&photo["loads"][0], 1);
    assert_hangs_together(&photo["loads"][1], 2);
}

#[test]
fn the_people_of_a_directory_or_a_database_are_searched() {
    for place in Place::each(sample_data) {
        let report = json(&place.run(&["bench", "--seconds", "1", "--clients", "1", "--json"]));
        assert_eq!(report["service"]["people"], 3);
    }
}

#[test]
fn tables_name_every_stage() {
    let output = bench(&["--model", "casia", "--clients", "1", "--kernel", "scalar"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["engine       native, scalar", "pyramid and P-Net", "FaceNet", "together", "requests/s"] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
}

#[test]
fn what_is_no_photo_is_an_error_that_names_the_file() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = bench(&[file, "--model", "casia"]);
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("Cargo.toml") && output.stdout.is_empty(), "{message}");
}

/// A server that answers every request with `status`; returns its address. Its thread ends with the tests.
fn server(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer_all(&mut stream.unwrap(), status));
        }
    });
    format!("http://{address}/")
}

/// Answers a connection's requests until it is closed.
fn answer_all(stream: &mut TcpStream, status: &str) {
    let mut received = Vec::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let count = stream.read(&mut piece).unwrap_or(0);
        if count == 0 {
            return;
        }
        received.extend_from_slice(&piece[..count]);
        if received.ends_with(b"--\r\n") {
            let head = String::from_utf8_lossy(&received[..600]).to_lowercase();
            assert!(head.starts_with("post /recognize_faces http/1.1"), "{head}");
            assert!(head.contains("x-api-key: k1"), "{head}");
            received.clear();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n[]");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    }
}

#[test]
fn a_server_is_measured_over_http() {
    let url = server("200 OK");
    let report = json(&bench(&["--url", &url, "--api-key", "k1", "--clients", "2", "--json"]));
    assert_eq!(report["url"], url);
    assert_hangs_together(&report["photos"][0]["loads"][0], 2);
    assert!(report["service"].is_null(), "a server's own figures are not known: {report}");
}

#[test]
fn a_server_that_refuses_is_an_error() {
    let output = bench(&["--url", &server("503 Service Unavailable"), "--api-key", "k1"]);
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("expected status 200") && message.contains("503"), "{message}");
}
