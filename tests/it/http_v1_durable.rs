//! What was answered over HTTP is on the disk: the real server, killed while many write and read.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use facerec::gallery::store;
use image::imageops::{self, FilterType};
use serde_json::{Value, json};

use crate::support::altered::altered;
use crate::support::app::Form;
use crate::support::sample;
use crate::support::server::Server;

const KILLS: usize = 8;
const WRITERS: usize = 6;
/// Changes answered before the server is killed: 200 over all rounds.
const ANSWERS_A_ROUND: usize = 25;
/// Far beyond what a round takes, so that a server that hangs does not hang the tests.
const HANG_LIMIT: Duration = Duration::from_mins(2);

/// What is known of the people: those that were answered.
#[derive(Default)]
struct Known {
    /// Name by id.
    there: HashMap<String, String>,
    deleted: HashSet<String>,
}

struct Client<'a> {
    address: &'a str,
    agent: ureq::Agent,
}

impl<'a> Client<'a> {
    fn new(address: &'a str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self { address, agent: config.into() }
    }

    /// Status and body; `None` when the server has gone.
    fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Option<(u16, Value)> {
        let request = axum::http::Request::builder().method(method).header("content-type", content_type);
        let request = request.uri(format!("http://{}{path}", self.address)).body(body).unwrap();
        let mut response = self.agent.run(request).ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), serde_json::from_str(&text).unwrap_or_default()))
    }

    /// Enrols, and then renames or deletes now and then, until the server has gone.
    fn write(&self, name: &str, photo: &[u8], known: &Mutex<Known>, answers: &AtomicUsize) {
        for number in 0.. {
            let name = format!("{name}-{number}");
            let form = Form::new().text("name", &name).text("force", "true").file("photos", "a.png", photo);
            let (content_type, body) = form.finish();
            let Some((status, person)) = self.send("POST", "/v1/people", &content_type, &body) else {
                return;
            };
            assert_eq!(status, 201, "{person}");
            let id = person["id"].as_str().unwrap().to_owned();
            known.lock().unwrap().there.insert(id.clone(), name.clone());
            answers.fetch_add(1, Ordering::Relaxed);
            let path = format!("/v1/people/{id}");
            if number % 3 == 1 {
                // Until it is answered, nobody knows.
                known.lock().unwrap().there.remove(&id);
                let Some((status, _)) = self.send("DELETE", &path, "", b"") else { return };
                assert_eq!(status, 204);
                known.lock().unwrap().deleted.insert(id);
                answers.fetch_add(1, Ordering::Relaxed);
            } else if number % 3 == 2 {
                known.lock().unwrap().there.remove(&id);
                let renamed = format!("{name} renamed");
                let patch = json!({"name": renamed}).to_string();
                let Some((status, body)) = self.send("PATCH", &path, "application/json", patch.as_bytes())
                else {
                    return;
                };
                assert_eq!(status, 200, "{body}");
                known.lock().unwrap().there.insert(id, renamed);
                answers.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A small photo: the test is of the disk, not of the networks.
fn portrait() -> Vec<u8> {
    altered(&sample("Joe Biden"), |photo| {
        imageops::resize(photo, photo.width() * 160 / photo.height(), 160, FilterType::Triangle)
    })
}

#[test]
fn answered_changes_survive_kill_9_while_many_write() {
    let photo = &portrait();
    let known = &Mutex::new(Known::default());
    let mut data = tempfile::tempdir().unwrap();
    for round in 0..KILLS {
        let server = Server::start(data, &["--model", "casia", "--queue", "64"]);
        let address = server.address.clone();
        let answers = &AtomicUsize::new(0);
        data = std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let client = Client::new(&address);
                scope.spawn(move || client.write(&format!("{round}-{writer}"), photo, known, answers));
            }
            let client = Client::new(&address);
            scope.spawn(move || {
                while let Some((status, page)) = client.send("GET", "/v1/people?limit=5", "", b"") {
                    assert_eq!(
                        status, 200,
                        "readers are not in the way of writers, nor writers of readers: {page}"
                    );
                }
            });
            let begun = Instant::now();
            while answers.load(Ordering::Relaxed) < ANSWERS_A_ROUND {
                assert!(begun.elapsed() < HANG_LIMIT, "round {round}: nothing is answered any more");
                std::thread::sleep(Duration::from_millis(5));
            }
            server.kill()
        });
        let stored = store::read(&data.path().join(store::FILE_NAME)).expect("the file is whole");
        let known = known.lock().unwrap();
        for (id, name) in &known.there {
            let person = stored.person(id).unwrap_or_else(|| panic!("round {round}: {name} is lost"));
            assert_eq!((person.name.as_str(), person.photos.len()), (name.as_str(), 1), "round {round}");
        }
        assert!(known.deleted.iter().all(|id| stored.person(id).is_none()), "round {round}: one came back");
    }
    // And they are served again.
    let server = Server::start(data, &["--model", "casia"]);
    let known = known.lock().unwrap();
    let (status, page) = Client::new(&server.address).send("GET", "/v1/people?limit=1", "", b"").unwrap();
    assert!(status == 200 && page["total"].as_u64().unwrap() >= known.there.len() as u64, "{page}");
}
