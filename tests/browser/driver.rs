//! Chromium and its driver as processes of the test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// A running `chromedriver`; ended, with its browser, when dropped.
pub(crate) struct Driver {
    process: Child,
    pub(crate) address: String,
    profile: tempfile::TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| {
                Some(line.split_once("started successfully on port ")?.1.trim_end_matches('.').to_owned())
            })
            .expect("chromedriver says its port");
        std::thread::spawn(move || lines.for_each(drop));
        let profile = tempfile::tempdir().unwrap();
        Some(Self { process, address: format!("http://127.0.0.1:{port}"), profile })
    }

    /// What a session is opened with.
    pub(crate) fn capabilities(&self) -> serde_json::Map<String, Value> {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
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
        let capabilities = json!({
            "goog:chromeOptions": { "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        capabilities.as_object().unwrap().clone()
    }

    /// A command of Chromium's own, past the standard.
    pub(crate) fn send(&self, session: &str, path: &str, body: &Value) -> Value {
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "60", "-H", "content-type: application/json", "-d"])
            .arg(body.to_string())
            .arg(format!("{}/session/{session}/{path}", self.address))
            .output()
            .expect("curl is installed");
        let mut answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert!(answer["value"]["error"].is_null(), "{path}: {answer}");
        answer["value"].take()
    }
}

fn is_there(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
