//! The access log in the database.

use facerec::access_log::{Action, Entry, LogStore};
use facerec::postgres::PostgresLog;
use jiff::Timestamp;

use super::serve::{portrait, sample_people};
use crate::support::postgres::{Cluster, TestDatabase, database, open};
use crate::support::server::{Server, facerec, form, wait_until};

fn entry(action: Action, people: &[&str], candidates: &[&str]) -> Entry {
    let own = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    Entry {
        time: "2026-01-05T06:07:08.123Z".parse().unwrap(),
        request_id: Some("one \u{1f393} '\"\\".to_owned()),
        key: Some("the office".to_owned()),
        client: "192.0.2.1".to_owned(),
        action,
        people: own(people),
        candidates: own(candidates),
    }
}

fn lines(entries: &[Entry]) -> Vec<u8> {
    let line = |entry: &Entry| serde_json::to_string(entry).unwrap() + "\n";
    entries.iter().map(line).collect::<String>().into_bytes()
}

fn log(database: &TestDatabase) -> PostgresLog {
    PostgresLog::open(database.open()).unwrap()
}

fn count(database: &TestDatabase) -> String {
    database.sql("select count(*) from facerec.access_log")
}

#[test]
fn entries_of_all_processes_come_back_by_person() {
    let Some(database) = database() else { return };
    let (mut a, mut b) = (log(&database), log(&database));
    let read = entry(Action::Read, &["ada"], &[]);
    let seen = entry(Action::Recognize, &["grace", "ada"], &["mary", "ada"]);
    let list = entry(Action::List, &[], &[]);
    a.append(&mut lines(&[read.clone(), list])).unwrap();
    let mut rest = lines(std::slice::from_ref(&seen));
    b.append(&mut rest).unwrap();
    assert!(rest.is_empty());
    assert_eq!(count(&database), "3");
    let ada = b.history("ada").unwrap();
    assert_eq!((ada.entries.len(), ada.unreadable), (2, 0));
    assert!(ada.entries.contains(&read) && ada.entries.contains(&seen));
    assert_eq!(a.history("mary").unwrap().entries, [seen]);
    assert!(a.history("nobody").unwrap().entries.is_empty());
}

/// The answer of a commit may be lost: the lines are then written again.
#[test]
fn what_is_written_again_is_there_once() {
    let Some(database) = database() else { return };
    let mut log = log(&database);
    let first = entry(Action::Read, &["ada"], &[]);
    log.append(&mut lines(&[first.clone(), first.clone()])).unwrap();
    assert_eq!(count(&database), "2", "two that are alike are two");
    database.sql(
        // Its answer was lost.
        "insert into facerec.access_log (writer, number, at, line) select writer, 2, at, line from facerec.access_log limit 1",
    );
    log.append(&mut lines(&[first.clone(), entry(Action::Delete, &["ada"], &[])])).unwrap();
    assert_eq!(count(&database), "4");
    assert_eq!(log.history("ada").unwrap().entries.len(), 4);
}

#[test]
fn entries_that_are_too_old_are_deleted() {
    let Some(database) = database() else { return };
    let mut log = log(&database);
    let now = Entry { time: Timestamp::now(), ..entry(Action::Delete, &["ada"], &[]) };
    let old = Entry { time: "2020-01-05T06:07:08Z".parse().unwrap(), ..now.clone() };
    log.append(&mut lines(&[old, now])).unwrap();
    assert_eq!(log.prune(400).unwrap(), 1);
    assert_eq!(count(&database), "1");
    assert_eq!(database.sql("select count(*) from facerec.access_log_people"), "1");
}

#[test]
fn services_write_one_log_and_a_command_reads_it() {
    let Some(database) = database() else { return };
    let url = database.url();
    let arguments = ["--model", "casia", "--database-url", &url, "--access-log", "database"];
    let (mut a, b) = (Server::empty(&arguments), Server::empty(&arguments));
    let form = [vec!["-F".to_owned(), "name=Ada".to_owned()], form("photos", &portrait(&sample_people()[0]))];
    let enrolled = a.curl("/v1/people", &form.concat());
    assert_eq!(enrolled.status, 201, "{}", enrolled.body);
    let id = enrolled.json()["person"]["id"].as_str().or(enrolled.json()["id"].as_str()).unwrap().to_owned();
    wait_until("the other has her", || b.get(&format!("/v1/people/{id}")).status == 200);
    wait_until("it is written", || {
        database.sql("select count(*) from facerec.access_log where line like '%\"read\"%'") == "1"
    });
    a.signal("TERM");
    assert!(a.wait().success());
    let mut show = facerec();
    show.args(["people", "show", &id, "--data", "none", "--history", "--access-log", "database"]);
    let output = show.args(["--database-url", &url]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let actions: Vec<String> = said
        .lines()
        .map(|line| serde_json::from_str::<Entry>(line).unwrap().action)
        .map(|action| format!("{action:?}"))
        .collect();
    assert_eq!(actions, ["Enroll", "Read"], "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn without_the_database_entries_wait_and_requests_do_not() {
    let Some(mut cluster) = Cluster::start() else { return };
    let log = PostgresLog::open(open(&cluster.url("postgres"))).unwrap().start().unwrap();
    cluster.kill();
    for _ in 0..3 {
        log.record(entry(Action::Read, &["ada"], &[]));
    }
    wait_until("the loss is noticed", || log.status().error.is_some());
    assert!(log.status().error.unwrap().contains("the access log in the database can't be written"));
    cluster.resume();
    wait_until("it is back", || log.status().error.is_none());
    let stored = PostgresLog::open(open(&cluster.url("postgres"))).unwrap();
    assert_eq!((stored.history("ada").unwrap().entries.len(), log.status().lost), (3, 0));
}

#[test]
fn a_log_in_the_database_needs_one() {
    let data = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 11] = [
        &["serve"],
        &["recognize", "photo.jpg"],
        &["attend", "photo.jpg", "--title", "Lesson"],
        &["audit"],
        &["enroll", "people"],
        &["import-pickle", "missing.pkl"],
        &["people", "list"],
        &["people", "rename", "id", "Ada"],
        &["people", "remove", "id", "--yes"],
        &["people", "export", "--output", "people.json"],
        &["people", "forget", "id"],
    ];
    for command in commands {
        let mut run = facerec();
        let output = run.args(command).args(["--access-log", "database", "--data"]).arg(data.path()).output();
        let output = output.unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("--access-log database: expected --database-url with it, found none"),
            "{command:?}: {said}"
        );
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0, "{command:?} wrote something");
    }
}
