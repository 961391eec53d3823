//! The server under attack: the built program on a copy of the sample data.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client;

/// `--request-timeout-s` of the server.
pub(crate) const REQUEST_TIMEOUT_S: u64 = 30;

/// A running `facerec serve`; killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    pub(crate) group_photo: Vec<u8>,
    /// What it answered to the group photo before the attack.
    pub(crate) group_answer: String,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    pub(crate) fn start() -> Self {
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
        let data = tempfile::tempdir().unwrap();
        std::fs::copy(sample.join("roster.xlsx"), data.path().join("roster.xlsx")).unwrap();
        copy_people(&sample.join("people"), &data.path().join("people"));
        let mut process = Command::new(env!("CARGO_BIN_EXE_facerec"))
            .args(["serve", "--model", "casia", "--host", "127.0.0.1", "--port", "0", "--log-format", "json"])
            .args(["--request-timeout-s", &REQUEST_TIMEOUT_S.to_string(), "--data"])
            .arg(data.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server becomes ready").unwrap();
            let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["address"].as_str() {
                break address.to_owned();
            }
        };
        // Somebody must read the log, or the server stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let group_photo = std::fs::read(sample.join("group.jpg")).unwrap();
        let first = client::post_photo(&address, &group_photo, Duration::from_secs(REQUEST_TIMEOUT_S));
        let Some((200, group_answer)) = first else { panic!("the group photo was answered {first:?}") };
        assert!(group_answer.contains("Barack Obama"), "{group_answer}");
        Self { process, address, group_photo, group_answer, _data: data }
    }

    /// Memory that the process holds once it holds at most `limit`, or when `patience` has run out, KiB.
    pub(crate) fn resident_kib_within(&self, limit: u64, patience: Duration) -> u64 {
        let deadline = Instant::now() + patience;
        loop {
            let now = self.resident_kib();
            if now <= limit || Instant::now() > deadline {
                return now;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Memory that the process holds now, KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let path = PathBuf::from(format!("/proc/{}/status", self.process.id()));
        let status = std::fs::read_to_string(path).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }
}

fn copy_people(from: &Path, to: &Path) {
    for person in std::fs::read_dir(from).unwrap() {
        let person = person.unwrap();
        let target = to.join(person.file_name());
        std::fs::create_dir_all(&target).unwrap();
        for photo in std::fs::read_dir(person.path()).unwrap() {
            let photo = photo.unwrap();
            std::fs::copy(photo.path(), target.join(photo.file_name())).unwrap();
        }
    }
}
