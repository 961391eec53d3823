//! `POST /v1/detect` and `POST /v1/verify`, held against the reference.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use facerec::embed::Embedding;
use facerec::gallery::Gallery;
use serde_json::{Value, json};

use crate::support::app::{Form, Service, recipe, request};
use crate::support::golden::reference;
use crate::support::photo;

#[test]
fn faces_are_where_the_reference_has_them() {
    let service = Service::empty(&[]);
    let photos = reference();
    let golden = photos.iter().find(|photo| photo.file == "group.png").unwrap();
    let answer = service.post_photo("/v1/detect?min_probability=0", photo("group.png")).expect(200);
    let faces = answer["faces"].as_array().unwrap();
    assert_eq!(faces.len(), golden.faces.len());
    for (face, golden) in faces.iter().zip(&golden.faces) {
        let near = |found: &serde_json::Value, expected: f32| {
            let found = found.as_f64().unwrap();
            assert!((found - f64::from(expected)).abs() < 0.5, "{found}, expected {expected}");
        };
        let [x1, y1, x2, y2] = golden.bbox;
        near(&face["box"]["x"], x1);
        near(&face["box"]["y"], y1);
        near(&face["box"]["width"], x2 - x1);
        near(&face["box"]["height"], y2 - y1);
        let names = ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"];
        for (name, [x, y]) in names.into_iter().zip(golden.landmarks) {
            near(&face["landmarks"][name]["x"], x);
            near(&face["landmarks"][name]["y"], y);
        }
        assert!((face["probability"].as_f64().unwrap() - f64::from(golden.probability)).abs() < 1e-3);
        assert!(face["person"].is_null());
    }
    let sure = service.post_photo("/v1/detect", photo("group.png")).expect(200);
    assert!(
        sure["faces"].as_array().unwrap().iter().all(|face| face["probability"].as_f64().unwrap() >= 0.9)
    );
    let one = service.post_photo("/v1/detect?max_faces=1", photo("group.png")).expect(200);
    assert_eq!(one["faces"].as_array().unwrap()[..], sure["faces"].as_array().unwrap()[..1]);
    let turned = service.post_photo("/v1/detect", photo("exif_6.jpg")).expect(200);
    assert_eq!(turned["image"]["orientation"], 6);
    service.post_photo("/v1/detect?threshold=1", photo("exif_6.jpg")).problem(400, "unknown_parameter");
    service.post_photo("/v1/detect?min_probability=2", photo("exif_6.jpg")).problem(400, "invalid_parameter");
    service.get("/v1/detect").problem(405, "method_not_allowed");
}

fn pair(a: &[u8], b: &[u8]) -> Form {
    Form::new().file("a", "a.jpg", a).file("b", "b.jpg", b)
}

#[test]
fn two_photos_are_as_far_apart_as_in_the_reference() {
    // Cut as the reference cuts: without a margin.
    let service = Service::with(&Gallery::empty(recipe(0)));
    let photos = reference();
    let embedding = |file: &str| {
        let golden = photos.iter().find(|photo| photo.file == file).unwrap();
        Embedding::new(golden.faces[0].embeddings["casia"].standard.clone()).unwrap()
    };
    for (a, b, same) in [
        ("obama.jpg", "obama2.jpg", true),
        ("obama.jpg", "biden.jpg", false),
        ("obama.jpg", "obama.jpg", true),
    ] {
        let answer = service.post_form("/v1/verify", pair(&photo(a), &photo(b))).expect(200);
        let expected = f64::from(embedding(a).cosine_distance(&embedding(b)));
        let distance = answer["distance"].as_f64().unwrap();
        assert!(
            (distance - expected).abs() < 0.01 && distance >= 0.0,
            "{a} {b}: {distance}, expected {expected}"
        );
        assert_eq!((&answer["same"], &answer["model"]), (&json!(same), &json!("casia")));
        assert!(answer["a"]["box"]["width"].as_f64().unwrap() > 20.0);
    }
    let strict =
        service.post_form("/v1/verify?threshold=0.01", pair(&photo("obama.jpg"), &photo("obama2.jpg")));
    assert_eq!(strict.expect(200)["same"], false);
}

