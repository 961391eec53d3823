//! The built program on a real socket.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The built program.
pub fn facerec() -> Command {
    Command::new(env!("CARGO_BIN_EXE_facerec"))
}

/// A running `facerec serve`; killed when dropped.
pub struct Server {
    process: Child,
    pub address: String,
    data: Option<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Server {
    /// Starts the program on a data folder and waits until it is ready.
    pub fn start(data: TempDir, more: &[&str]) -> Self {
        let mut process = facerec()
            .args(["serve", "--host", "127.0.0.1", "--port", "0", "--log-format", "json", "--data"])
            .arg(data.path())
            .args(more)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server becomes ready").unwrap();
            let event: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = event["address"].as_str() {
                break address.to_owned();
            }
        };
        // Somebody must read the log, or the server stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, address, data: Some(data) }
    }

    /// Kills it as the system does when memory is short, and gives the folder back.
    pub fn kill(mut self) -> TempDir {
        self.end();
        self.data.take().unwrap()
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
