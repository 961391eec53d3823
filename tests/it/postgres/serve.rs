//! Two services on one database.

use std::path::{Path, PathBuf};
use std::thread;

use crate::attendance::receiver::ReceiverServer;
use crate::support::postgres::{Cluster, TestDatabase, database};
use crate::support::server::{Answer, Server, facerec, form, sample_folder, wait_until};

pub(super) fn replica(url: &str) -> Server {
    Server::empty(&["--model", "casia", "--database-url", url])
}

pub(super) fn portrait(person: &str) -> PathBuf {
    sample_folder().join("people").join(person).join("portrait.jpg")
}

/// Folders of the sample's people, by name.
pub(super) fn sample_people() -> Vec<String> {
    let people = std::fs::read_dir(sample_folder().join("people")).unwrap();
    let mut names: Vec<String> =
        people.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(super) fn enrol(server: &Server, name: &str, of: &str) -> Answer {
    let mut arguments = vec!["-F".to_owned(), format!("name={name}")];
    arguments.extend(form("photos", &portrait(of)));
    server.curl("/v1/people", &arguments)
}

fn people(server: &Server) -> u64 {
    server.get("/readyz").json()["people"].as_u64().unwrap()
}

fn replicas(database: &TestDatabase) -> (Server, Server) {
    (replica(&database.url()), replica(&database.url()))
}

#[test]
fn who_is_enrolled_at_one_replica_is_recognised_at_the_other() {
    let Some(database) = database() else { return };
    let (a, b) = replicas(&database);
    let of = &sample_people()[0];
    let enrolled = enrol(&a, "Ada Example", of);
    assert_eq!(enrolled.status, 201, "{}", enrolled.body);
    assert_eq!(people(&a), 1, "at once where it was answered");
    wait_until("the other has her", || people(&b) == 1);
    let found = b.curl("/v1/recognize", &form("file", &portrait(of)));
    assert!(found.body.contains("Ada Example"), "{}", found.body);

    let list = b.get("/v1/people").json();
    let id = list["people"][0]["id"].as_str().unwrap().to_owned();
    let rename =
        ["-X", "PATCH", "-H", "content-type: application/merge-patch+json", "-d", r#"{"name": "Ada Other"}"#];
    assert_eq!(b.curl(&format!("/v1/people/{id}"), &rename).status, 200);
    wait_until("the first has the name", || a.get("/v1/people").body.contains("Ada Other"));
    assert_eq!(a.curl(&format!("/v1/people/{id}"), &["-X", "DELETE"]).status, 204);
    assert_eq!(b.curl(&format!("/v1/people/{id}"), &["-X", "DELETE"]).status, 404);
}

#[test]
fn of_one_face_under_two_names_at_two_replicas_one_is_refused() {
    let Some(database) = database() else { return };
    let (a, b) = replicas(&database);
    let of = sample_people()[0].clone();
    let mut statuses = thread::scope(|scope| {
        let one = scope.spawn(|| enrol(&a, "Ada Example", &of).status);
        let other = scope.spawn(|| enrol(&b, "Grace Example", &of).status);
        [one.join().unwrap(), other.join().unwrap()]
    });
    statuses.sort_unstable();
    // 409 where both were assessed before either was committed, 422 else.
    assert!(statuses == [201, 409] || statuses == [201, 422], "{statuses:?}");
    wait_until("both have one", || people(&a) == 1 && people(&b) == 1);
}

#[test]
fn without_the_database_a_service_recognises_and_says_that_it_is_degraded() {
    let Some(mut cluster) = Cluster::start() else { return };
    let server = replica(&cluster.url("postgres"));
    let [first, second] = [0, 1].map(|at| sample_people()[at].clone());
    assert_eq!(enrol(&server, "Ada Example", &first).status, 201);
    cluster.kill();
    wait_until("the loss is noticed", || server.get("/readyz").json()["status"] == "degraded");
    assert!(server.get("/metrics").body.contains("facerec_file_broken{file=\"database\"} 1"));
    let found = server.curl("/v1/recognize", &form("file", &portrait(&first)));
    assert!(found.body.contains("Ada Example"), "{}", found.body);
    let refused = enrol(&server, "Grace Example", &second);
    assert_eq!((refused.status, &refused.json()["code"]), (503, &"database_unavailable".into()));
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    cluster.resume();
    wait_until("it is back", || server.get("/readyz").json()["status"] == "ready");
    assert_eq!(enrol(&server, "Grace Example", &second).status, 201);
}

#[test]
fn a_finding_that_is_dismissed_at_one_replica_is_so_at_the_other() {
    let Some(database) = database() else { return };
    let (a, b) = replicas(&database);
    assert_eq!(enrol(&a, "Ada Example", &sample_people()[0]).status, 201);
    wait_until("the other has her", || people(&b) == 1);
    let findings = |server: &Server| server.get("/v1/audit").json()["findings"].as_array().unwrap().clone();
    let before = findings(&a);
    let address = format!("/v1/audit/dismissals/{}", before[0]["key"].as_str().unwrap());
    assert_eq!(a.curl(&address, &["-X", "PUT"]).status, 204);
    assert_eq!(findings(&b).len(), before.len() - 1);
    assert_eq!(b.curl(&address, &["-X", "DELETE"]).status, 204);
    assert_eq!(findings(&a), before);
    assert_eq!(b.curl("/v1/audit/dismissals/x", &["-X", "PUT"]).status, 404);
}

#[test]
fn a_roster_given_to_one_replica_holds_for_the_other() {
    let Some(database) = database() else { return };
    let (a, b) = replicas(&database);
    let roster = form("file", &sample_folder().join("roster.xlsx"));
    let replaced = a.curl("/v1/roster", &[vec!["-X".to_owned(), "PUT".to_owned()], roster].concat());
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    let names = a.get("/readyz").json()["roster"].as_u64().unwrap();
    assert!(names > 0);
    wait_until("the other has it", || b.get("/readyz").json()["roster"] == names);
}

#[test]
fn the_password_of_an_address_is_printed_nowhere() {
    let data = tempfile::tempdir().unwrap();
    let url = "postgres://facerec:a-secret@127.0.0.1:1/school";
    let said = |arguments: &[&str]| {
        let output = facerec()
            .args(arguments)
            .arg("--data")
            .arg(data.path())
            .env("FACEREC_DATABASE_URL", url)
            .output()
            .unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let refused = said(&["serve", "--port", "0"]);
    assert!(refused.contains("the database can't be used for now"), "{refused}");
    let printed = said(&["serve", "--print-config"]);
    assert!(printed.contains("# database-url is set, and not printed"), "{printed}");
    for text in [refused, printed, said(&["serve", "--help"]), said(&["migrate"])] {
        assert!(!text.contains("a-secret"), "{text}");
    }
}

/// A service that tells `receiver` of marks and closed lists.
fn telling(database: &TestDatabase, secret: &Path, receiver: &ReceiverServer) -> Server {
    let events = "attendance.marked,session.closed";
    Server::empty(&[
        "--model",
        "casia",
        "--database-url",
        &database.url(),
        "--webhook-url",
        &receiver.url,
        "--webhook-secret-file",
        secret.to_str().unwrap(),
        "--webhook-event",
        events,
        "--webhook-allow-private",
    ])
}

fn begin(server: &Server, title: &str) -> String {
    let body = format!(r#"{{"title": "{title}"}}"#);
    let begun = server.curl("/v1/sessions", &["-H", "content-type: application/json", "-d", &body]);
    assert_eq!(begun.status, 201, "{}", begun.body);
    begun.json()["id"].as_str().unwrap().to_owned()
}

#[test]
fn attendance_is_one_for_both_replicas_and_told_once_also_when_the_teller_is_killed() {
    let Some(database) = database() else { return };
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3").unwrap();
    let receiver = ReceiverServer::start(|_, _| "204 No Content".into());
    let a = telling(&database, &secret, &receiver);
    let b = telling(&database, &secret, &receiver);
    let of = &sample_people()[0];
    assert_eq!(enrol(&a, "Ada Example", of).status, 201);
    wait_until("the other has her", || people(&b) == 1);
    for (number, (first, other)) in [(&a, &b), (&b, &a)].into_iter().enumerate() {
        let id = begin(first, "Maths");
        let seen = other.curl(&format!("/v1/sessions/{id}/photos"), &form("photos", &portrait(of)));
        assert_eq!(seen.status, 200, "{}", seen.body);
        let list = first.get(&format!("/v1/sessions/{id}"));
        assert!(list.body.contains(r#""status":"present""#), "{}", list.body);
        let told = receiver.wait_for(number + 1);
        assert!(told[number].body.contains("Ada Example"), "{}", told[number].body);
    }
    let leads = |server: &Server| server.log().contains("this process delivers messages");
    assert!(leads(&a) != leads(&b), "one of them");
    let (leader, other) = if leads(&a) { (a, b) } else { (b, a) };
    // A message whose delivery is not yet noted would come again.
    wait_until("deliveries are noted", || {
        database.sql("select count(*) from facerec_attendance.outbox") == "0"
    });
    leader.kill();
    let id = begin(&other, "Physics");
    let closed = other.curl(&format!("/v1/sessions/{id}/close"), &["-X", "POST"]);
    assert_eq!(closed.status, 200, "{}", closed.body);
    let told = receiver.wait_for(3);
    assert!(told[2].body.contains("session.closed"), "{}", told[2].body);
    assert!(leads(&other));
}
