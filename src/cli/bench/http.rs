//! A running server as what is measured.

use std::time::Duration;

use anyhow::Context;

use super::drive::{Client, Target};

/// Timeout of a request.
const PATIENCE: Duration = Duration::from_mins(5);
/// Separates the parts of a form; no JPEG, PNG or text has this line by chance.
const BOUNDARY: &str = "facerec-bench-5f1c6a9e2b7d4380";

/// A server's address and key.
pub(super) struct HttpServer {
    url: String,
    api_key: Option<String>,
}

impl HttpServer {
    /// The server at `url`, scheme and host.
    pub(super) fn new(url: &str, api_key: Option<String>) -> Self {
        Self { url: format!("{}/recognize_faces", url.trim_end_matches('/')), api_key }
    }
}

impl Target for HttpServer {
    fn client(&self) -> anyhow::Result<Box<dyn Client + '_>> {
        // No proxy, whatever the environment names: photos and key are for the server alone, and a proxy on the
        // way would be measured too.
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .http_status_as_error(false);
        Ok(Box::new(HttpClient { agent: config.build().into(), server: self }))
    }
}

/// A client with its own connection, which is kept open.
struct HttpClient<'a> {
    agent: ureq::Agent,
    server: &'a HttpServer,
}

impl Client for HttpClient<'_> {
    fn send(&mut self, photo: &[u8]) -> anyhow::Result<()> {
        let mut request = self.agent.post(&self.server.url);
        if let Some(key) = &self.server.api_key {
            request = request.header("X-Api-Key", key);
        }
        let request = request.content_type(format!("multipart/form-data; boundary={BOUNDARY}"));
        let mut response = request.send(form(photo)).with_context(|| self.server.url.clone())?;
        let text = response.body_mut().read_to_string().with_context(|| self.server.url.clone())?;
        anyhow::ensure!(
            response.status() == 200,
            "expected status 200, {} returned {}: {text}",
            self.server.url,
            response.status()
        );
        Ok(())
    }
}

/// A form with the photo in part `file`, as a browser sends it.
fn form(photo: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"photo\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{BOUNDARY}--\r\n");
    [head.as_bytes(), photo, tail.as_bytes()].concat()
}
