//! `POST /v1/recognize`: distances, margins and candidates held against the reference's embeddings,
//! and what is said to requests that can't be answered.

use axum::http::Method;
use facerec::embed::Embedding;
use facerec::gallery::{EnrolledPhoto, Gallery, Person};
use facerec::student_id::StudentId;
use serde_json::{Value, json};

use crate::support::app::{Form, Service, recipe, request};
use crate::support::faces::named;
use crate::support::golden::{Photo, reference, reference_embedding_of};
use crate::support::photo;

/// The reference's embedding of a face, counted from the largest.
fn reference_embedding(photos: &[Photo], file: &str, face: usize) -> Embedding {
    reference_embedding_of(photos, file, face, "casia")
}

/// Two people with the reference's own embeddings, cut without a margin.
fn two_people(photos: &[Photo]) -> Gallery {
    let person = |name: &str, file: &str, id| {
        let photo = EnrolledPhoto::new(reference_embedding(photos, file, 0), None);
        Person::new(named(name), id, vec![photo])
    };
    let id = StudentId::from_text("0046");
    let people = vec![
        person("Barack Obama", "obama.jpg", Some(StudentId::Integer(44))),
        person("Joe Biden", "biden.jpg", id),
    ];
    Gallery::new(recipe(0), people).unwrap()
}

fn near(found: &Value, expected: f32) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{found} is a number"));
    assert!((found - f64::from(expected)).abs() < 0.01, "{found}, expected {expected}");
}

#[test]
fn a_match_has_the_distances_that_the_reference_has() {
    let photos = reference();
    let gallery = two_people(&photos);
    let service = Service::with(&gallery);
    let face = reference_embedding(&photos, "obama2.jpg", 0);
    let [obama, biden] =
        [0, 1].map(|person: usize| gallery.people()[person].photos[0].embedding.cosine_distance(&face));
    let answer = service.post_photo("/v1/recognize?top_k=2", photo("obama2.jpg")).expect(200);
    assert_eq!(answer["model"], "casia");
    assert_eq!(answer["threshold"], 0.5);
    assert_eq!(answer["unknown_faces"], 0);
    let golden = photos.iter().find(|photo| photo.file == "obama2.jpg").unwrap();
    let size = json!({"width": golden.width, "height": golden.height, "orientation": 1});
    assert_eq!(answer["image"], size);
    let [found] = &answer["faces"].as_array().unwrap()[..] else { panic!("{answer}") };
    assert_eq!(found["decision"], "match");
    let person = json!({"id": gallery.people()[0].id, "name": "Barack Obama", "student_id": 44});
    assert_eq!(found["person"], person);
    near(&found["distance"], obama);
    near(&found["margin"], biden - obama);
    assert_eq!(found["candidates"].as_array().unwrap().len(), 2);
    near(&found["candidates"][1]["distance"], biden);
    assert_eq!(found["candidates"][1]["person"]["student_id"], "0046");
    let [x1, y1, x2, y2] = golden.faces[0].bbox;
    let bbox = &found["box"];
    for (found, expected) in
        [(&bbox["x"], x1), (&bbox["y"], y1), (&bbox["width"], x2 - x1), (&bbox["height"], y2 - y1)]
    {
        assert!((found.as_f64().unwrap() - f64::from(expected)).abs() < 1.0, "{bbox}");
    }
    assert_eq!(found["landmarks"].as_object().unwrap().len(), 5);
    for stage in ["decode", "detect", "embed", "match"] {
        assert!(answer["timings_ms"][stage].as_f64().unwrap() >= 0.0, "{stage}");
    }
}

#[test]
fn an_unknown_face_has_no_person_but_the_distance_to_the_nearest() {
    let photos = reference();
    let gallery = two_people(&photos);
    let service = Service::with(&gallery);
    let face = reference_embedding(&photos, "astronaut.png", 0);
    let nearest = gallery.people().iter().map(|p| p.photos[0].embedding.cosine_distance(&face));
    let nearest = nearest.fold(2.0, f32::min);
    let answer = service.post_photo("/v1/recognize", photo("astronaut.png")).expect(200);
    assert_eq!(answer["unknown_faces"], 1);
    let face = &answer["faces"][0];
    assert_eq!(face["decision"], "unknown");
    assert_eq!((&face["person"], &face["margin"]), (&Value::Null, &Value::Null));
    near(&face["distance"], nearest);
    assert_eq!(face["candidates"].as_array().unwrap().len(), 1, "top_k is 1 by default");

    // The threshold is the request's own.
    let answer = service.post_photo("/v1/recognize?threshold=1.9", photo("astronaut.png")).expect(200);
    assert_eq!(answer["faces"][0]["decision"], "match");
    assert_eq!(answer["threshold"], json!(1.9));
}

