//! The first start on a data folder with people and no gallery: what is seen of it, and how it ends early.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use tempfile::TempDir;

use crate::support::server::{facerec, sample_folder};

/// A data folder whose people have `copies` photos each, all the same.
fn data_with_people(copies: usize) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    for person in std::fs::read_dir(sample_folder().join("people")).unwrap() {
        let person = person.unwrap();
        let folder = data.path().join("people").join(person.file_name());
        std::fs::create_dir_all(&folder).unwrap();
        for copy in 0..copies {
            std::fs::copy(person.path().join("portrait.jpg"), folder.join(format!("{copy}.jpg"))).unwrap();
        }
    }
    data
}

/// `facerec serve` before it is ready; killed when dropped.
struct Starting(Child);

impl Drop for Starting {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Starting {
    fn serve(data: &Path, more: &[&str]) -> Self {
        let mut command = facerec();
        command
            .args(["serve", "--host", "127.0.0.1", "--port", "0", "--model", "casia", "--data"])
            .arg(data)
            .args(more);
        Self(command.stderr(Stdio::piped()).spawn().unwrap())
    }

    fn log(&mut self) -> impl Iterator<Item = String> + use<> {
        let stderr: ChildStderr = self.0.stderr.take().unwrap();
        BufReader::new(stderr).lines().map(Result::unwrap)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_signal_ends_it_between_two_photos_and_no_gallery_is_written() {
    for signal in ["TERM", "INT"] {
        let data = data_with_people(300);
        let mut service = Starting::serve(data.path(), &[]);
        let mut log = service.log();
        assert!(log.any(|line| line.contains("enrolling people/")), "it ended before");
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, &service.0.id().to_string()]);
        assert!(kill.status().unwrap().success());
        let rest: Vec<String> = log.collect();
        assert_eq!(service.0.wait().unwrap().code(), Some(0), "SIG{signal}: {rest:?}");
        assert!(rest.last().unwrap().contains("nothing was written"), "{rest:?}");
        assert_eq!(names(data.path()), ["gallery.lock", "people"]);
    }
}

#[test]
fn the_log_counts_what_was_refused_and_names_a_command_that_says_why() {
    let data = data_with_people(2);
    let accesses = data.path().join("access.jsonl");
    let mut service = Starting::serve(data.path(), &["--access-log", accesses.to_str().unwrap()]);
    let log = service.log();
    let command =
        "facerec enroll DATA/people --data DATA --dry-run".replace("DATA", data.path().to_str().unwrap());
    let mut lines = Vec::new();
    for line in log {
        lines.push(line);
        if lines.last().is_some_and(|line| line.contains("ready")) {
            break;
        }
    }
    let log = lines.join("\n");
    assert!(log.contains(&format!("not all photos were enrolled: `{command}` says why")), "{log}");
    assert!(log.contains("photos_refused=3") && !log.contains("Biden"), "{log}");
    let entries = std::fs::read_to_string(&accesses).unwrap();
    let entry: serde_json::Value = serde_json::from_str(&entries).unwrap();
    let gallery = facerec::gallery::store::read(&data.path().join("gallery.bin")).unwrap();
    let ids: Vec<&str> = gallery.people().iter().map(|person| person.id.as_str()).collect();
    assert_eq!((&entry["action"], &entry["people"]), (&"enroll".into(), &serde_json::json!(ids)));
    // The service runs.
    let mut shell = Command::new("sh");
    shell.args(["-c", &command.replacen("facerec", "\"$0\"", 1), env!("CARGO_BIN_EXE_facerec")]);
    let output = shell.env("FACEREC_MODEL", "casia").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("Joe Biden/1.jpg: same_photo_again"), "{said}");
}
