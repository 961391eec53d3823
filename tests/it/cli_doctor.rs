//! `facerec doctor`, and messages that say what to do next.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::made_up::{data, person, recipe};
use crate::support::server::{Server, facerec, sample_data, sample_folder};

fn doctor(data: &Path, more: &[&str]) -> (Option<i32>, Vec<Value>) {
    let output = facerec().args(["doctor", "--json", "--data"]).arg(data).args(more).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], output.status.success());
    (output.status.code(), report["checks"].as_array().unwrap().clone())
}

/// The states of the checks of this name.
fn states<'a>(checks: &'a [Value], name: &str) -> Vec<&'a str> {
    checks
        .iter()
        .filter(|check| check["name"] == name)
        .map(|check| check["state"].as_str().unwrap())
        .collect()
}

fn check<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["name"] == name && check["state"] != "ok").unwrap()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_healthy_directory_has_nothing_that_fails() {
    let data = sample_data();
    // The sample's roster has rows without a face.
    fs::remove_file(data.path().join("roster.xlsx")).unwrap();
    let roster = "Name,ID\nBarack Obama,1\nJoe Biden,2\nEileen Collins,3\n";
    fs::write(data.path().join("roster.csv"), roster).unwrap();
    let (code, checks) = doctor(data.path(), &["--port", "0"]);
    assert_eq!(code, Some(0), "{checks:?}");
    for name in [
        "models",
        "directory",
        "gallery",
        "model",
        "statistics",
        "roster",
        "attendance",
        "disk",
        "port",
        "keys",
    ] {
        assert_eq!(states(&checks, name), ["ok"], "{name}: {checks:?}");
    }
    let output = facerec().args(["doctor", "--port", "0", "--data"]).arg(data.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.starts_with("ok    ") || line.starts_with("warn  ")), "{text}");
}

