//! Commands on a database that services use.

use std::process::Output;

use super::serve::{enrol, replica, sample_people};
use crate::support::postgres::{TestDatabase, database};
use crate::support::server::{facerec, wait_until};

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
fn what_a_command_does_with_files_only_says_so() {
    let Some(database) = database() else { return };
    let export = run(&database, &["people", "export", "-o", "x.json"]);
    assert!(said(&export).contains("`facerec migrate --export` writes one"), "{}", said(&export));
}
