//! Uploads that are refused, each with the status of its fault.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use image::{DynamicImage, ImageFormat};

use crate::common::client::{self, FORM, Wire, form, post_photo};
use crate::common::random::Random;
use crate::photos::encoded;
use crate::session::{Fault, Session};
use crate::tally::Kind;

/// Either way in; bad photos are refused alike.
fn path(random: &mut Random) -> &'static str {
    ["/recognize_faces", "/v1/recognize"][random.below(2)]
}

/// The group photo, cut short somewhere in its pixels.
pub(crate) fn truncated(session: &Session, random: &mut Random) -> Result<(), Fault> {
    let photo = &session.photos.group.bytes;
    let end = photo.len() / 4 + random.below(photo.len() / 2);
    let upload = post_photo(path(random), &photo[..end]);
    session.expect(Kind::Truncated, &upload, 422).map(drop)
}

pub(crate) fn text(session: &Session, random: &mut Random) -> Result<(), Fault> {
    let text = "This is no photo. ".repeat(1 + random.below(5000));
    session.expect(Kind::Text, &post_photo(path(random), text.as_bytes()), 415).map(drop)
}

/// A few bytes that claim a picture of many gigabytes.
pub(crate) fn giant_claim(session: &Session, random: &mut Random) -> Result<(), Fault> {
    const SIDE: u32 = 60_000;
    let mut photo = encoded(&DynamicImage::new_rgb8(3, 2), ImageFormat::Bmp);
    photo[18..22].copy_from_slice(&SIDE.to_le_bytes());
    photo[22..26].copy_from_slice(&SIDE.to_le_bytes());
    session.expect(Kind::GiantClaim, &post_photo(path(random), &photo), 422).map(drop)
}

/// The form's parts are not where its head says.
pub(crate) fn wrong_boundary(session: &Session, random: &mut Random) -> Result<(), Fault> {
    let body = form(&[("file", Some("a.jpg"), &session.photos.group.bytes)]);
    let upload = client::request("POST", path(random), "multipart/form-data; boundary=other", body);
    session.expect(Kind::WrongBoundary, &upload, 400).map(drop)
}

/// The client goes away in the middle of its upload and waits for nothing.
pub(crate) fn hang_up(session: &Session, random: &mut Random) -> Result<(), Fault> {
    let Wire { head, repeated: (body, _), .. } = post_photo(path(random), &session.photos.large.bytes);
    let sent = random.below(body.len());
    let upload = TcpStream::connect(&session.server.address).and_then(|mut stream| {
        stream.set_write_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(&head)?;
        stream.write_all(&body[..sent])
    });
    session.tally.request(Kind::HangUp, Duration::ZERO);
    upload.map_err(|error| format!("a body that breaks off could not be sent: {error}"))
}

/// A workbook that is none changes nothing.
pub(crate) fn roster(session: &Session, random: &mut Random) -> Result<(), Fault> {
    let noise: Vec<u8> = (0..1 + random.below(20_000)).map(|_| random.next() as u8).collect();
    let upload = client::request("PUT", "/v1/roster", FORM, form(&[("file", Some("r.xlsx"), &noise)]));
    session.expect(Kind::BadRoster, &upload, 422).map(drop)
}