#[test]
fn a_pair_without_two_faces_is_told_which_photo_has_none() {
    let service = Service::empty(&[]);
    let (face, none) = (photo("obama.jpg"), photo("no_face.png"));
    for (form, part) in [(pair(&none, &face), "a"), (pair(&face, &none), "b")] {
        assert_eq!(service.post_form("/v1/verify", form).problem(422, "no_face")["part"], part);
    }
    service.post_form("/v1/verify", pair(&face, b"hello")).problem(415, "unsupported_image");
    service.post_form("/v1/verify", Form::new().file("a", "a.jpg", &face)).problem(400, "missing_part");
    service.post_form("/v1/verify?top_k=1", pair(&face, &face)).problem(400, "unknown_parameter");
    service
        .send(request(Method::POST, "/v1/verify", "image/png", face))
        .problem(415, "unsupported_media_type");
}

#[test]
fn of_several_faces_the_one_that_is_meant_is_compared() {
    let service = Service::with(&Gallery::empty(recipe(0)));
    let (group, face) = (photo("group.jpg"), photo("obama.jpg"));
    let faces =
        service.post_photo("/v1/detect", group.clone()).expect(200)["faces"].as_array().unwrap().clone();
    assert!(faces.len() > 1);
    for (form, part) in [(pair(&group, &face), "a"), (pair(&face, &group), "b")] {
        let problem = service.post_form("/v1/verify", form).problem(422, "several_faces");
        assert_eq!(problem["part"], part);
        let expected =
            format!("found {}: choose one with face_{part}, 0 to {}", faces.len(), faces.len() - 1);
        assert!(problem["detail"].as_str().unwrap().ends_with(&expected), "{problem}");
    }
    for (at, expected) in faces.iter().enumerate() {
        let found = service.post_form(&format!("/v1/verify?face_b={at}"), pair(&face, &group)).expect(200);
        assert_eq!(found["b"]["box"], expected["box"]);
    }
    let beyond = service.post_form(&format!("/v1/verify?face_b={}", faces.len()), pair(&face, &group));
    beyond.problem(400, "invalid_parameter");
    service.post_form("/v1/verify?face_a=-1", pair(&face, &face)).problem(400, "invalid_parameter");
}

#[test]
fn a_photo_is_compared_with_an_enrolled_person() {
    let service = Service::empty(&[]);
    let form = Form::new().text("name", "Barack Obama").file("photos", "a.jpg", &photo("obama.jpg"));
    let enrolled = service.post_form("/v1/people", form).expect(201);
    let id = enrolled["id"].as_str().unwrap();
    let one = |file: &str| Form::new().file("a", "a.jpg", &photo(file));
    for (file, same) in [("obama2.jpg", true), ("biden.jpg", false)] {
        let found = service.post_form(&format!("/v1/verify?person_id={id}"), one(file)).expect(200);
        assert_eq!((&found["same"], &found["b"]), (&json!(same), &json!(null)), "{file}");
        let pair = service.post_form("/v1/verify", pair(&photo(file), &photo("obama.jpg"))).expect(200);
        assert_eq!(found["distance"], pair["distance"]);
    }
    let address = format!("/v1/verify?person_id={id}");
    service
        .post_form(&address, pair(&photo("obama.jpg"), &photo("obama.jpg")))
        .problem(400, "invalid_request");
    service.post_form(&address, one("no_face.png")).problem(422, "no_face");
    service.post_form("/v1/verify?person_id=nobody", one("obama.jpg")).problem(404, "not_found");
    service.post_form("/v1/verify?person_id=", one("obama.jpg")).problem(400, "invalid_parameter");
}

