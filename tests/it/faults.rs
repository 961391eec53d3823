//! What goes wrong around the service: disks, files, clocks, limits, signals. Each time it says so, and
//! nothing that it has answered is lost.

mod clock;
mod disk;
mod files;
mod limits;
mod models;
mod stop;

use std::path::PathBuf;

use crate::support::app::Form;
use crate::support::http::post_to;
use crate::support::server::{Answer, Server, form, sample_folder};

fn portrait() -> PathBuf {
    sample_folder().join("people/Joe Biden/portrait.jpg")
}

/// Enrols a person by a photo that the gate does not look at.
fn enroll(server: &Server, name: &str) -> Answer {
    let (name, photo) = (format!("name={name}"), format!("photos=@{}", portrait().display()));
    server.curl("/v1/people", &["-F", &name, "-F", "force=true", "-F", &photo])
}

/// The same as a request to be sent on a connection.
fn enrollment(name: &str, photo: &[u8]) -> Vec<u8> {
    let form = Form::new().text("name", name).text("force", "true").file("photos", "a.jpg", photo);
    let (content_type, body) = form.finish();
    post_to("/v1/people", &content_type, &body)
}

/// The id of a person who is enrolled now.
fn enrolled(server: &Server, name: &str) -> String {
    let answer = enroll(server, name);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Ids of the enrolled, in the order of the list.
fn people(server: &Server) -> Vec<String> {
    let page = server.get("/v1/people?limit=1000").json();
    page["people"]
        .as_array()
        .unwrap()
        .iter()
        .map(|person| person["id"].as_str().unwrap().to_owned())
        .collect()
}

/// The answer to the group photo of the sample, which has names and IDs.
fn recognized(server: &Server) -> String {
    let answer = server.curl("/recognize_faces", &form("file", &sample_folder().join("group.jpg")));
    assert!(answer.status == 200 && answer.body.contains("Barack Obama"), "{}", answer.body);
    answer.body
}
