//! Commands on a database that services use.

use std::process::Output;
use std::time::{Duration, Instant};

use super::serve::{enrol, portrait, replica, sample_people};
use crate::support::postgres::{TestDatabase, database};
use crate::support::server::{facerec, form, wait_until};

fn run(database: &TestDatabase, arguments: &[&str]) -> Output {
    let mut command = facerec();
    command.args(arguments).env("FACEREC_DATABASE_URL", database.url()).env("FACEREC_ACCESS_LOG", "database");
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn done(database: &TestDatabase, arguments: &[&str]) -> String {
    let output = run(database, arguments);
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

#[test]
fn people_are_listed_renamed_and_removed_while_a_service_runs() {
    let Some(database) = database() else { return };
    let nobody = run(&database, &["people", "list"]);
    assert!(said(&nobody).contains("expected people in the database, found none"), "{}", said(&nobody));
    let server = replica(&database.url());
    for (name, of) in ["Ada Example", "Grace Example"].iter().zip(sample_people()) {
        assert_eq!(enrol(&server, name, &of).status, 201);
    }
    let list = done(&database, &["people", "list"]);
    let id = |name: &str| {
        let line = list.lines().find(|line| line.contains(name)).expect("a line each");
        line.split_whitespace().next().unwrap().to_owned()
    };
    let (ada, grace) = (id("Ada Example"), id("Grace Example"));
    assert!(done(&database, &["people", "show", &ada]).contains("  photo "));

    let taken = run(&database, &["people", "rename", &ada, "grace example"]);
    let expected = format!("expected a name that nobody has, found that of Grace Example ({grace})");
    assert!(!taken.status.success() && said(&taken).contains(&expected), "{}", said(&taken));
    let renamed = done(&database, &["people", "rename", &ada, "Ada Other"]);
    assert!(renamed.contains("renamed Ada Example to Ada Other\n"), "{renamed}");
    wait_until("the service has the name", || server.get("/v1/people").body.contains("Ada Other"));

    let unknown = run(&database, &["people", "remove", &grace, "nobody", "--yes"]);
    assert!(said(&unknown).contains("expected the id of an enrolled person"), "{}", said(&unknown));
    assert!(done(&database, &["people", "remove", &grace, "--yes"]).contains("removed Grace Example\n"));
    wait_until("the service knows her no more", || server.get(&format!("/v1/people/{grace}")).status == 404);
    let history = done(&database, &["people", "show", &grace, "--history"]);
    assert!(history.contains(r#""action":"list""#) && history.contains(r#""action":"delete""#), "{history}");
    assert!(history.contains("This person is not enrolled (any more)."), "{history}");
}

#[test]
fn what_commands_change_a_running_service_knows_within_a_second() {
    let Some(database) = database() else { return };
    let server = replica(&database.url());
    let of = sample_people();
    let enrolled = enrol(&server, "Ada Example", &of[0]).json();
    let id = enrolled["id"].as_str().unwrap().to_owned();
    let file = server.data.path().join("people.json");
    let file = file.to_str().unwrap();
    done(&database, &["people", "export", "-o", file]);
    let soon = |what: &str, is_so: &dyn Fn() -> bool| {
        let start = Instant::now();
        wait_until(what, is_so);
        assert!(start.elapsed() < Duration::from_secs(1), "{what}: {:?}", start.elapsed());
    };

    done(&database, &["people", "forget", &id]);
    soon("she is forgotten", &|| server.get(&format!("/v1/people/{id}")).status == 404);
    done(&database, &["people", "import", file]);
    soon("she is there again", &|| server.get(&format!("/v1/people/{id}")).status == 200);
    let found = server.curl("/v1/recognize", &form("file", &portrait(&of[0])));
    assert!(found.body.contains("Ada Example"), "{}", found.body);

    let findings = || server.get("/v1/audit").json()["findings"].as_array().unwrap().clone();
    let before = findings();
    let key = before[0]["key"].as_str().unwrap();
    run(&database, &["audit", "--dismiss", key]);
    assert_eq!(findings().len(), before.len() - 1);
    run(&database, &["audit", "--undismiss", key]);
    assert_eq!(findings(), before);

    let photo = portrait(&of[0]);
    let listed = done(&database, &["attend", "--title", "Maths", photo.to_str().unwrap()]);
    assert!(listed.contains("present       Ada Example"), "{listed}");
    let sessions = server.get("/v1/sessions").json();
    assert_eq!(sessions["sessions"][0]["title"], "Maths", "{sessions}");
    let history = done(&database, &["people", "show", &id, "--history"]);
    let actions = ["export", "forget", "enroll", "recognize", "mark_attendance"];
    let mut rest = history.as_str();
    for action in actions {
        let at =
            rest.find(&format!("\"action\":\"{action}\"")).unwrap_or_else(|| panic!("{action}: {history}"));
        rest = &rest[at + 1..];
    }
}

#[test]
fn a_directory_is_enrolled_while_a_service_runs_and_changes_people() {
    let Some(database) = database() else { return };
    let server = replica(&database.url());
    let of = sample_people();
    assert_eq!(enrol(&server, "Ada Example", &of[0]).status, 201);
    let people = tempfile::tempdir().unwrap();
    for name in &of {
        std::fs::create_dir(people.path().join(name)).unwrap();
        std::fs::copy(portrait(name), people.path().join(name).join("portrait.jpg")).unwrap();
    }
    // Ada has the first one's face.
    let added = run(&database, &["enroll", people.path().to_str().unwrap(), "--add", "--strict"]);
    assert_eq!(added.status.code(), Some(3), "{}", said(&added));
    assert!(said(&added).contains(&format!("left out  {}", of[0])), "{}", said(&added));
    assert!(
        said(&added).contains("wrote people to the database (casia, 3 people, 3 photos)"),
        "{}",
        said(&added)
    );
    let start = Instant::now();
    wait_until("the service has them", || server.get("/readyz").json()["people"] == 3);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let found = server.curl("/v1/recognize", &form("file", &portrait(&of[1])));
    assert!(found.body.contains(&of[1]), "{}", found.body);

    let all = run(&database, &["enroll", people.path().to_str().unwrap(), "--replace", "--keep-thumbnails"]);
    assert!(said(&all).contains("replaced a gallery of 3 people"), "{}", said(&all));
    wait_until("the service has the others", || !server.get("/v1/people").body.contains("Ada Example"));
    let found = server.curl("/v1/recognize", &form("file", &portrait(&of[0])));
    assert!(found.body.contains(&of[0]), "{}", found.body);
    assert_eq!(database.sql("select count(*) from facerec.thumbnails"), "3");
    let list = server.get("/v1/people").json();
    let person = format!("/v1/people/{}", list["people"][0]["id"].as_str().unwrap());
    wait_until("the service has the thumbnail", || server.get(&person).body.contains(r#""thumbnail":true"#));
    let log = database.sql("select line::jsonb ->> 'action', count(*) from facerec.access_log where line like '%\"local\"%' group by 1 order by 1");
    assert_eq!(log, "delete|1\nenroll|2");
}