#[test]
fn several_photos_have_an_answer_each() {
    let service = Service::empty(&[]);
    let one = service.post_photo("/v1/recognize", photo("obama.jpg")).expect(200);
    let form = Form::new().file("photos", "a.jpg", &photo("obama.jpg")).file("photos", "b.txt", b"hello");
    let answers = service.post_form("/v1/recognize", form).expect(200)["photos"].clone();
    let result = |answer: &Value| answer["result"]["faces"].clone();
    assert_eq!((&answers[0]["photo"], &answers[1]["photo"]), (&json!("a.jpg"), &json!("b.txt")));
    assert_eq!((result(&answers[0]), &answers[0]["problem"]), (one["faces"].clone(), &json!(null)));
    let problem = &answers[1]["problem"];
    assert_eq!((&answers[1]["result"], &problem["code"]), (&json!(null), &json!("unsupported_image")));
    assert_eq!(problem["status"], 415);

    let both = Form::new().file("photos", "a.jpg", b"x").file("file", "a.jpg", b"x");
    service.post_form("/v1/recognize", both).problem(400, "invalid_request");
    let many = (0..21).fold(Form::new(), |form, _| form.file("photos", "a.jpg", b"x"));
    service.post_form("/v1/detect", many).problem(400, "invalid_request");
}

#[test]
fn photos_come_as_base64_in_json_too() {
    let service = Service::empty(&[]);
    let post = |path: &str, body: &Value| {
        service.send(request(Method::POST, path, "application/json", body.to_string().into_bytes()))
    };
    let encoded = STANDARD.encode(photo("obama.jpg"));
    let unpadded = encoded.trim_end_matches('=').to_owned();
    for path in ["/v1/recognize", "/v1/detect"] {
        let one = service.post_photo(path, photo("obama.jpg")).expect(200);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(75).map(|line| str::from_utf8(line).unwrap()).collect();
        for text in [
            encoded.clone(),
            unpadded.clone(),
            format!("data:image/jpeg;base64,{encoded}"),
            lines.join("\r\n"),
        ] {
            assert_eq!(post(path, &json!({ "image": text })).expect(200)["faces"], one["faces"]);
        }
        // As PHP and .NET write it.
        let escaped = encoded.replace('/', "\\/").replace('+', "\\u002B");
        let escaped = format!("{{\"image\": \"{escaped}\"}}").into_bytes();
        let answer = service.send(request(Method::POST, path, "application/json", escaped));
        assert_eq!(answer.expect(200)["faces"], one["faces"]);
        let answers = post(path, &json!({"images": [encoded, STANDARD.encode("hello")]})).expect(200);
        assert_eq!(answers["photos"][0]["result"]["faces"], one["faces"]);
        assert_eq!(answers["photos"][1]["problem"]["code"], "unsupported_image");
        assert_eq!(answers["photos"][1]["photo"], "photo 2");
        for body in [
            json!({}),
            json!({"image": "a", "images": ["a"]}),
            json!({"images": []}),
            json!({"images": vec![encoded.clone(); 21]}),
            json!({"image": "no base64!"}),
            json!({"image": ""}),
            json!({"image": 7}),
            json!({"photo": encoded}),
            json!([encoded]),
        ] {
            let problem = post(path, &body).problem(400, "invalid_request");
            assert!(!problem["detail"].as_str().unwrap().contains("no base64!"), "{problem}");
        }
    }
}

#[test]
fn what_base64_in_json_may_hold_is_known_before_it_is_decoded() {
    let small = Service::empty(&["--max-upload-mib", "1", "--workers", "1", "--queue", "0"]);
    let post =
        |body: String| small.send(request(Method::POST, "/v1/detect", "application/json", body.into_bytes()));
    let of = |bytes: usize| json!({"image": STANDARD.encode(vec![0; bytes])}).to_string();
    post(of(1 << 20)).problem(415, "unsupported_image");
    post(of((1 << 20) + 3)).problem(413, "too_large");
    // A hundred thousand empty texts.
    let texts = format!("{{\"images\": [{}\"\"]}}", "\"\",".repeat(100_000));
    post(texts).problem(400, "invalid_request");
    assert_eq!(small.state.uploads.budget.held_bytes(), 0, "all is given back");
}

#[test]
fn two_photos_may_each_be_as_large_as_one() {
    let service = Service::empty(&["--max-upload-mib", "1", "--workers", "1", "--queue", "0"]);
    let most = vec![0; 1 << 20];
    service.post_form("/v1/verify", pair(&most, &most)).problem(415, "unsupported_image");
    let more = vec![0; (1 << 20) + 1];
    service.post_form("/v1/verify", pair(&photo("biden.jpg"), &more)).problem(413, "too_large");
}
