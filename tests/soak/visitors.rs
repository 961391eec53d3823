//! People who come and go while the service runs.
//!
//! Visitors have faces of the sample's people, stretched until they look little like them: a photo of
//! a visitor is nearest to the visitor while that is enrolled, and every photo of the sample is nearest
//! to its own people. The gate is against such people, so they are enrolled by force.

use std::sync::{Mutex, MutexGuard};

use image::DynamicImage;
use image::imageops::FilterType;
use serde_json::{Value, json};

use crate::common::client::{FORM, Wire, form, post_photo, request};
use crate::common::random::Random;
use crate::common::server::sample;
use crate::photos::jpeg;
use crate::recognition::names;
use crate::session::{Fault, Session, same};
use crate::tally::Kind;

/// Whose faces are stretched, and how: factors of width and height.
const FACES: [(&str, f32, f32); 4] = [
    ("Joe Biden", 1.45, 1.0),
    ("Joe Biden", 1.0, 1.4),
    ("Eileen Collins", 1.45, 1.0),
    ("Eileen Collins", 1.0, 1.4),
];

/// Two photos of one face.
pub(crate) struct Visitor([Vec<u8>; 2]);

/// The faces; each is of one enrolled person at most, who has it locked.
pub(crate) struct Visitors(Vec<Mutex<Visitor>>);

impl Visitors {
    pub(crate) fn prepare() -> Self {
        let visitor = |&(name, wide, high): &(&str, f32, f32)| {
            let portrait = image::load_from_memory(&sample(&format!("people/{name}/portrait.jpg"))).unwrap();
            let first = stretched(&portrait, wide, high).fliph();
            let second = first.adjust_contrast(-30.0).brighten(25);
            Mutex::new(Visitor([jpeg(&first), jpeg(&second)]))
        };
        Self(FACES.iter().map(visitor).collect())
    }

    /// Waits until all visitors have gone; no one comes while the result lives.
    pub(crate) fn keep_away(&self) -> Vec<MutexGuard<'_, Visitor>> {
        self.0.iter().map(|visitor| visitor.lock().unwrap()).collect()
    }
}

fn stretched(photo: &DynamicImage, wide: f32, high: f32) -> DynamicImage {
    let side = |pixels: u32, factor: f32| (pixels as f32 * factor) as u32;
    photo.resize_exact(side(photo.width(), wide), side(photo.height(), high), FilterType::Triangle)
}

/// A visitor is enrolled, recognised, gets another photo and another name, loses a photo, and goes.
pub(crate) fn come_and_go(session: &Session, random: &mut Random) -> Result<(), Fault> {
    let visitor = session.visitors.0[random.below(FACES.len())].lock().unwrap();
    let Visitor([first, second]) = &*visitor;
    let name = format!("Visitor {:08x}", random.next() as u32);
    let enrolled = session.expect_json(Kind::Enrolment, &enrolment(&name, first, true), 201)?;
    let id = text(&enrolled["id"]);
    let stay = stay(session, &name, &id, &text(&enrolled["photos"][0]["id"]), first, second);
    // Whatever went wrong, the next one with this face is to be alone.
    let person = format!("/v1/people/{id}");
    session.expect(Kind::Deletion, &bodiless("DELETE", &person), 204)?;
    stay?;
    session.expect(Kind::Lookup, &bodiless("GET", &person), 404)?;
    let seen = seen(session, first)?;
    if text(&seen).starts_with("Visitor") {
        return Err(format!("photo of a visitor who was deleted: expected another name, found {seen}"));
    }
    Ok(())
}

/// All between coming and going.
fn stay(
    session: &Session,
    name: &str,
    id: &str,
    first_id: &str,
    first: &[u8],
    second: &[u8],
) -> Result<(), Fault> {
    let person = format!("/v1/people/{id}");
    same("photo of a visitor", &name.into(), &seen(session, first)?)?;
    let photo = form(&[("photos", Some("b.jpg"), second), ("force", None, b"true")]);
    let photo = request("POST", &format!("{person}/photos"), FORM, photo);
    session.expect(Kind::PhotoAddition, &photo, 201)?;
    same("second photo of a visitor", &name.into(), &seen(session, second)?)?;
    let new_name = format!("{name}, renam\u{e9}d");
    let patch = json!({"name": new_name}).to_string().into_bytes();
    let renamed =
        session.expect_json(Kind::Rename, &request("PATCH", &person, "application/json", patch), 200)?;
    same("name of a renamed visitor", &new_name.as_str().into(), &renamed["name"])?;
    let photo = bodiless("DELETE", &format!("{person}/photos/{first_id}"));
    session.expect(Kind::PhotoDeletion, &photo, 204)?;
    same("photo of a renamed visitor", &new_name.as_str().into(), &seen(session, second)?)?;
    let listed = session.expect_json(Kind::Lookup, &bodiless("GET", &person), 200)?;
    same("photos of a visitor", &1.into(), &listed["photos"].as_array().map_or(0, Vec::len).into())
}

/// A sample person's photo is not taken for somebody else's, and says why.
pub(crate) fn refused(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    let portrait = sample("people/Joe Biden/portrait.jpg");
    let response =
        session.expect_json(Kind::RefusedEnrolment, &enrolment("Somebody Else", &portrait, false), 422)?;
    same("refused enrolment", &"no_photo_accepted".into(), &response["code"])?;
    let reason = &response["photos"][0]["reasons"][0]["reason"];
    same("refused enrolment", &"looks_like_another_person".into(), reason)
}

fn enrolment(name: &str, photo: &[u8], force: bool) -> Wire {
    let force: &[u8] = if force { b"true" } else { b"false" };
    let parts = [("name", None, name.as_bytes()), ("photos", Some("a.jpg"), photo), ("force", None, force)];
    request("POST", "/v1/people", FORM, form(&parts))
}

/// Whose the only face of a photo is said to be.
fn seen(session: &Session, photo: &[u8]) -> Result<Value, Fault> {
    let response = session.expect_json(Kind::ExplainedPhoto, &post_photo("/v1/recognize", photo), 200)?;
    Ok(names(&response).into_iter().next().unwrap_or_default())
}

fn bodiless(method: &str, path: &str) -> Wire {
    request(method, path, "text/plain", Vec::new())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
