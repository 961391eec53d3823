//! `POST /v1/detect` and `POST /v1/verify`, held against the reference.

use axum::http::Method;
use facerec::embed::Embedding;
use facerec::gallery::Gallery;
use serde_json::json;

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
fn two_photos_may_each_be_as_large_as_one() {
    let service = Service::empty(&["--max-upload-mib", "1", "--workers", "1", "--queue", "0"]);
    let most = vec![0; 1 << 20];
    service.post_form("/v1/verify", pair(&most, &most)).problem(415, "unsupported_image");
    let more = vec![0; (1 << 20) + 1];
    service.post_form("/v1/verify", pair(&photo("biden.jpg"), &more)).problem(413, "too_large");
}
