//! A running server as what is measured.

use std::time::Duration;

use anyhow::{Context, anyhow};

use super::drive::{Client, Target};
use crate::cli::multipart::Form;

/// Timeout of a request.
const PATIENCE: Duration = Duration::from_mins(5);

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
        let form = Form::default().file("file", "photo", photo);
        let request = request.content_type(Form::content_type());
        let mut response = request.send(form.into_bytes()).map_err(|error| {
            anyhow!(
                "{}: expected a running service, found no response: {error}; start one with `facerec serve`, or correct --url",
                self.server.url
            )
        })?;
        let text = response.body_mut().read_to_string().with_context(|| self.server.url.clone())?;
        let status = response.status().as_u16();
        anyhow::ensure!(
            status == 200,
            "expected status 200, {} returned {status}: {}{}",
            self.server.url,
            text.trim(),
            advice(status)
        );
        Ok(())
    }
}

/// What helps against a status.
fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => "; the service wants an API key: --api-key KEY or FACEREC_API_KEY, of scope recognize",
        404 => "; expected the address of a facerec: correct --url",
        _ => "",
    }
}
