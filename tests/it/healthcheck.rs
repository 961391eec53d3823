//! `facerec healthcheck`: which address it asks, and what it says of the answer.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

use crate::support::server::facerec;

/// A service that gives one `answer`; its port.
fn service(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let count = stream.read(&mut [0; 4096]).unwrap();
        assert!(count > 0);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    port
}

/// Where every proxy that a library may know of is one that is not there.
fn healthcheck() -> Command {
    let mut command = facerec();
    command.arg("healthcheck").env_remove("FACEREC_HEALTHCHECK_URL").env_remove("NO_PROXY");
    for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env(variable, "http://127.0.0.1:1");
    }
    command
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_port_of_the_service_is_asked_and_no_proxy() {
    let port = service("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let output = healthcheck().env("FACEREC_PORT", port.to_string()).output().unwrap();
    assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
}

#[test]
fn what_was_asked_expected_and_found_is_said() {
    let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 18\r\n\r\n{\"error\":\n \"busy\"}";
    let port = service(answer);
    let output = healthcheck().args(["--port", &port.to_string()]).output().unwrap();
    let expected = format!(
        "facerec: http://127.0.0.1:{port}/readyz: expected status 200, found 503 Service Unavailable: {{\"error\": \"busy\"}}\n"
    );
    assert_eq!((output.status.code(), said(&output)), (Some(1), expected));

    let output = healthcheck().args(["--url", "http://127.0.0.1:1/readyz"]).output().unwrap();
    let expected = "facerec: http://127.0.0.1:1/readyz: expected status 200, found no response: ";
    assert!(output.status.code() == Some(1) && said(&output).starts_with(expected), "{}", said(&output));
    for command in ["healthcheck", "bench"] {
        let output = facerec().args([command, "--url", "127.0.0.1:5000"]).output().unwrap();
        let expected = "expected a URL like http://127.0.0.1:5000, found \"127.0.0.1:5000\"";
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
}
