//! The reasons of the enrolment gate over HTTP, with what was measured and what is needed.

use axum::http::Method;
use facerec::gallery::Gallery;
use image::imageops::{self, FilterType};
use serde_json::{Value, json};

use crate::support::altered::{altered, turned};
use crate::support::app::{Form, Service, recipe};
use crate::support::{photo, sample};

/// What is said of one photo that nobody was enrolled by.
fn reasons(service: &Service, name: &str, photo: &[u8], force: bool) -> Vec<Value> {
    let form = Form::new().text("name", name).text("force", &force.to_string()).file("photos", "", photo);
    let problem = service.post_form("/v1/people", form).problem(422, "no_photo_accepted");
    assert_eq!(problem["detail"], "none of the 1 photos was accepted; photos gives the reasons");
    let [photo] = &problem["photos"].as_array().unwrap()[..] else { panic!("{problem}") };
    assert_eq!((&photo["photo"], &photo["outcome"]), (&json!("photo 1"), &json!("rejected")));
    let reasons = photo["reasons"].as_array().unwrap().clone();
    assert!(reasons.iter().all(|reason| !reason["detail"].as_str().unwrap().is_empty()), "{problem}");
    reasons
}

fn the_one<'a>(reasons: &'a [Value], code: &str) -> &'a Value {
    let found = reasons.iter().find(|reason| reason["reason"] == code);
    found.unwrap_or_else(|| panic!("{code} is not among {reasons:?}"))
}

fn numbers(reason: &Value) -> (f64, f64) {
    (reason["measured"].as_f64().unwrap(), reason["needed"].as_f64().unwrap())
}

#[test]
fn photos_without_one_good_face_are_refused_with_what_was_measured() {
    let service = Service::empty(&[]);
    let portrait = sample("Barack Obama");

    let none = reasons(&service, "Ada", &photo("no_face.png"), false);
    assert_eq!((none.len(), numbers(the_one(&none, "no_face"))), (1, (0.0, 1.0)));
    let several = reasons(&service, "Ada", &photo("group.jpg"), false);
    assert_eq!((several.len(), numbers(the_one(&several, "several_faces"))), (1, (3.0, 1.0)));

    let blurred = altered(&portrait, |photo| imageops::blur(photo, 5.0));
    let blurred = reasons(&service, "Ada", &blurred, false);
    let (measured, needed) = numbers(the_one(&blurred, "blurred"));
    assert!(measured < 20.0 && needed == 20.0, "{measured} {needed}");

    let tilted = altered(&portrait, |photo| turned(photo, 45.0));
    let tilted = reasons(&service, "Ada", &tilted, false);
    let roll = tilted.iter().find(|reason| reason["axis"] == "roll").unwrap();
    let (measured, needed) = numbers(roll);
    assert_eq!((&roll["reason"], needed), (&json!("extreme_pose"), 25.0));
    assert!((25.0..65.0).contains(&measured), "{measured}");

    let small = altered(&portrait, |photo| {
        imageops::resize(photo, photo.width() * 64 / photo.height(), 64, FilterType::Triangle)
    });
    let (measured, needed) = numbers(the_one(&reasons(&service, "Ada", &small, false), "face_too_small"));
    assert!((5.0..25.0).contains(&measured) && needed == 25.0, "{measured} {needed}");

    let text = reasons(&service, "Ada", b"hello", false);
    assert_eq!(text[0]["reason"], "not_an_image");
    assert!(text[0]["measured"].is_null() && text[0]["detail"].as_str().unwrap().starts_with("not an image"));
    assert!(service.gallery().is_empty());
}

#[test]
fn a_face_that_is_not_sure_enough_is_told_its_probability() {
    let service = Service::empty(&["--enroll-min-probability", "1"]);
    // Smeared until the detector doubts it.
    let portrait = altered(&sample("Joe Biden"), |photo| imageops::blur(photo, 9.0));
    let low = reasons(&service, "Ada", &portrait, false);
    let (measured, needed) = numbers(the_one(&low, "low_probability"));
    assert!(measured < 1.0 && needed == 1.0, "{measured}");
}

#[test]
fn who_is_enrolled_already_is_named() {
    let service = Service::with(&Gallery::empty(recipe(32)));
    let form = Form::new().text("name", "Barack Obama").file("photos", "a.jpg", &photo("obama.jpg"));
    let enrolled = service.post_form("/v1/people", form).expect(201);

    let like = reasons(&service, "Somebody Else", &photo("obama2.jpg"), false);
    let like = the_one(&like, "looks_like_another_person");
    assert_eq!(like["person"], json!({"id": enrolled["id"], "name": "Barack Obama"}));
    let (measured, needed) = numbers(like);
    assert!((0.15..0.4).contains(&measured) && (needed - 0.4).abs() < 1e-6, "{measured}");

    let path = format!("/v1/people/{}/photos", enrolled["id"].as_str().unwrap());
    let again = Form::new().file("photos", "a.jpg", &photo("obama.jpg"));
    let problem = service.post_form(&path, again).problem(422, "no_photo_accepted");
    let again = &problem["photos"][0]["reasons"][0];
    assert_eq!(
        (&again["reason"], &again["photo_id"]),
        (&json!("same_photo_again"), &enrolled["photos"][0]["id"])
    );
    assert_eq!(again["measured"], 0.0);
}

