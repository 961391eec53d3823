//! The built program as a service on a real socket, and curl as its client.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest time for anything; only a fault makes a test wait that long.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The built program.
pub fn facerec() -> Command {
    Command::new(env!("CARGO_BIN_EXE_facerec"))
}

/// The built program after something that the shell does for it, like `ulimit -n 64`.
pub fn facerec_after(shell: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_facerec")]);
    command
}

/// A running `facerec serve`; killed when dropped.
pub struct Server {
    process: Child,
    pub address: String,
    pub data: tempfile::TempDir,
    log: Arc<Mutex<String>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a service answered.
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    /// Lines `name: value`, names in lower case.
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

impl Server {
    /// A service on the data folder `data`.
    pub fn start(data: tempfile::TempDir, more: &[&str]) -> Self {
        Self::start_as(facerec(), data, more)
    }

    /// The same by a command that runs the program, with some limit perhaps.
    pub fn start_as(mut program: Command, data: tempfile::TempDir, more: &[&str]) -> Self {
        let mut process = program
            .args(["serve", "--host", "127.0.0.1", "--port", "0", "--log-format", "json", "--data"])
            .arg(data.path())
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
        let log = Arc::new(Mutex::new(String::new()));
        let note = {
            let log = Arc::clone(&log);
            move |line: &str| log.lock().unwrap().extend([line, "\n"])
        };
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("not ready: {}", log.lock().unwrap()));
            note(&line);
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["address"].as_str() {
                break address.to_owned();
            }
        };
        // Somebody must read the log, or the server stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(|line| note(&line)));
        Self { process, address, data, log }
    }

    /// With nobody enrolled.
    pub fn empty(more: &[&str]) -> Self {
        Self::start(tempfile::tempdir().unwrap(), more)
    }

    /// On the people and the roster of the sample.
    pub fn sample(more: &[&str]) -> Self {
        Self::start(sample_data(), more)
    }

    pub fn socket(&self) -> SocketAddr {
        self.address.parse().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal: `TERM`, `INT`, ...
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &self.pid().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Kills it as the system does when memory is short, and gives the folder back.
    pub fn kill(mut self) -> tempfile::TempDir {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::mem::replace(&mut self.data, tempfile::tempdir().unwrap())
    }

    /// The log so far, a JSON object a line.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends a request by curl with these arguments.
    pub fn curl<S: AsRef<std::ffi::OsStr>>(&self, path: &str, arguments: &[S]) -> Answer {
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "100", "-D", "/dev/stderr"])
            .args(["-w", "\n%{http_code} %{content_type}"])
            .args(arguments)
            .arg(format!("http://{}{path}", self.address))
            .output()
            .expect("curl is installed");
        let head = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(output.status.success(), "{head}");
        let text = String::from_utf8(output.stdout).unwrap();
        let (body, end) = text.rsplit_once('\n').unwrap();
        let (status, content_type) = end.split_once(' ').unwrap();
        let (status, content_type) = (status.parse().unwrap(), content_type.to_owned());
        Answer { status, content_type, head, body: body.to_owned() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.curl::<&str>(path, &[])
    }
}

/// curl's arguments for a file as part `key` of a form.
pub fn form(key: &str, path: &Path) -> Vec<String> {
    vec!["-F".into(), format!("{key}=@{}", path.display())]
}

/// Waits until `happened`.
pub fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !happened() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A folder with the sample's roster and its people, enrolled once for the whole run.
pub fn sample_data() -> tempfile::TempDir {
    static GALLERY: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let data = tempfile::tempdir().unwrap();
        let people = sample_folder().join("people");
        let enroll = facerec()
            .arg("enroll")
            .arg(people)
            .args(["--model", "casia", "--data"])
            .arg(data.path())
            .output();
        let output = enroll.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read(data.path().join("gallery.bin")).unwrap()
    });
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("gallery.bin"), &*GALLERY).unwrap();
    std::fs::copy(sample_folder().join("roster.xlsx"), data.path().join("roster.xlsx")).unwrap();
    data
}

/// `data/sample`.
pub fn sample_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}
