//! A service without keys and the pages of other sites: which names of the service and which pages it answers.

use std::net::SocketAddr;

use crate::support::http::{Answer, BOUNDARY, exchange, form, get, grey};
use crate::support::listening::Listening;

const RECOGNITION: [&str; 4] = ["/recognize_faces", "/v1/recognize", "/v1/detect", "/v1/verify"];

fn service(arguments: &[&str]) -> Listening {
    let service = Listening::start(arguments);
    service.gate.open();
    service
}

/// A photo's upload with these lines in its head, `Host` among them.
fn upload(address: SocketAddr, path: &str, lines: &[&str]) -> Answer {
    let body = form(&grey(40, 40));
    let lines: String = lines.iter().flat_map(|line| [line, "\r\n"]).collect();
    let head = format!(
        "POST {path} HTTP/1.1\r\n{lines}Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    exchange(address, &[head.as_bytes(), &body].concat())
}

/// What a photo is answered by each route of recognition; verification lacks the second one.
fn statuses(service: &Listening, lines: &[&str]) -> [u16; 4] {
    RECOGNITION.map(|path| upload(service.address, path, lines).status)
}

const TAKEN: [u16; 4] = [200, 200, 200, 400];
const REFUSED: [u16; 4] = [403; 4];

#[test]
fn pages_of_other_sites_and_rebound_names_are_refused_and_the_network_is_answered() {
    let service = service(&[]);
    for lines in [
        &["Host: 192.168.1.5:5000"][..],
        &["Host: school-server:5000"],
        &["Host: school-server:5000", "Origin: http://school-server:5000"],
        &["Host: localhost", "Origin: http://localhost", "Sec-Fetch-Site: same-origin"],
    ] {
        assert_eq!(statuses(&service, lines), TAKEN, "{lines:?}");
    }
    for lines in [
        &["Host: attacker.example:5000"][..],
        &["Host: attacker.example", "Origin: http://attacker.example", "Sec-Fetch-Site: same-origin"],
        &["Host: localhost", "Origin: https://attacker.example", "Sec-Fetch-Site: cross-site"],
        &["Host: 192.168.1.5:5000", "Origin: http://192.168.1.5:8080"],
        &["Host: 192.168.1.5:5000", "Origin: null"],
        &["Host: 192.168.1.5:5000", "Sec-Fetch-Site: cross-site"],
    ] {
        assert_eq!(statuses(&service, lines), REFUSED, "{lines:?}");
    }
    let problem = upload(service.address, "/v1/recognize", &["Host: attacker.example"]).json();
    assert_eq!(problem["code"], "forbidden");
    assert!(problem["detail"].as_str().unwrap().contains("--allowed-host"), "{problem}");
    assert_eq!(service.gate.arrived(), 12, "what was refused was not looked at");
    // What says nothing of people is answered under any name.
    for path in ["/metrics", "/healthz", "/"] {
        let request =
            String::from_utf8(get(path, &[])).unwrap().replace("Host: test", "Host: facerec.example");
        assert_eq!(exchange(service.address, request.as_bytes()).status, 200, "{path}");
    }
    let metrics = exchange(service.address, &get("/metrics", &[])).body;
    assert!(metrics.contains("facerec_access_refused_total{reason=\"other_site\"} 25"), "{metrics}");
}

#[test]
fn the_settings_allow_more_names_and_origins() {
    let arguments =
        ["--allowed-host", "faces.school.example,b.example", "--cors-origin", "https://a.example"];
    let service = service(&arguments);
    for lines in [
        &["Host: faces.school.example"][..],
        &["Host: B.example:8080", "Origin: https://a.example", "Sec-Fetch-Site: cross-site"],
    ] {
        assert_eq!(statuses(&service, lines), TAKEN, "{lines:?}");
    }
    for lines in [&["Host: c.example"][..], &["Host: b.example", "Origin: https://c.example"]] {
        assert_eq!(statuses(&service, lines), REFUSED, "{lines:?}");
    }
}

#[test]
fn the_flask_services_profile_answers_whoever_asks() {
    let service = service(&["--compat", "flask"]);
    let lines = ["Host: attacker.example", "Origin: https://other.example", "Sec-Fetch-Site: cross-site"];
    assert_eq!(statuses(&service, &lines), TAKEN);
}

#[test]
fn a_request_of_http_1_1_names_one_host() {
    let service = service(&[]);
    let ask = |request: &str| exchange(service.address, request.as_bytes()).status;
    for path in ["/healthz", "/", "/v1/people", "/nothing"] {
        assert_eq!(ask(&format!("GET {path} HTTP/1.1\r\n\r\n")), 400, "{path}");
    }
    assert_eq!(upload(service.address, "/recognize_faces", &[]).status, 400);
    assert_eq!(ask("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
    assert_eq!(ask("GET /healthz HTTP/1.0\r\n\r\n"), 200, "HTTP/1.0 has no Host");
}
