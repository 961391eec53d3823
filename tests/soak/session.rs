//! What all clients share, and how they send requests.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::client::{self, NoResponse, Response, Wire};
use crate::common::server::{REQUEST_TIMEOUT_S, Server};
use crate::folder::Folder;
use crate::photos::Photos;
use crate::tally::{Kind, Tally};
use crate::visitors::Visitors;

/// Longest wait for a response: the server's own limit, and a little for the machine.
const REQUEST_LIMIT: Duration = Duration::from_secs(REQUEST_TIMEOUT_S + 10);
/// How long to wait before a busy server is asked again.
const BUSY_WAIT: Duration = Duration::from_millis(100);
/// Most of a response that a message shows, characters.
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
    /// Sends a request, again while the server says that it is busy and to come again. Every other response
    /// must have this status.
    pub(crate) fn expect(&self, kind: Kind, wire: &Wire, status: u16) -> Result<Response, Fault> {
        let deadline = Instant::now() + REQUEST_LIMIT;
        loop {
            let start = Instant::now();
            match client::send(&self.server.address, wire, None, REQUEST_LIMIT) {
                Ok(response) if response.status == status => {
                    self.tally.request(kind, start.elapsed());
                    return Ok(response);
                }
                Ok(Response { status: 503, retry_after: true, .. }) if Instant::now() < deadline => {
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

    /// The same for a response of JSON.
    pub(crate) fn expect_json(&self, kind: Kind, wire: &Wire, status: u16) -> Result<Value, Fault> {
        let response = self.expect(kind, wire, status)?;
        serde_json::from_str(&response.body)
            .map_err(|_| format!("{}: expected JSON, found {}", kind.name(), shown(&response.body)))
    }

    /// The response to `GET`.
    pub(crate) fn get(&self, kind: Kind, path: &str) -> Result<Response, Fault> {
        self.expect(kind, &client::request("GET", path, "text/plain", Vec::new()), 200)
    }

    /// What `/readyz` says.
    pub(crate) fn readiness(&self) -> Result<Value, Fault> {
        let response = self.get(Kind::Readiness, "/readyz")?;
        let readiness: Value = serde_json::from_str(&response.body).unwrap_or_default();
        same("/readyz: status", &Value::from("ready"), &readiness["status"])?;
        Ok(readiness)
    }
}

fn fault(kind: Kind, status: u16, found: Result<Response, NoResponse>) -> Fault {
    let found = match found {
        Ok(Response { status, body, .. }) => format!("{status} {}", shown(&body)),
        Err(NoResponse::Closed) => "a closed connection".to_owned(),
        Err(NoResponse::TimedOut) => format!("no response within {} s", REQUEST_LIMIT.as_secs()),
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
