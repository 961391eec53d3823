//! API keys in the database, asked for by two services.

use std::process::Output;

use super::serve::{portrait, replica, sample_people};
use crate::support::postgres::{Cluster, database};
use crate::support::server::{Server, facerec, form, wait_until};

fn keys(url: &str, arguments: &[&str]) -> Output {
    facerec().arg("keys").args(arguments).env("FACEREC_DATABASE_URL", url).output().unwrap()
}

/// Makes a key, or changes keys, and returns what is printed.
fn printed(url: &str, arguments: &[&str]) -> String {
    let output = keys(url, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn status(server: &Server, path: &str, key: &str) -> u16 {
    server.curl(path, &["-H", &format!("X-Api-Key: {key}")]).status
}

#[test]
fn a_key_counts_at_all_replicas_and_one_that_is_removed_at_none() {
    let Some(database) = database() else { return };
    let url = database.url();
    let (a, b) = (replica(&url), replica(&url));
    assert_eq!(b.get("/v1/people").status, 200, "without keys, from this machine");
    let office = printed(&url, &["new", "office", "--scope", "manage"]);
    let camera = printed(&url, &["new", "camera", "--scope", "recognize"]);
    for server in [&a, &b] {
        wait_until("both keys are known", || status(server, "/metrics", &camera) == 200);
        assert_eq!(server.get("/v1/people").status, 401, "the first key ends what needs none");
        assert_eq!(status(server, "/v1/people", &office), 200);
        assert_eq!(status(server, "/v1/people", &camera), 403);
    }
    let sha = database.sql("select string_agg(encode(sha256, 'hex'), ' ') from facerec.keys");
    assert!(!sha.contains(office.strip_prefix("facerec_").unwrap()), "hashes only");

    printed(&url, &["remove", "office"]);
    for server in [&a, &b] {
        wait_until("it is refused", || status(server, "/v1/people", &office) == 401);
    }
    printed(&url, &["remove", "camera"]);
    for server in [&a, &b] {
        wait_until("the other one, too", || status(server, "/v1/people", &camera) == 401);
        assert_eq!(server.get("/v1/people").status, 401, "without a key that is left, none is accepted");
    }
}

#[test]
fn when_a_key_was_used_is_stored_at_the_end() {
    let Some(database) = database() else { return };
    let url = database.url();
    let key = printed(&url, &["new", "office", "--scope", "manage"]);
    assert!(printed(&url, &["list"]).contains("office  (no use known)"));
    let mut server = replica(&url);
    assert_eq!(status(&server, "/v1/people", &key), 200);
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(printed(&url, &["list"]).contains("office  (last used 2"), "{}", printed(&url, &["list"]));
}

#[test]
fn without_the_database_known_keys_are_accepted_and_others_are_not() {
    let Some(mut cluster) = Cluster::start() else { return };
    let url = cluster.url("postgres");
    let key = printed(&url, &["new", "office", "--scope", "manage"]);
    let server = replica(&url);
    cluster.kill();
    let details = || server.curl("/readyz", &["-H", &format!("X-Api-Key: {key}")]);
    wait_until("the loss is noticed", || details().body.contains("the database can't be used for now"));
    let photo = form("file", &portrait(&sample_people()[0]));
    let header = |key: &str| vec!["-H".to_owned(), format!("X-Api-Key: {key}")];
    assert_eq!(server.curl("/v1/recognize", &[header(&key), photo.clone()].concat()).status, 200);
    assert_eq!(server.curl("/v1/recognize", &[header("facerec_0"), photo].concat()).status, 401);
    let refused = keys(&url, &["list"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the database can't be used for now"));
}

#[test]
fn a_file_of_keys_counts_before_those_of_the_database() {
    let Some(database) = database() else { return };
    let (url, folder) = (database.url(), tempfile::tempdir().unwrap());
    let stored = printed(&url, &["new", "office", "--scope", "manage"]);
    let file = folder.path().join("keys.toml");
    let file = file.to_str().unwrap();
    let own = printed(&url, &["new", "own", "--scope", "manage", "--file", file]);
    let server = Server::empty(&["--model", "casia", "--database-url", &url, "--api-keys-file", file]);
    assert_eq!(status(&server, "/v1/people", &own), 200);
    assert_eq!(status(&server, "/v1/people", &stored), 401);
    assert!(server.log().contains("those in the database do not"), "{}", server.log());
}

#[test]
fn keys_go_to_the_database_and_come_back() {
    let Some(database) = database() else { return };
    let (url, folder) = (database.url(), tempfile::tempdir().unwrap());
    let path = folder.path().join("keys.toml");
    let made = facerec().args(["keys", "new", "office", "--scope", "manage", "--file"]).arg(&path).output();
    assert!(made.unwrap().status.success());
    let before = std::fs::read_to_string(&path).unwrap();
    let sha = database_sha(&before);
    let used = format!("[[key]]\nsha256 = \"{sha}\"\nlast_used = \"2026-01-05T00:00:00Z\"\n");
    std::fs::write(folder.path().join("keys.toml.last-used"), used).unwrap();
    let gallery = crate::support::faces::gallery_of(&[vec![crate::support::faces::embedding(1)]]);
    facerec::gallery::store::write(&folder.path().join("gallery.bin"), &gallery).unwrap();
    let migrate = |more: &[&str]| {
        let mut command = facerec();
        command.args(["migrate", "--database-url", &url, "--data"]).arg(folder.path());
        let output = command.arg("--api-keys-file").arg(&path).args(more).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for _ in 0..2 {
        assert!(migrate(&[]).contains("1 API keys are in the database"));
    }
    assert!(printed(&url, &["list"]).contains("office  (last used 2026-01-05T00:00:00Z)"));
    std::fs::remove_file(&path).unwrap();
    std::fs::remove_file(folder.path().join("keys.toml.last-used")).unwrap();
    migrate(&["--export", "--force"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    let used = std::fs::read_to_string(folder.path().join("keys.toml.last-used")).unwrap();
    assert!(used.contains("2026-01-05T00:00:00Z"), "{used}");
}

fn database_sha(file: &str) -> String {
    let line = file.lines().find(|line| line.starts_with("sha256")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}
