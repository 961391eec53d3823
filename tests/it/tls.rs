//! HTTPS by the service itself.

use std::process::Command;
use std::time::Duration;

use crate::support::http::{Client, get};
use crate::support::listening::Listening;
use crate::support::server::{Server, facerec, wait_until};
use crate::support::tls::{Pair, file};

fn strings(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

fn server(pair: &Pair) -> Server {
    let arguments = pair.arguments();
    let mut arguments = strings(&arguments);
    arguments.extend(["--model", "casia"]);
    Server::empty(&arguments)
}

/// The head of the response to curl, which trusts only the certificate `trusted`; an error where it refuses.
fn ask(server: &Server, trusted: &str, more: &[&str]) -> Result<String, String> {
    let output = Command::new("curl")
        .args(["-sS", "--max-time", "60", "-D", "-", "-o", "/dev/null", "--cacert"])
        .arg(file(trusted))
        .args(more)
        .arg(format!("https://localhost:{}/healthz", server.socket().port()))
        .output()
        .expect("curl is installed");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().to_lowercase();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn https_is_spoken_in_both_versions_of_http_and_browsers_are_told_to_keep_to_it() {
    let server = server(&Pair::first());
    let head = ask(&server, "first.pem", &[]).unwrap();
    assert!(head.starts_with("http/2 200"), "chosen by ALPN: {head}");
    assert!(head.contains("strict-transport-security: max-age=31536000"), "{head}");
    for (version, status) in [("--http1.1", "http/1.1 200"), ("--tls-max=1.2", "http/2 200")] {
        let version: Vec<&str> = version.split('=').collect();
        let head = ask(&server, "first.pem", &version).unwrap();
        assert!(head.starts_with(status), "{version:?}: {head}");
    }
    assert!(ask(&server, "second.pem", &[]).unwrap_err().contains("certificate"));

    let plain = Server::empty(&["--model", "casia"]).get("/healthz");
    assert!(!plain.head.contains("strict-transport-security"), "{}", plain.head);
}

#[test]
fn a_new_certificate_is_used_and_one_that_does_not_fit_its_key_is_not() {
    let pair = Pair::first();
    let server = server(&pair);
    pair.replace("second.pem", "second.key");
    wait_until("the new certificate is used", || ask(&server, "second.pem", &[]).is_ok());
    assert!(ask(&server, "first.pem", &[]).is_err());

    pair.replace("second.pem", "first.key");
    wait_until("it is noticed", || server.log().contains("found that of another one; the pair read before"));
    ask(&server, "second.pem", &[]).unwrap();
    pair.replace("second.key", "first.key");
    wait_until("it is noticed", || server.log().contains("the TLS certificate read before is still in use"));
    ask(&server, "second.pem", &[]).unwrap();
    pair.replace("first.pem", "first.key");
    wait_until("the pair is whole again", || ask(&server, "first.pem", &[]).is_ok());
}

#[test]
fn a_pair_that_can_not_be_used_stops_the_start_and_half_a_pair_is_wrong_usage() {
    let pair = Pair::first();
    let serve = |arguments: &[&str]| {
        let data = tempfile::tempdir().unwrap();
        let mut command = facerec();
        command.args(["serve", "--port", "0", "--model", "casia", "--data"]).arg(data.path()).args(arguments);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let arguments = pair.arguments();
    for half in [&arguments[..2], &arguments[2..]] {
        let (code, said) = serve(&strings(half));
        assert!(code == Some(2) && said.contains("--tls-cert") && said.contains("--tls-key"), "{said}");
    }
    pair.replace("first.pem", "second.key");
    let (code, said) = serve(&strings(&arguments));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("expected the key of the certificate"), "{said}");
}

#[test]
fn the_health_check_asks_by_https_where_the_service_speaks_it() {
    let pair = Pair::first();
    let server = server(&pair);
    let port = server.socket().port().to_string();
    let output = facerec()
        .args(["healthcheck", "--port", &port])
        .env("FACEREC_TLS_CERT", pair.certificate())
        .env_remove("FACEREC_HEALTHCHECK_URL")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let output = facerec().args(["healthcheck", "--port", &port]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("expected HTTPS, found HTTP"), "{said}");
}

#[test]
fn a_request_in_the_clear_is_told_to_use_https_and_a_silent_client_is_cut() {
    let pair = Pair::first();
    let arguments = pair.arguments();
    let service = Listening::adjusted(&strings(&arguments), |config| {
        config.timeouts.head = Duration::from_millis(500);
    });
    let mut client = Client::sending(service.address, &get("/healthz", &[]));
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (400, "close"));
    assert_eq!(answer.body, "expected HTTPS, found HTTP: use https:// in the URL\n");
    client.wait_for_the_end();
    // Nothing, and the beginning of a handshake.
    for begun in [&b""[..], &[22, 3, 1, 1, 0]] {
        Client::sending(service.address, begun).wait_for_the_end();
    }
    assert!(service.finished());
}

#[test]
fn a_handshake_that_does_not_end_does_not_delay_the_end_of_the_service() {
    let pair = Pair::first();
    let arguments = pair.arguments();
    let mut service = Listening::adjusted(&strings(&arguments), |config| {
        // Waiting for the handshake would take longer than stopping may.
        config.timeouts.head = Duration::from_hours(1);
        config.timeouts.drain = Duration::from_mins(1);
    });
    let clients: Vec<Client> =
        [&b""[..], &[22, 3, 1, 1, 0]].map(|begun| Client::sending(service.address, begun)).into();
    // Accepted in order: these are in their handshakes.
    assert_eq!(Client::sending(service.address, &get("/healthz", &[])).answer().status, 400);
    service.stop();
    for mut client in clients {
        client.wait_for_the_end();
    }
    assert!(service.finished());
}