#[test]
fn with_nobody_enrolled_every_face_is_unknown() {
    let service = Service::empty(&[]);
    let answer = service.post_photo("/v1/recognize?top_k=5", photo("group.jpg")).expect(200);
    assert_eq!(answer["unknown_faces"], 3);
    for face in answer["faces"].as_array().unwrap() {
        assert_eq!((&face["distance"], &face["person"]), (&Value::Null, &Value::Null));
        assert_eq!(face["candidates"], json!([]));
    }
    let answer = service.post_photo("/v1/recognize", photo("no_face.png")).expect(200);
    assert_eq!((&answer["faces"], &answer["unknown_faces"]), (&json!([]), &json!(0)));
    assert!(!service.data.path().join("gallery.bin").exists(), "looking writes nothing");
}

#[test]
fn a_person_is_in_a_photo_once_unless_faces_are_taken_by_themselves() {
    // One person who is near to all three faces, as far as the threshold goes.
    let photos = reference();
    let gallery = Gallery::new(recipe(0), vec![two_people(&photos).people()[0].clone()]).unwrap();
    let service = Service::with(&gallery);
    let decisions = |query: &str| {
        let path = format!("/v1/recognize?threshold=2&{query}");
        let answer = service.post_photo(&path, photo("group.jpg")).expect(200);
        let faces = answer["faces"].as_array().unwrap().clone();
        let matched = faces.iter().filter(|face| face["decision"] == "match");
        let nearest = faces.iter().map(|face| face["distance"].as_f64().unwrap()).fold(2.0, f64::min);
        let matched: Vec<f64> = matched.map(|face| face["distance"].as_f64().unwrap()).collect();
        assert!(matched.contains(&nearest), "the nearest face has the person");
        matched.len()
    };
    assert_eq!(decisions("assignment=independent"), 3);
    assert_eq!(decisions("assignment=unique"), 1);
    assert_eq!(decisions("top_k=3"), 1, "unique by default");
    assert_eq!(decisions("assignment=independent&max_faces=2"), 2);
}

#[test]
fn a_face_whose_person_is_another_face_is_unknown_with_a_reason() {
    let photos = reference();
    let near = reference_embedding(&photos, "group.jpg", 0);
    let person =
        |name: &str, face: Embedding| Person::new(named(name), None, vec![EnrolledPhoto::new(face, None)]);
    let far = crate::support::faces::embedding(1);
    let gallery = Gallery::new(recipe(0), vec![person("Near", near), person("Far", far)]).unwrap();
    let service = Service::with(&gallery);
    let answer = service.post_photo("/v1/recognize?threshold=2&top_k=2", photo("group.jpg")).expect(200);
    let faces = answer["faces"].as_array().unwrap();
    assert_eq!(faces[0]["person"]["name"], "Near");
    assert_eq!((&faces[0]["reason"], &faces[0]["other_face"]), (&Value::Null, &Value::Null));
    let taken: Vec<&Value> = faces.iter().filter(|face| face["reason"] == "person_already_matched").collect();
    assert!(!taken.is_empty(), "{answer}");
    for face in taken {
        assert_eq!(
            (&face["decision"], &face["person"], &face["margin"]),
            (&json!("unknown"), &Value::Null, &Value::Null)
        );
        assert!(face["other_face"].is_u64(), "{face}");
    }
    assert!(faces.iter().all(|face| face["margin"].as_f64().is_none_or(|margin| margin >= 0.0)), "{answer}");
}

#[test]
fn a_rate_decides_by_the_score_and_a_service_without_statistics_refuses_it() {
    let photos = reference();
    let obama = reference_embedding(&photos, "obama.jpg", 0);
    let people = vec![Person::new(named("Barack Obama"), None, vec![EnrolledPhoto::new(obama, None)])];
    let plain = Gallery::new(recipe(0), people).unwrap();
    let refused = Service::with(&plain).post_photo("/v1/recognize?false_name_rate=0.01", photo("obama2.jpg"));
    let problem = refused.problem(400, "invalid_parameter");
    let detail = "false_name_rate: expected statistics of strangers for the model casia at margin 0, found none; use \
                  threshold";
    assert_eq!((&problem["parameter"], &problem["detail"]), (&json!("false_name_rate"), &json!(detail)));
    let both = Service::with(&plain);
    let reply = both.post_photo("/v1/recognize?false_name_rate=0.01&threshold=0.5", photo("obama2.jpg"));
    reply.problem(400, "invalid_parameter");
}

