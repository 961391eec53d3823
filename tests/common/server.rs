//! The server that is driven: the built program on a copy of the sample data.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `--request-timeout-s` of the server.
pub(crate) const REQUEST_TIMEOUT_S: u64 = 30;

/// A running `facerec serve`, killed when dropped; or one that somebody else runs.
pub(crate) struct Server {
    pub(crate) started: Option<Child>,
    /// Several where replicas are behind one address.
    pub(crate) processes: Vec<u32>,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.started {
            // It may have ended already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Server {
    /// On the data folder `data`, ready to answer.
    pub(crate) fn start(data: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_facerec"))
            .args(["serve", "--model", "casia", "--host", "127.0.0.1", "--port", "0", "--log-format", "json"])
            .args(["--request-timeout-s", &REQUEST_TIMEOUT_S.to_string(), "--data"])
            .arg(data)
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
        Self { processes: vec![process.id()], started: Some(process), address }
    }

    /// The folders in which Linux says what the processes hold.
    pub(crate) fn proc_folders(&self) -> impl Iterator<Item = PathBuf> {
        self.processes.iter().map(|id| PathBuf::from(format!("/proc/{id}")))
    }

    /// A number of `/proc/PID/status`, such as `VmRSS` (KiB), of all processes together; `None` where the system does not
    /// say, or when one has ended.
    pub(crate) fn status(&self, name: &str) -> Option<u64> {
        let of_process = |folder: PathBuf| {
            let status = std::fs::read_to_string(folder.join("status")).ok()?;
            let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            value.split_whitespace().next()?.parse::<u64>().ok()
        };
        self.proc_folders().map(of_process).sum()
    }
}

/// A file of `data/sample`.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = sample_folder().join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A copy of the sample's roster and people, nobody enrolled yet.
pub(crate) fn sample_data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("roster.xlsx"), sample("roster.xlsx")).unwrap();
    copy_people(&sample_folder().join("people"), &data.path().join("people"));
    data
}

fn sample_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
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
