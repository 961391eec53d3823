//! What all clients share, and how they ask.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::client::{self, Answer, Silence, Wire};
use crate::common::server::{REQUEST_TIMEOUT_S, Server};
use crate::folder::Folder;
use crate::photos::Photos;
use crate::tally::{Kind, Tally};
use crate::visitors::Visitors;

/// Longest wait for an answer: the server's own limit, and a little for the machine.
const REQUEST_LIMIT: Duration = Duration::from_secs(REQUEST_TIMEOUT_S + 10);
/// How long to wait before a busy server is asked again.
const BUSY_WAIT: Duration = Duration::from_millis(100);
/// Most of an answer that a message shows, characters.
const MAX_SHOWN: usize = 400;

/// What was expected and found, where they differ.
pub(crate) type Fault = String;

pub(crate) struct Session {
    pub(crate) server: Server,
    pub(crate) photos: Photos,
    pub(crate) visitors: Visitors,
    pub(crate) folder: Folder,
    pub(crate) tally: Tally,
}

impl Session {
    /// Sends a request, again while the server says that it is busy and to come again. Every other answer
    /// must have this status.
    pub(crate) fn expect(&self, kind: Kind, wire: &Wire, status: u16) -> Result<Answer, Fault> {
        let deadline = Instant::now() + REQUEST_LIMIT;
        loop {
            let start = Instant::now();
            let answer = client::send(&self.server.address, wire, None, REQUEST_LIMIT);
            match answer {
                Ok(answer) if answer.status == status => {
                    self.tally.request(kind, start.elapsed());
                    return Ok(answer);
                }
                Ok(Answer { status: 503, retry_after: true, .. }) if Instant::now() < deadline => {
                    self.tally.busy();
                    std::thread::sleep(BUSY_WAIT);
                }
                other => {
                    self.tally.request(kind, start.elapsed());
                    return Err(fault(kind, status, other));
                }
            }
        }
    }

    /// The same for an answer of JSON.
    pub(crate) fn expect_json(&self, kind: Kind, wire: &Wire, status: u16) -> Result<Value, Fault> {
        let answer = self.expect(kind, wire, status)?;
        serde_json::from_str(&answer.body)
            .map_err(|_| format!("{}: expected JSON, found {}", kind.name(), shown(&answer.body)))
    }

    /// What `GET` answers there.
    pub(crate) fn get(&self, kind: Kind, path: &str) -> Result<Answer, Fault> {
        self.expect(kind, &client::request("GET", path, "text/plain", Vec::new()), 200)
    }

    /// What `/readyz` says.
    pub(crate) fn readiness(&self) -> Result<Value, Fault> {
        let answer = self.get(Kind::Readiness, "/readyz")?;
        let readiness: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        same("/readyz: status", &Value::from("ready"), &readiness["status"])?;
        Ok(readiness)
    }
}

fn fault(kind: Kind, status: u16, found: Result<Answer, Silence>) -> Fault {
    let found = match found {
        Ok(Answer { status, body, .. }) => format!("{status} {}", shown(&body)),
        Err(Silence::Closed) => "a closed connection".to_owned(),
        Err(Silence::TimedOut) => format!("no answer within {} s", REQUEST_LIMIT.as_secs()),
    };
    format!("{}: expected status {status}, found {found}", kind.name())
}

/// An error where the two differ.
pub(crate) fn same(what: &str, expected: &Value, found: &Value) -> Result<(), Fault> {
    if expected == found {
        return Ok(());
    }
    Err(format!("{what}: expected {expected}, found {}", shown(&found.to_string())))
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