#[test]
fn each_fault_is_found_with_what_to_do() {
    let data = data(recipe("casia", 7), vec![person("Ada")]);
    fs::write(data.path().join("roster.csv"), "Name,ID\nGrace,1\n").unwrap();
    chmod(data.path(), 0o757);
    chmod(&data.path().join("gallery.bin"), 0o644);
    let keys = data.path().join("keys.toml");
    fs::write(&keys, "[[key]]\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let more = ["--host", "127.0.0.1", "--port", &port, "--api-keys-file", keys.to_str().unwrap()];
    let (code, checks) = doctor(data.path(), &more);
    assert_eq!(code, Some(1));
    for (name, state, detail, next) in [
        ("directory", "warn", "everybody may write to", "chmod o-w "),
        ("permissions", "warn", "everybody on this machine may read", "chmod o-r "),
        ("statistics", "warn", "for the model casia at margin 7", "facerec strangers fit"),
        ("roster", "warn", "1 enrolled people have no row, 1 rows have no face", "facerec audit --data"),
        ("keys", "fail", "missing field", "facerec keys new NAME"),
        ("port", "fail", "can't be listened on", "choose another port with --port"),
    ] {
        let found = check(&checks, name);
        assert_eq!(found["state"], state, "{found}");
        assert!(found["detail"].as_str().unwrap().contains(detail), "{found}");
        assert!(found["next"].as_str().unwrap().contains(next), "{found}");
    }
    drop(listener);

    fs::write(data.path().join("gallery.bin"), "altered").unwrap();
    fs::write(data.path().join("attendance.db"), "no database").unwrap();
    fs::write(data.path().join("roster.csv"), "nothing\n").unwrap();
    chmod(&data.path().join("attendance.db"), 0o646);
    let (code, checks) = doctor(data.path(), &["--port", "0"]);
    assert_eq!(code, Some(1));
    for name in ["gallery", "attendance", "roster", "permissions"] {
        assert_eq!(states(&checks, name), ["fail"], "{name}: {checks:?}");
    }
    let models = tempfile::tempdir().unwrap();
    fs::write(models.path().join("pnet.onnx"), "altered").unwrap();
    let (code, checks) =
        doctor(Path::new("/nowhere"), &["--port", "0", "--models", models.path().to_str().unwrap()]);
    assert_eq!((code, states(&checks, "directory")), (Some(1), vec!["fail"]));
    let altered = check(&checks, "models");
    assert!(altered["next"].as_str().unwrap().contains("put pnet.onnx of the package back"), "{altered}");
}

fn said(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    // Where the program was built is nobody's business.
    for path in ["/.cargo/", "/rustc/", ".rs:"] {
        assert!(!said.contains(path), "{said}");
    }
    said
}

#[test]
fn a_running_service_is_no_fault_and_its_port_is_not_taken_twice() {
    let server = Server::sample(&[]);
    let port = server.socket().port().to_string();
    let (_, checks) = doctor(server.data.path(), &["--host", "127.0.0.1", "--port", &port]);
    assert_eq!(states(&checks, "port"), ["ok"], "{checks:?}");
    let data = sample_data();
    let arguments = ["serve", "--host", "127.0.0.1", "--port", &port, "--data"];
    let said = said(&facerec().args(arguments).arg(data.path()).output().unwrap());
    let expected = format!("127.0.0.1:{port} can't be listened on: Address already in use");
    assert!(
        said.contains(&expected) && said.contains("choose another port with --port or FACEREC_PORT"),
        "{said}"
    );
}

#[test]
fn messages_say_what_to_do_next() {
    let data = sample_data();
    let gallery = data.path().join("gallery.bin");
    let mut altered = fs::read(&gallery).unwrap();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    fs::write(&gallery, altered).unwrap();
    let output = facerec().args(["people", "list", "--data"]).arg(data.path()).output().unwrap();
    assert!(said(&output).contains("; restore it from a backup, or enrol again"));

    let import = |content: &[u8]| {
        let (data, file) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
        fs::write(file.path(), content).unwrap();
        said(
            &facerec().arg("import-pickle").arg(file.path()).arg("--data").arg(data.path()).output().unwrap(),
        )
    };
    for (content, expected) in [
        (&b"PK\x03\x04 and more"[..], "found a zip archive, such as a PyTorch checkpoint"),
        (b"FACEREC\0 and more", "found a gallery of facerec: put it into the data directory"),
        (b"\x1f\x8b\x08", "found a file compressed by gzip: unpack it first"),
        (b"", "found an empty file"),
    ] {
        let said = import(content);
        assert!(said.contains("expected the Flask service's pickle, ") && said.contains(expected), "{said}");
    }
    let photo = fs::read(sample_folder().join("group.jpg")).unwrap();
    assert!(import(&photo).contains("found a JPEG photo"));

    let output = facerec().args(["bench", "--seconds", "1", "--url", "http://127.0.0.1:9"]).output().unwrap();
    let dead = said(&output);
    assert!(dead.contains("start one with `facerec serve`, or correct --url"), "{dead}");
    let keys = data.path().join("keys.toml");
    facerec().args(["keys", "new", "a", "--scope", "manage", "--file"]).arg(&keys).output().unwrap();
    let server = Server::empty(&["--api-keys-file", keys.to_str().unwrap()]);
    let url = format!("http://{}", server.address);
    let refused = said(&facerec().args(["bench", "--seconds", "1", "--url", &url]).output().unwrap());
    assert!(refused.contains("401") && refused.contains("--api-key KEY or FACEREC_API_KEY"), "{refused}");
}

#[test]
fn what_a_restored_backup_took_the_place_of_is_not_forgotten() {
    let data = data(recipe("casia", 32), vec![person("Ada")]);
    let (_, checks) = doctor(data.path(), &["--port", "0"]);
    assert_eq!(states(&checks, "set aside"), [""; 0]);
    let aside = data.path().join("replaced-20261127T120000Z");
    fs::create_dir(&aside).unwrap();
    let (_, checks) = doctor(data.path(), &["--port", "0"]);
    let check = check(&checks, "set aside");
    assert_eq!(
        (&check["state"], check["next"].as_str().unwrap()),
        (&"warn".into(), &*format!("`rm -r {}`, once you don't need it", aside.display()))
    );
}
