//! Good photos get the right response.

use serde_json::Value;

use crate::common::client::post_photo;
use crate::common::random::Random;
use crate::photos::Photo;
use crate::session::{Fault, Session, same};
use crate::tally::Kind;

/// The sample's group photo as it is: the yardstick of latency.
pub(crate) fn group_photo(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    recognise(session, Kind::GroupPhoto, &session.photos.group)
}

pub(crate) fn large_photo(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    recognise(session, Kind::LargePhoto, &session.photos.large)
}

pub(crate) fn exif_photo(session: &Session, random: &mut Random) -> Result<(), Fault> {
    recognise(session, Kind::ExifPhoto, one_of(random, &session.photos.exif))
}

pub(crate) fn other_photo(session: &Session, random: &mut Random) -> Result<(), Fault> {
    recognise(session, Kind::OtherPhoto, one_of(random, &session.photos.others))
}

fn one_of<'a>(random: &mut Random, photos: &'a [Photo]) -> &'a Photo {
    &photos[random.below(photos.len())]
}

/// By the old endpoint: all of its response is checked.
fn recognise(session: &Session, kind: Kind, photo: &Photo) -> Result<(), Fault> {
    let response = session.expect_json(kind, &post_photo("/recognize_faces", &photo.bytes), 200)?;
    same(&photo.what, &sorted(photo.expected()), &sorted(response.as_array().cloned().unwrap_or_default()))
}

/// By version 1: who, how many, and by which model.
pub(crate) fn explained_photo(session: &Session, random: &mut Random) -> Result<(), Fault> {
    let photo = match random.below(3) {
        0 => &session.photos.group,
        1 => one_of(random, &session.photos.exif),
        _ => one_of(random, &session.photos.others),
    };
    let response =
        session.expect_json(Kind::ExplainedPhoto, &post_photo("/v1/recognize", &photo.bytes), 200)?;
    let expected = photo.people.iter().map(|known| known.name.into()).collect();
    same(&photo.what, &sorted(expected), &sorted(names(&response)))?;
    same(&photo.what, &Value::from("casia"), &response["model"])
}

/// The name of each face, null for an unknown one.
pub(crate) fn names(response: &Value) -> Vec<Value> {
    let faces = response["faces"].as_array().cloned().unwrap_or_default();
    faces.iter().map(|face| face["person"]["name"].clone()).collect()
}

/// In an order that does not depend on the faces' sizes, which may be almost the same.
fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_key(ToString::to_string);
    values.into()
}
