//! kill -9: what was acknowledged is there, and its message arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use facerec::attendance::delivery::{Deliverer, Receiver, ReceiverOptions};
use facerec::attendance::{AttendanceStore, Page, SessionFilter, SqliteStore};

use super::receiver::{ReceiverServer, wait};
use super::{class_7a, enrolled, matched, minutes, photo, sqlite, statuses};

/// Makes this test the child process that marks, in the directory that it names.
const DIRECTORY: &str = "FACEREC_TEST_ATTENDANCE_DIRECTORY";
/// Where the child delivers to.
const URL: &str = "FACEREC_TEST_ATTENDANCE_URL";
const LOCAL: ReceiverOptions = ReceiverOptions { allow_private: true, timeout: Duration::from_secs(30) };

fn deliverer(store: &Arc<SqliteStore>, url: &str) -> Deliverer {
    let store: Arc<dyn AttendanceStore> = Arc::<SqliteStore>::clone(store);
    Deliverer::start(&store, vec![Receiver::webhook(url, vec![super::delivery::secret()], LOCAL).unwrap()])
        .unwrap()
}

/// The child: marks one person after the other, delivers at the same time, and says what was
/// acknowledged. Does nothing when run among the other tests.
#[test]
fn child_that_marks_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let store = sqlite(Path::new(&directory));
    let _deliverer = std::env::var(URL).ok().map(|url| deliverer(&store, &url));
    let session = store.sessions(&SessionFilter::default(), Page::ALL).unwrap().sessions.remove(0);
    let first = store.entries(&session.id).unwrap().len() as i64;
    for who in first + 1.. {
        let photo = photo((who % 200) as u8, minutes(who % 40));
        store.sync_people(&[enrolled(who, &[])], false).unwrap();
        store.mark(&session.id, &photo, &[matched(0, who, 0.8)], minutes(1)).unwrap();
        writeln!(std::io::stdout(), "marked {who}").unwrap();
    }
}

fn start_child(directory: &Path, url: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "attendance::kill::child_that_marks_until_it_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(URL, url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

#[test]
fn what_was_acknowledged_survives_kill_and_every_message_arrives() {
    let directory = tempfile::tempdir().unwrap();
    let session = class_7a(&*sqlite(directory.path()));
    let server = ReceiverServer::start(|_, _| "200 OK".into());
    let mut acknowledged = BTreeSet::new();
    for round in 1..=4 {
        let (mut child, mut lines) = start_child(directory.path(), &server.url);
        let mut line = String::new();
        let enough = acknowledged.len() + 10 * round;
        while acknowledged.len() < enough {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the child ended by itself");
            if let Some((_, who)) = line.trim_end().split_once("marked ") {
                acknowledged.insert(who.parse::<i64>().unwrap());
            }
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        // What it had still said before it died counts, too.
        acknowledged.extend(
            lines
                .lines()
                .map_while(Result::ok)
                .filter_map(|line| line.split_once("marked ").and_then(|(_, who)| who.parse::<i64>().ok())),
        );
    }
    let store = sqlite(directory.path());
    assert_eq!(super::faults(&store), Vec::<String>::new());
    let recorded: BTreeSet<i64> = statuses(&*store, &session).into_iter().map(|(who, _)| who).collect();
    assert!(acknowledged.is_subset(&recorded), "lost: {:?}", acknowledged.difference(&recorded));

    let deliverer = deliverer(&store, &server.url);
    let webhooks = || store.due(facerec::attendance::Channel::Webhook, jiff::Timestamp::now(), 1000).unwrap();
    wait(|| webhooks().is_empty(), "messages were left");
    deliverer.stop();
    let mut told: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    for request in server.received() {
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        let who = body["data"]["person"]["student_id"].as_i64().unwrap();
        told.entry(who).or_default().insert(request.header("webhook-id").to_owned());
    }
    for who in &acknowledged {
        assert_eq!(told.get(who).map(BTreeSet::len), Some(1), "messages about {who}, by their ids");
    }
}
