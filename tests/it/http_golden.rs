//! `tests/golden/flask.json`: what the Flask service answered over HTTP, held against the built
//! program on a real socket, with curl as the client.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::server::{Answer, Server, facerec, form};
use crate::support::{self, golden_path, models};

#[derive(Deserialize)]
struct Row {
    roster: Option<String>,
    request: String,
    status: u16,
    content_type: String,
    body: Value,
}

/// A server on the gallery of the old pickle.
fn start(roster: &str, more: &[&str]) -> Server {
    let data = tempfile::tempdir().unwrap();
    std::fs::copy(golden_path("legacy").join(roster), data.path().join("roster.xlsx")).unwrap();
    let pickle = golden_path("legacy/face_model.pkl");
    let import = facerec().arg("import-pickle").arg(pickle).arg("--data").arg(data.path()).output().unwrap();
    assert!(import.status.success(), "{}", String::from_utf8_lossy(&import.stderr));
    Server::start(data, more)
}

/// The request that a row of the golden describes: path and curl's arguments.
fn request(row: &str, folder: &Path) -> (&'static str, Vec<String>) {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let photo = support::photo("obama2.jpg");
    let arguments = match row {
        "no file part" => vec!["-F".into(), "other=1".into()],
        "file part under another key" => form("photo", &golden_path("photos/obama2.jpg")),
        "not an image" => form("file", &file("text.jpg", b"this is not an image")),
        "empty file" => form("file", &file("empty.jpg", b"")),
        "truncated JPEG" => form("file", &file("half.jpg", &photo[..photo.len() / 2])),
        "file sent as a plain form field" => vec!["-F".into(), "file=hello".into()],
        "GET /recognize_faces" => vec![],
        "POST /nope" => return ("/nope", vec!["-X".into(), "POST".into()]),
        "OPTIONS /recognize_faces" => vec!["-X".into(), "OPTIONS".into()],
        photo => form("file", &golden_path("photos").join(photo)),
    };
    ("/recognize_faces", arguments)
}

#[test]
fn the_flask_profile_answers_what_the_flask_service_answered() {
    if models::vggface2_bytes().is_none() {
        return;
    }
    let rows: Vec<Row> = serde_json::from_slice(&support::golden_bytes("flask.json")).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    for roster in ["roster.xlsx", "roster_messy.xlsx"] {
        let server = start(roster, &["--compat", "flask"]);
        for row in rows.iter().filter(|row| row.roster.as_deref().unwrap_or("roster.xlsx") == roster) {
            let (path, arguments) = request(&row.request, scratch.path());
            let answer = server.curl(path, &arguments);
            assert_eq!(answer.status, row.status, "{}", row.request);
            assert_eq!(answer.content_type, row.content_type, "{}", row.request);
            assert_eq!(parsed(&answer), expected(row), "{}", row.request);
        }
    }
}

fn parsed(answer: &Answer) -> Value {
    if answer.content_type == "application/json" { answer.json() } else { json!(answer.body) }
}

/// The row's answer, but for IDs that the old service read wrongly: pandas turned a column with an
/// empty cell to floats. The sheet has the text `0007` and the whole number 2.
fn expected(row: &Row) -> Value {
    match (row.roster.as_deref(), row.request.as_str()) {
        (Some("roster_messy.xlsx"), "astronaut.png") => {
            json!([{"Student Name": "Eileen Collins", "ID": "0007"}])
        }
        (Some("roster_messy.xlsx"), "obama.jpg") => json!([{"Student Name": "Barack Obama", "ID": 2}]),
        _ => row.body.clone(),
    }
}

#[test]
fn the_standard_profile_knows_whom_the_flask_service_missed() {
    if models::vggface2_bytes().is_none() {
        return;
    }
    let server = start("roster.xlsx", &[]);
    let ask = |photo: &str| {
        let answer = server.curl("/recognize_faces", &form("file", &golden_path("photos").join(photo)));
        assert_eq!(answer.status, 200, "{photo}: {}", answer.body);
        answer.json()
    };
    let obama = json!({"Student Name": "Barack Obama", "ID": 20_090_044});
    for photo in ["obama.jpg", "obama2.jpg", "obama3.jpg", "obama_partial_face.jpg"] {
        assert_eq!(ask(photo)[0], obama, "{photo}");
    }
    assert_eq!(ask("biden.jpg"), json!([{"unknown_faces": 1}]));
    let upright = ask("exif_1.jpg");
    for orientation in 2..=8 {
        assert_eq!(ask(&format!("exif_{orientation}.jpg")), upright, "orientation {orientation}");
    }
}