#[test]
fn a_misfiled_photo_locks_nobody_out_and_is_refused_with_whom_it_looks_like() {
    let service = Service::empty(&[]);
    let post = |path: &str, name: Option<&str>, files: &[&str]| {
        let form = name.into_iter().fold(Form::new(), |form, name| form.text("name", name));
        let form = files.iter().fold(form, |form, file| form.file("photos", file, &photo(file)));
        service.post_form(path, form)
    };
    // Joe Biden is enrolled by a photo of Barack Obama.
    let joe = post("/v1/people", Some("Joe Biden"), &["obama.jpg"]).expect(201);
    post("/v1/people", Some("Barack Obama"), &["obama2.jpg"]).problem(422, "no_photo_accepted");
    let barack = post("/v1/people", Some("Barack Obama"), &["obama2.jpg", "obama3.jpg"]).expect(201);
    let photos = |person: &Value| format!("/v1/people/{}/photos", person["id"].as_str().unwrap());
    post(&photos(&joe), None, &["biden.jpg"]).expect(201);
    let eileen = post("/v1/people", Some("Eileen Collins"), &["astronaut.png"]).expect(201);
    let problem = post(&photos(&eileen), None, &["obama3.jpg"]).problem(422, "no_photo_accepted");
    let reason = the_one(problem["photos"][0]["reasons"].as_array().unwrap(), "unlike_own_photos");
    assert_eq!(reason["person"], json!({"id": barack["id"], "name": "Barack Obama"}));
}

#[test]
fn what_is_enrolled_by_force_in_spite_of_its_quality_is_marked_weak() {
    let service = Service::empty(&[]);
    let blurred = altered(&sample("Barack Obama"), |photo| imageops::blur(photo, 5.0));
    let form = Form::new().text("name", "Ada").text("force", "true").file("photos", "soft.jpg", &blurred);
    let form = form.file("photos", "sharp.jpg", &photo("obama.jpg"));
    let enrolled = service.post_form("/v1/people", form).expect(201);
    assert_eq!(
        (&enrolled["photos"][0]["weak"], &enrolled["photos"][1]["weak"]),
        (&json!(true), &Value::Null)
    );
    let listed = service.get("/v1/people").expect(200);
    assert_eq!(listed["people"][0]["weak_photos"], 1);
    let person = service.get(&format!("/v1/people/{}", enrolled["id"].as_str().unwrap())).expect(200);
    let weak: Vec<&Value> = person["photos"].as_array().unwrap().iter().map(|photo| &photo["weak"]).collect();
    assert_eq!(weak, [&json!(true), &json!(false)]);
}

#[test]
fn of_two_people_with_one_face_that_come_at_once_one_is_enrolled() {
    let service = Service::empty(&["--workers", "2"]);
    let form = |name: &str| {
        let form = Form::new().text("name", name).file("photos", "a.jpg", &photo("obama.jpg"));
        form.request(Method::POST, "/v1/people")
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let both = async { tokio::join!(service.reply(form("Ada")), service.reply(form("Grace"))) };
    let (one, other) = runtime.block_on(both);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    // 422 where the one was through before the other was looked at.
    assert!(matches!(statuses, [201, 409 | 422]), "{statuses:?}");
    assert_eq!(service.gallery().len(), 1);
}

#[test]
fn photos_of_one_form_are_held_against_each_other() {
    let service = Service::empty(&[]);
    let twice = photo("obama.jpg");
    let form = Form::new().text("name", "Barack Obama").file("photos", "1.jpg", &twice);
    let form = form.file("photos", "2.jpg", &twice).file("photos", "3.jpg", &photo("obama2.jpg"));
    let enrolled = service.post_form("/v1/people", form).expect(201);
    let outcomes: Vec<&Value> =
        enrolled["photos"].as_array().unwrap().iter().map(|photo| &photo["outcome"]).collect();
    assert_eq!(outcomes, ["accepted", "rejected", "accepted"]);
    assert_eq!(enrolled["photos"][1]["reasons"][0]["reason"], "same_photo_again");
    assert_eq!(service.gallery().photo_count(), 2);
}

#[test]
fn force_overrides_all_but_a_photo_without_a_face() {
    let service = Service::empty(&[]);
    let form = |name: &str, bytes: &[u8]| {
        Form::new().text("name", name).text("force", "true").file("photos", "x.jpg", bytes)
    };
    let group = service.post_form("/v1/people", form("In the middle", &photo("group.jpg"))).expect(201);
    let overridden = &group["photos"][0]["overridden"];
    assert_eq!(
        (&overridden[0]["reason"], &overridden[0]["measured"]),
        (&json!("several_faces"), &json!(3.0))
    );
    let found = service.post_photo("/v1/recognize", photo("biden.jpg")).expect(200);
    assert_eq!(found["faces"][0]["person"]["name"], "In the middle");
    service.post_form("/v1/people", form("Barack Obama", &photo("obama.jpg"))).expect(201);
    let double = service.post_form("/v1/people", form("Double", &photo("obama2.jpg"))).expect(201);
    assert_eq!(double["photos"][0]["overridden"][0]["reason"], "looks_like_another_person");
    for (bytes, code) in [(photo("no_face.png"), "no_face"), (b"hello".to_vec(), "not_an_image")] {
        assert_eq!(reasons(&service, "Nobody", &bytes, true)[0]["reason"], code);
    }
}
