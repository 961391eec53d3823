//! A thousand acknowledged changes by several clients of two replicas, while replicas or the database are killed.

use std::collections::HashMap;
use std::sync::RwLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use axum::http::Request;
use facerec::gallery::Gallery;
use facerec::gallery::backend::PeopleBackend;
use facerec::postgres::PostgresPeople;
use image::imageops::{self, FilterType};
use serde_json::json;

use super::{enrol, people};
use crate::support::altered::altered;
use crate::support::app::Form;
use crate::support::postgres::{Cluster, database, open};
use crate::support::sample;
use crate::support::server::{PATIENCE, Server, wait_until};

const CHANGES: usize = 1000;
const KILLS: usize = 8;
const CLIENTS: u64 = 6;
/// People that each client begins with; nobody else changes them.
const OWN: u64 = 12;
/// Whose name nobody else may have.
const TAKEN: &str = "Taken Example";
/// Of so many changes one enrols, with a photo, and one deletes.
const RARE: usize = 30;

/// What a client may hold for true of a person: the name that was acknowledged last, and those after it that may have been given.
struct Own {
    id: String,
    names: Vec<String>,
}

/// What a client knows.
#[derive(Default)]
struct Ledger {
    own: Vec<Own>,
    deleted: Vec<String>,
    enrolled: Vec<String>,
    refused: Vec<String>,
}

/// How a change was answered.
enum Outcome {
    Made,
    NotMade(u16),
    Unknown,
}

struct Client<'a> {
    number: u64,
    replicas: &'a RwLock<[String; 2]>,
    acknowledged: &'a AtomicUsize,
    agent: ureq::Agent,
    photo: &'a [u8],
}

impl Client<'_> {
    /// Sends a change to one replica. Whether a change was made that was not answered, nobody knows.
    fn send(&self, at: usize, method: &str, path: &str, content_type: &str, body: &[u8]) -> Outcome {
        let address = self.replicas.read().unwrap()[at % 2].clone();
        let request = Request::builder().method(method).header("content-type", content_type);
        let request = request.uri(format!("http://{address}{path}")).body(body).unwrap();
        let Ok(mut response) = self.agent.run(request) else { return Outcome::Unknown };
        let status = response.status().as_u16();
        let Ok(text) = response.body_mut().read_to_string() else { return Outcome::Unknown };
        match status {
            200..=299 => {
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
                Outcome::Made
            }
            503 => {
                assert!(response.headers().contains_key("retry-after"), "{text}");
                thread::sleep(Duration::from_millis(50));
                if text.contains("may have been") { Outcome::Unknown } else { Outcome::NotMade(status) }
            }
            404 | 409 => Outcome::NotMade(status),
            _ => panic!("{method} {path}: {status} {text}"),
        }
    }

    fn rename(&self, at: usize, id: &str, name: &str) -> Outcome {
        let body = json!({"name": name}).to_string();
        self.send(at, "PATCH", &format!("/v1/people/{id}"), "application/json", body.as_bytes())
    }

    /// Changes people, one after the other, until there are enough changes.
    fn change(&self, ledger: &mut Ledger) {
        for change in self.number as usize.. {
            if self.acknowledged.load(Ordering::Relaxed) >= CHANGES {
                return;
            }
            match change % RARE {
                7 => self.enrol(change, ledger),
                13 if ledger.own.len() > 2 => self.delete(change, ledger),
                19 => self.ask_for_a_taken_name(change, &ledger.own[0]),
                _ => {
                    let own = change % ledger.own.len();
                    self.rename_own(change, own, ledger);
                }
            }
        }
    }

    fn rename_own(&self, change: usize, own: usize, ledger: &mut Ledger) {
        let name = format!("Client {} change {change}", self.number);
        let person = &mut ledger.own[own];
        match self.rename(change, &person.id, &name) {
            Outcome::Made => person.names = vec![name],
            Outcome::Unknown => person.names.push(name),
            Outcome::NotMade(503) => ledger.refused.push(name),
            Outcome::NotMade(status) => panic!("{name} was answered {status}"),
        }
    }

    /// Repeats until it is answered: a name that is taken by then is the one that was not answered.
    fn enrol(&self, change: usize, ledger: &mut Ledger) {
        let name = format!("Client {} enrolled {change}", self.number);
        let form = Form::new().text("name", &name).text("force", "true").file("photos", "a.png", self.photo);
        let (content_type, body) = form.finish();
        let mut unknown = false;
        for at in change.. {
            match self.send(at, "POST", "/v1/people", &content_type, &body) {
                Outcome::Made => break,
                Outcome::NotMade(409) if unknown => break,
                Outcome::NotMade(503) => {}
                Outcome::Unknown => unknown = true,
                Outcome::NotMade(status) => panic!("{name} was answered {status}"),
            }
        }
        ledger.enrolled.push(name);
    }

    fn delete(&self, change: usize, ledger: &mut Ledger) {
        let person = ledger.own.pop().unwrap();
        let mut unknown = false;
        for at in change.. {
            match self.send(at, "DELETE", &format!("/v1/people/{}", person.id), "", b"") {
                Outcome::Made => break,
                Outcome::NotMade(404) if unknown => break,
                Outcome::NotMade(503) => {}
                Outcome::Unknown => unknown = true,
                Outcome::NotMade(status) => panic!("the deletion was answered {status}"),
            }
        }
        ledger.deleted.push(person.id);
    }

    fn ask_for_a_taken_name(&self, change: usize, person: &Own) {
        match self.rename(change, &person.id, TAKEN) {
            Outcome::NotMade(409 | 503) | Outcome::Unknown => {}
            _ => panic!("a name was given twice"),
        }
    }
}

