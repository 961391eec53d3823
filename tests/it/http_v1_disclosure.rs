//! What callers learn of enrolled people who may not manage them.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::Method;
use facerec::gallery::{EnrolledPhoto, Gallery, Person};
use serde_json::{Value, json};

use crate::support::app::{Form, Reply, Service, recipe, request};
use crate::support::faces::named;
use crate::support::golden::{reference, reference_embedding_of};
use crate::support::http::{exchange, post_to};
use crate::support::photo;
use crate::support::server::Server;

/// Five people with the face of obama.jpg, and Biden.
fn service() -> Service {
    let photos = reference();
    let person = |name: &str, file: &str| {
        let face = reference_embedding_of(&photos, file, 0, "casia");
        Person::new(named(name), None, vec![EnrolledPhoto::new(face, None)])
    };
    let alike = ["Obama A", "Obama B", "Obama C", "Obama D", "Obama E"].map(|name| person(name, "obama.jpg"));
    let people = alike.into_iter().chain([person("Joe Biden", "biden.jpg")]).collect();
    Service::with(&Gallery::new(recipe(0), people).unwrap())
}

/// From another machine, which may not manage people.
fn ask_from_elsewhere(service: &Service, path: &str) -> Reply {
    let mut request = request(Method::POST, path, "image/jpeg", photo("obama2.jpg"));
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
    service.send(request)
}

fn candidates(answer: &Value) -> usize {
    answer["faces"][0]["candidates"].as_array().unwrap().len()
}

#[test]
fn a_caller_who_may_not_manage_people_can_not_list_them() {
    let service = service();
    let everybody = "/v1/recognize?top_k=100&threshold=0";
    assert_eq!(candidates(&service.post_photo(everybody, photo("obama2.jpg")).expect(200)), 6);
    assert_eq!(candidates(&ask_from_elsewhere(&service, everybody).expect(200)), 0, "nobody is below 0");
    let answer = ask_from_elsewhere(&service, "/v1/recognize?top_k=100").expect(200);
    assert_eq!(candidates(&answer), 3, "of five matches");
    assert_eq!(answer["faces"][0]["decision"], "match");
    for figure in ["distance", "margin"] {
        let found = answer["faces"][0][figure].as_f64().unwrap();
        assert!(((found * 1000.0).round() / 1000.0 - found).abs() < 1e-12, "{figure}: {found}");
    }
    let unknown = ask_from_elsewhere(&service, "/v1/recognize?threshold=0.001").expect(200);
    assert_eq!(unknown["faces"][0]["candidates"], json!([]));
    assert!(unknown["faces"][0]["distance"].is_number(), "the distance names nobody");
}

#[test]
fn a_caller_who_may_not_manage_people_can_only_make_the_threshold_stricter() {
    let service = service();
    let looser = "/v1/recognize?threshold=0.51";
    let problem = ask_from_elsewhere(&service, looser).problem(403, "forbidden");
    let detail = "expected a threshold of at most 0.5, the service's own, or a caller who may manage people, found 0.51";
    assert_eq!(problem["detail"], detail);
    ask_from_elsewhere(&service, "/v1/recognize?threshold=0.5").expect(200);
    service.post_photo(looser, photo("obama2.jpg")).expect(200);
}

#[test]
fn a_caller_who_may_not_manage_people_can_only_make_the_rate_stricter() {
    let server = Server::sample(&["--false-name-rate", "0.01"]);
    let obama = photo("obama.jpg");
    let ask = |query: &str, from: &str| {
        let type_and_more = format!("image/jpeg{from}");
        exchange(server.socket(), &post_to(&format!("/v1/recognize?{query}"), &type_and_more, &obama)).status
    };
    let forwarded = "\r\nX-Forwarded-For: 192.0.2.7";
    for (query, status) in
        [("false_name_rate=0.02", 403), ("threshold=0.1", 403), ("false_name_rate=0.005", 200)]
    {
        assert_eq!(ask(query, forwarded), status, "{query}");
        assert_eq!(ask(query, ""), 200, "{query} from the machine itself");
    }
}

#[test]
fn a_comparison_tells_no_more_than_a_recognition() {
    let service = service();
    let id = service.get("/v1/people").expect(200)["people"][0]["id"].as_str().unwrap().to_owned();
    let form = || Form::new().file("a", "a.jpg", &photo("obama2.jpg"));
    let from_elsewhere = |path: &str, form: Form| {
        let mut request = form.request(Method::POST, path);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
        service.send(request)
    };
    let path = format!("/v1/verify?person_id={id}");
    let whole = service.post_form(&path, form()).expect(200);
    let answer = from_elsewhere(&path, form()).expect(200);
    let exact = whole["distance"].as_f64().unwrap();
    let told = answer["distance"].as_f64().unwrap();
    assert!(
        (told - exact).abs() <= 5e-4 && ((told * 1000.0).round() / 1000.0 - told).abs() < 1e-12,
        "{told}"
    );
    for threshold in ["0.51", "2"] {
        let looser = format!("{path}&threshold={threshold}");
        from_elsewhere(&looser, form()).problem(403, "forbidden");
        service.post_form(&looser, form()).expect(200);
    }
    from_elsewhere(&format!("{path}&threshold=0.4"), form()).expect(200);
    let pair = form().file("b", "b.jpg", &photo("obama.jpg"));
    from_elsewhere("/v1/verify?threshold=2", pair).expect(200);
    service.post_form(&format!("{path}&face_b=0"), form()).problem(400, "invalid_request");
}

#[test]
fn faces_beyond_the_limit_are_left_out_and_counted() {
    let data = tempfile::tempdir().unwrap();
    let service = Service::on(data, &["--max-faces", "2"]);
    for path in ["/v1/recognize", "/v1/detect", "/v1/recognize?max_faces=3"] {
        let answer = service.post_photo(path, photo("group.jpg")).expect(200);
        assert_eq!(answer["faces"].as_array().unwrap().len(), 2, "{path}");
        assert_eq!(
            (&answer["faces_omitted"], &answer["candidates_omitted"]),
            (&json!(1), &json!(0)),
            "{path}"
        );
    }
    let answer = service.post_photo("/v1/detect?max_faces=1", photo("group.jpg")).expect(200);
    assert_eq!(answer["faces_omitted"], 2);
}

#[test]
fn only_those_who_could_mend_a_broken_file_are_told_why_it_is_broken() {
    let service = service();
    std::fs::write(service.data.path().join("gallery.bin"), "root:x:0:0:secret").unwrap();
    service.state.service.poll_files();
    let mut stranger = request(Method::GET, "/readyz", "", Vec::new());
    stranger.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 40_000))));
    assert_eq!(service.send(stranger).expect(200)["errors"], json!(["gallery"]));
    let told = service.get("/readyz").expect(200)["errors"][0].as_str().unwrap().to_owned();
    assert!(told.contains("gallery.bin") && !told.contains("root"), "{told}");
}
