//! Chromium and its driver as processes of the test.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// How long a command, or something on the page, is waited for; far longer than it should ever take.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// Bytes of an answer; the largest is a picture of the page.
const MAX_ANSWER: u64 = 100 << 20;

/// How often `chromedriver` is started until it has a port.
const STARTS: usize = 10;

/// A running `chromedriver`; ended, with its browser, when dropped.
pub(crate) struct Driver {
    process: Child,
    address: String,
    profile: tempfile::TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A `chromedriver` and the port that it listens on; `None` when it has exited.
fn listening() -> Option<(Child, String)> {
    let mut process = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver starts");
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        Some(line.split_once("started successfully on port ")?.1.trim_end_matches('.').to_owned())
    });
    let Some(port) = port else {
        let _ = process.wait();
        return None;
    };
    std::thread::spawn(move || lines.for_each(drop));
    Some((process, port))
}

impl Driver {
    /// `None`, with a word in the output, on a machine without Chromium, unless `CI=true`.
    pub(crate) fn start() -> Option<Self> {
        let missing = ["chromium", "chromedriver"].into_iter().find(|program| !is_there(program));
        if let Some(program) = missing {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "there is no {program}: apt-get install chromium chromium-driver"
            );
            eprintln!("NOTE: there is no {program}; the page is NOT tested in a browser in this run.");
            return None;
        }
        // It asks the system for a free port and exits where that one is taken for IPv6.
        let (process, port) = (0..STARTS).find_map(|_| listening()).expect("chromedriver says its port");
        let profile = tempfile::tempdir().unwrap();
        Some(Self { process, address: format!("http://127.0.0.1:{port}"), profile })
    }

    /// Opens a window of the browser. `camera` is a JPEG that the camera shows, in place of the browser's own test picture.
    pub(crate) fn session(self, camera: Option<&Path>) -> Session {
        let agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let mut session =
            Session { agent: agent.into(), base: format!("{}/session", self.address), driver: self };
        let wanted = json!({ "capabilities": { "alwaysMatch": session.driver.capabilities(camera) } });
        let opened = session.post("", &wanted).expect("the browser starts");
        let id = opened["sessionId"].as_str().expect("a session has an id");
        session.base = format!("{}/{id}", session.base);
        session
    }

    /// What a session is opened with.
    fn capabilities(&self, camera: Option<&Path>) -> Value {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let camera = camera.map(|photo| {
            // A file of JPEGs, one after the other, begun again at its end: here of one.
            let film = self.profile.path().join("camera.mjpeg");
            std::fs::copy(photo, &film).expect("the camera's picture");
            format!("--use-file-for-fake-video-capture={}", film.display())
        });
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--lang=en-GB",
            // A picture in place of a camera, and nobody who has to allow it.
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            &profile,
        ];
        let flags: Vec<&str> = flags.into_iter().chain(camera.as_deref()).collect();
        json!({
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        })
    }
}

/// A window of the browser, driven by the commands of W3C `WebDriver` and Chromium's own.
pub(crate) struct Session {
    agent: ureq::Agent,
    /// Address of the session, without a slash at the end.
    base: String,
    driver: Driver,
}

impl Session {
    /// Sends a command. An error is what the driver says of it: an element that is not there, a script that threw.
    pub(crate) fn post(&self, command: &str, body: &Value) -> Result<Value, String> {
        let request =
            self.agent.post(format!("{}{command}", self.base)).header("content-type", "application/json");
        value(request.send(body.to_string()))
    }

    pub(crate) fn get(&self, command: &str) -> Result<Value, String> {
        value(self.agent.get(format!("{}{command}", self.base)).call())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The browser ends with its driver in any case.
        let _ = self.agent.delete(&self.base).call();
    }
}

/// The value of the driver's answer.
fn value(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value, String> {
    let text = answer
        .map_err(|error| error.to_string())?
        .body_mut()
        .with_config()
        .limit(MAX_ANSWER)
        .read_to_string();
    let mut answer: Value =
        serde_json::from_str(&text.map_err(|error| error.to_string())?).map_err(|e| e.to_string())?;
    match answer["value"]["error"].as_str() {
        Some(_) => {
            Err(answer["value"]["message"].as_str().unwrap_or("an error without a message").to_owned())
        }
        None => Ok(answer["value"].take()),
    }
}

fn is_there(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
