//! Forms, paths and preflights of real frontends: what Werkzeug took is taken.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::app::{Form, Reply, Service, request};
use crate::support::{golden_bytes, photo};

const TYPE: &str = "multipart/form-data; boundary=B";

/// A form of one part with these headers, its lines ended by `line`.
fn body(head: &str, line: &str, content: &[u8]) -> Vec<u8> {
    let start = format!("--B{line}{head}{line}{line}");
    [start.as_bytes(), content, format!("{line}--B--{line}").as_bytes()].concat()
}

fn send(service: &Service, path: &str, head: &str, line: &str) -> Reply {
    service.send(request(Method::POST, path, TYPE, body(head, line, &photo("obama.jpg"))))
}

#[test]
fn forms_are_read_as_werkzeug_read_them() {
    for arguments in [&[][..], &["--compat", "flask"]] {
        let service = Service::empty(arguments);
        for (head, line) in [
            ("Content-Disposition: form-data; name=\"file\"; filename*=utf-8''Jos%C3%A9.jpg", "\r\n"),
            (
                "Content-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\nContent-Type: image/jpeg",
                "\n",
            ),
            ("Content-Disposition: form-data;\r\n name=\"file\";\r\n\tfilename=\"a.jpg\"", "\r\n"),
            ("content-disposition: form-data; Name=\"file\"; FileName=\"a.jpg\"", "\r\n"),
        ] {
            let found = send(&service, "/recognize_faces", head, line).expect(200);
            assert_eq!(found, json!([{"unknown_faces": 1}]), "{head}");
            if arguments.is_empty() {
                let found = send(&service, "/v1/recognize", head, line).expect(200);
                assert_eq!(found["faces"].as_array().unwrap().len(), 1, "{head}");
            }
        }
    }
}

#[test]
fn forms_that_clients_sent_are_read() {
    let service = Service::empty(&[]);
    for file in ["lf_only.body", "filename_star.body"] {
        let send = |path: &str| {
            service.send(request(Method::POST, path, TYPE, golden_bytes(&format!("cases/{file}"))))
        };
        assert_eq!(send("/recognize_faces").expect(200), json!([{"unknown_faces": 1}]), "{file}");
        assert_eq!(send("/v1/recognize").expect(200)["faces"].as_array().unwrap().len(), 1, "{file}");
    }
}

#[test]
fn the_old_path_is_found_with_more_slashes() {
    let service = Service::empty(&[]);
    for path in ["//recognize_faces", "/recognize_faces/", "///recognize_faces//?a=b"] {
        let found =
            service.post_form(path, Form::new().file("file", "a.jpg", &photo("obama.jpg"))).expect(200);
        assert_eq!(found, json!([{"unknown_faces": 1}]), "{path}");
    }
    service.get("//v1/people").problem(404, "not_found");
}

#[test]
fn a_form_without_the_photo_is_told_what_came_and_what_is_expected() {
    let service = Service::empty(&[]);
    let error = |reply: Reply| -> String {
        assert_eq!(reply.status, 400);
        reply.body["error"].as_str().unwrap().to_owned()
    };
    let named = Form::new().file("image", "a.jpg", b"x").text("user", "7");
    let expected = "No file provided: expected the photo in part `file` of the form, found the parts [\"image\", \"user\"]";
    assert_eq!(error(service.post_form("/recognize_faces", named)), expected);
    let empty = service.post_form("/recognize_faces", Form::new());
    assert!(error(empty).ends_with("of the form, found no parts"));
    let raw =
        error(service.send(request(Method::POST, "/recognize_faces", "image/jpeg", photo("obama.jpg"))));
    assert!(raw.ends_with("with the photo in part `file`, found the content type \"image/jpeg\""), "{raw}");
    // Without a file name it is a photo all the same, but for the old profile.
    let head = "Content-Disposition: form-data; name=\"file\"";
    assert_eq!(send(&service, "/recognize_faces", head, "\r\n").expect(200), json!([{"unknown_faces": 1}]));
    let flask = Service::empty(&["--compat", "flask"]);
    assert_eq!(error(send(&flask, "/recognize_faces", head, "\r\n")), "No file provided");
    let named = Form::new().file("image", "a.jpg", b"x");
    assert_eq!(error(flask.post_form("/recognize_faces", named)), "No file provided");
}

#[test]
fn a_page_of_the_public_network_may_ask_where_its_origin_is_configured() {
    let preflight = |arguments: &[&str]| {
        let service = Service::empty(arguments);
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri("/recognize_faces")
            .header("Origin", "https://school.example")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Private-Network", "true")
            .body(Body::empty())
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let response = runtime.block_on(service.router.clone().oneshot(request)).unwrap();
        let allowed = response.headers().get("access-control-allow-private-network").cloned();
        allowed.map_or(Value::Null, |value| json!(value.to_str().unwrap()))
    };
    assert_eq!(preflight(&["--cors-origin", "https://school.example"]), "true");
    assert_eq!(preflight(&[]), Value::Null);
}