/// Enrols the people whom the clients change, and says whose they are.
fn ledgers(store: &PostgresPeople) -> Vec<Ledger> {
    enrol(store, TAKEN, 0).unwrap();
    let own = |client: u64, number: u64| {
        let name = format!("Client {client} person {number}");
        let gallery = enrol(store, &name, 1 + client * OWN + number).unwrap();
        let person = gallery.people().iter().find(|person| person.name.as_str() == name).unwrap();
        Own { id: person.id.clone(), names: vec![name] }
    };
    let ledger =
        |client| Ledger { own: (0..OWN).map(|number| own(client, number)).collect(), ..Ledger::default() };
    (0..CLIENTS).map(ledger).collect()
}

/// Has all clients change people, and `strike` after each share of the changes.
fn change_while(ledgers: &mut [Ledger], replicas: &RwLock<[String; 2]>, mut strike: impl FnMut(usize)) {
    let photo = &altered(&sample("Joe Biden"), |photo| {
        imageops::resize(photo, photo.width() * 160 / photo.height(), 160, FilterType::Triangle)
    });
    let acknowledged = &AtomicUsize::new(0);
    thread::scope(|scope| {
        for (number, ledger) in (0..).zip(ledgers) {
            scope.spawn(move || {
                let config = ureq::Agent::config_builder();
                let config = config.http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
                let client = Client { number, replicas, acknowledged, agent: config.into(), photo };
                client.change(ledger);
            });
        }
        for number in 1..=KILLS {
            let share = number * CHANGES / (KILLS + 1);
            wait_until("changes are acknowledged", || acknowledged.load(Ordering::Relaxed) >= share);
            strike(number);
        }
    });
}

/// Holds what is stored against what was answered.
fn check(gallery: &Gallery, ledgers: &[Ledger]) {
    let by_id: HashMap<_, _> = gallery.people().iter().map(|person| (person.id.as_str(), person)).collect();
    let mut count = HashMap::new();
    for person in gallery.people() {
        *count.entry(person.name.as_str()).or_insert(0) += 1;
        assert_eq!(person.photos.len(), 1, "{}", person.name.as_str());
    }
    for ledger in ledgers {
        for own in &ledger.own {
            let name = by_id.get(own.id.as_str()).map(|person| person.name.as_str());
            assert!(
                name.is_some_and(|name| own.names.iter().any(|own| own == name)),
                "{name:?}: {:?}",
                own.names
            );
        }
        assert!(ledger.deleted.iter().all(|id| !by_id.contains_key(id.as_str())), "one came back");
        for name in &ledger.enrolled {
            assert_eq!(count.get(name.as_str()), Some(&1), "{name}");
        }
        assert!(
            ledger.refused.iter().all(|name| !count.contains_key(name.as_str())),
            "one was refused and made"
        );
    }
    assert!(count.values().all(|count| *count == 1), "{count:?}");
    let known: usize = ledgers.iter().map(|ledger| ledger.own.len() + ledger.enrolled.len()).sum();
    assert_eq!(gallery.len(), known + 1, "nobody is there that no client knows of");
}

fn replica(url: &str) -> Server {
    Server::empty(&["--model", "casia", "--queue", "64", "--database-url", url])
}

fn addresses(servers: &[Server; 2]) -> RwLock<[String; 2]> {
    RwLock::new([servers[0].address.clone(), servers[1].address.clone()])
}

/// All that run hold what is stored.
fn check_all(url: &str, servers: &[Server; 2], ledgers: &[Ledger]) {
    let stored = people(open(url));
    check(&stored.current(), ledgers);
    for server in servers {
        wait_until("a replica has all", || {
            let page = server.get("/v1/people?limit=1").json();
            page["total"].as_u64() == Some(stored.current().len() as u64)
        });
    }
}

#[test]
fn of_a_thousand_changes_none_is_lost_or_twice_while_replicas_are_killed() {
    let Some(database) = database() else { return };
    let url = database.url();
    let mut servers = [replica(&url), replica(&url)];
    let store = people(database.open());
    let mut ledgers = ledgers(&store);
    let replicas = addresses(&servers);
    change_while(&mut ledgers, &replicas, |number| {
        let server = &mut servers[number % 2];
        server.signal("KILL");
        server.wait();
        *server = replica(&url);
        replicas.write().unwrap()[number % 2].clone_from(&server.address);
    });
    check_all(&url, &servers, &ledgers);
    let each_once = "select count(*) = (select revision + 1 from facerec.state) from facerec.commits";
    assert_eq!(database.sql(each_once), "t");
}

#[test]
fn of_a_thousand_changes_none_is_lost_or_twice_while_the_database_is_killed() {
    let Some(mut cluster) = Cluster::start() else { return };
    let url = cluster.url("postgres");
    let servers = [replica(&url), replica(&url)];
    let mut ledgers = ledgers(&people(open(&url)));
    let replicas = addresses(&servers);
    change_while(&mut ledgers, &replicas, |_| {
        cluster.kill();
        cluster.resume();
    });
    for server in &servers {
        wait_until("it is back", || server.get("/readyz").json()["status"] == "ready");
    }
    check_all(&url, &servers, &ledgers);
}