#[test]
fn query_parameters_out_of_range_are_told_what_was_expected_and_found() {
    let service = Service::empty(&[]);
    for (query, parameter, detail) in [
        ("threshold=2.5", "threshold", "threshold: expected a number from 0 to 2, found \"2.5\""),
        ("threshold=NaN", "threshold", "threshold: expected a number from 0 to 2, found \"NaN\""),
        ("threshold=", "threshold", "threshold: expected a number from 0 to 2, found \"\""),
        (
            "false_name_rate=0.9",
            "false_name_rate",
            "false_name_rate: expected a number from 0.000001 to 0.5, found \"0.9\"",
        ),
        ("top_k=0", "top_k", "top_k: expected a whole number from 1 to 100, found \"0\""),
        ("top_k=-1", "top_k", "top_k: expected a whole number from 1 to 100, found \"-1\""),
        (
            "min_probability=90",
            "min_probability",
            "min_probability: expected a number from 0 to 1, found \"90\"",
        ),
        ("max_faces=1e3", "max_faces", "max_faces: expected a whole number from 1 to 10000, found \"1e3\""),
        ("assignment=best", "assignment", "assignment: expected unique or independent, found \"best\""),
        ("top_k=1&top_k=2", "top_k", "top_k: expected it once, found it 2 times"),
    ] {
        let reply = service.post_photo(&format!("/v1/recognize?{query}"), photo("obama2.jpg"));
        let problem = reply.problem(400, "invalid_parameter");
        assert_eq!((&problem["parameter"], &problem["detail"]), (&json!(parameter), &json!(detail)));
    }
    let reply = service.post_photo("/v1/recognize?treshold=0.4", photo("obama2.jpg"));
    let problem = reply.problem(400, "unknown_parameter");
    let expected = "unknown query parameter \"treshold\"; expected one of false_name_rate, threshold, top_k, min_probability, \
                    max_faces, assignment, group";
    assert_eq!(problem["detail"], expected);
}

#[test]
fn a_photo_comes_as_a_part_or_as_the_body_and_nothing_else_is_one() {
    let service = Service::empty(&[]);
    let form = Form::new().file("file", "a.bin", &photo("obama2.jpg"));
    assert_eq!(service.post_form("/v1/recognize", form).expect(200)["unknown_faces"], 1);
    let body = request(Method::POST, "/v1/recognize", "IMAGE/x-odd; a=b", photo("obama2.jpg"));
    assert_eq!(service.send(body).expect(200)["unknown_faces"], 1);

    service.post_form("/v1/recognize", Form::new()).problem(400, "missing_part");
    for (form, detail) in [
        (Form::new().file("photo", "a.jpg", b"x"), "unknown form field \"photo\"; expected one of file"),
        (
            Form::new().file("file", "a", b"x").text("top_k", "1"),
            "unknown form field \"top_k\"; expected one of file",
        ),
        (
            Form::new().file("file", "a", b"x").file("file", "b", b"x"),
            "expected one part `file` in the form, found two",
        ),
    ] {
        let problem = service.post_form("/v1/recognize", form).problem(400, "invalid_request");
        assert!(problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
    for content_type in ["", "application/xml", "text/image"] {
        let body = request(Method::POST, "/v1/recognize", content_type, photo("obama2.jpg"));
        service.send(body).problem(415, "unsupported_media_type");
    }
    let body = request(Method::POST, "/v1/recognize", "multipart/form-data", photo("obama2.jpg"));
    service.send(body).problem(400, "invalid_request");
    let body = request(Method::POST, "/v1/recognize", "multipart/form-data; boundary=x", b"--x\r\n".to_vec());
    service.send(body).problem(400, "invalid_request");
    service.post_photo("/v1/recognize", b"not an image".to_vec()).problem(415, "unsupported_image");
    service.post_photo("/v1/recognize", Vec::new()).problem(415, "unsupported_image");
    let half = photo("astronaut.png")[..2000].to_vec();
    service.post_photo("/v1/recognize", half).problem(422, "undecodable_image");
}

#[test]
fn limits_hold_before_and_while_the_body_is_read() {
    let service = Service::empty(&["--max-upload-mib", "1"]);
    let large = vec![0; (1 << 20) + 1];
    service.post_photo("/v1/recognize", large.clone()).problem(413, "too_large");
    let form = Form::new().file("file", "a.jpg", &large);
    service.post_form("/v1/recognize", form).problem(413, "too_large");
    let announced = axum::http::Request::post("/v1/recognize").header("content-type", "image/png");
    let announced =
        announced.header("content-length", "99999999999").body(axum::body::Body::empty()).unwrap();
    service.send(announced).problem(413, "too_large");
    assert_eq!(service.state.service.workers().running(), 0, "nothing was begun");
}

#[test]
fn other_methods_and_addresses_are_problems_too() {
    let service = Service::empty(&[]);
    let reply = service.get("/v1/recognize");
    assert_eq!(reply.allow, "POST");
    reply.problem(405, "method_not_allowed");
    service.delete("/v1/recognize").problem(405, "method_not_allowed");
    service.patch("/v1/recognize", &json!({})).problem(405, "method_not_allowed");
    service.get("/v1/nothing").problem(404, "not_found");
    service.get("/v1").problem(404, "not_found");
}
