//! The client of commands that work through a running service: `/v1/people`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

use super::multipart::Form;
use super::output::printable;
use crate::local_file;

/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);
/// How often a request is repeated while the service is busy or can't be reached.
const TRIES: u32 = 8;
/// The pause before a repetition, where the service names none; and the longest.
const PAUSE_S: u64 = 2;
const LONGEST_PAUSE_S: u64 = 30;
/// People a page of the list.
const PAGE: usize = 1000;
/// Longest response body that is read, bytes.
const MAX_BODY_BYTES: u64 = 64 << 20;
/// Largest file of a key that is read, bytes.
const MAX_KEY_FILE_BYTES: u64 = 64 << 10;

/// The key for a service as arguments.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// API key of scope manage for that service
    #[arg(long, env = "FACEREC_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// File with that key on its first line, which the list of processes does not show
    #[arg(long, env = "FACEREC_API_KEY_FILE", value_name = "FILE", conflicts_with = "api_key")]
    api_key_file: Option<PathBuf>,
}

impl KeyArgs {
    /// The key, if one is given.
    ///
    /// # Errors
    /// When its file can't be read.
    fn key(&self) -> anyhow::Result<Option<String>> {
        match &self.api_key_file {
            Some(path) => Ok(Some(first_line(path)?)),
            None => Ok(self.api_key.clone()),
        }
    }
}

fn first_line(path: &Path) -> anyhow::Result<String> {
    let text = local_file::read_text(path, MAX_KEY_FILE_BYTES)
        .with_context(|| format!("the file of the API key {} can't be read", printable(path)))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// The service, and the key for it.
pub(super) struct Client {
    agent: Agent,
    url: String,
    key: Option<String>,
}

/// A response of the service.
#[derive(Debug)]
pub(super) struct JsonResponse {
    /// HTTP status.
    pub(super) status: u16,
    /// The body; null where it is no JSON.
    pub(super) body: Value,
}

impl Client {
    /// The service at `url`, scheme and host.
    ///
    /// # Errors
    /// When the file of the key can't be read.
    pub(super) fn new(url: &str, key: &KeyArgs) -> anyhow::Result<Self> {
        // No proxy, whatever the environment names: photos and key are for the service alone.
        let config = Agent::config_builder()
            .timeout_global(Some(REQUEST_TIMEOUT))
            .proxy(None)
            .http_status_as_error(false);
        Ok(Self { agent: config.build().into(), url: url.trim_end_matches('/').to_owned(), key: key.key()? })
    }

    /// Everybody who is enrolled, as `GET /v1/people` has them.
    ///
    /// # Errors
    /// When the service can't be reached or refuses.
    pub(super) fn people(&self) -> anyhow::Result<Vec<Value>> {
        let mut people = Vec::new();
        loop {
            let path = format!("/v1/people?limit={PAGE}&offset={}", people.len());
            let JsonResponse { status, mut body } = self.get(&path)?;
            let total = body["total"].as_u64();
            let page = Some(body["people"].take()).filter(|_| status == 200);
            let Some(Value::Array(page)) = page else {
                bail!("{}{path}: expected people, found status {status}", self.url);
            };
            let is_last = page.is_empty();
            people.extend(page);
            if is_last || total.is_none_or(|total| people.len() as u64 >= total) {
                return Ok(people);
            }
        }
    }

    /// Gets what is at the path.
    ///
    /// # Errors
    /// When the service can't be reached, stays busy, or refuses the key.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<JsonResponse> {
        self.send(path, "GET", "", &[], false)
    }

    /// Changes what is at the path.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) fn patch(&self, path: &str, change: &Value) -> anyhow::Result<JsonResponse> {
        self.send(path, "PATCH", "application/merge-patch+json", change.to_string().as_bytes(), false)
    }

    /// Deletes what is at the path; sent once, since the person may be gone although the response was lost.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) fn delete(&self, path: &str) -> anyhow::Result<JsonResponse> {
        self.send(path, "DELETE", "", &[], true)
    }

    /// Sends a form. With `once` it is not sent again where the response is lost: the service may have done what it asks for.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub(super) fn post(&self, path: &str, form: Form, once: bool) -> anyhow::Result<JsonResponse> {
        self.send(path, "POST", &Form::content_type(), &form.into_bytes(), once)
    }

    fn send(
        &self,
        path: &str,
        method: &str,
        content_type: &str,
        body: &[u8],
        once: bool,
    ) -> anyhow::Result<JsonResponse> {
        self.repeated(path, once, || {
            let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
            if let Some(key) = &self.key {
                request = request.header("X-Api-Key", key);
            }
            if content_type.is_empty() {
                return self.agent.run(request.body(())?);
            }
            self.agent.run(request.header("Content-Type", content_type).body(body)?)
        })
    }

    /// Repeats a request while the service is busy or, unless it may be done only `once`, can't be reached.
    fn repeated(
        &self,
        path: &str,
        once: bool,
        send: impl Fn() -> Result<Response<Body>, ureq::Error>,
    ) -> anyhow::Result<JsonResponse> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (why, pause, is_lost) = match send() {
                Ok(response) if [429, 503].contains(&response.status().as_u16()) => {
                    let why = format!("it is busy (status {})", response.status().as_u16());
                    (why, retry_after(&response), false)
                }
                Ok(response) => return self.read_response(path, response),
                Err(error) => (error.to_string(), PAUSE_S, true),
            };
            // Nothing listens there, which a repetition seldom changes.
            if tries == TRIES || (once && is_lost) || why.contains("Connection refused") {
                bail!(
                    "{}{path}: expected a response, found none: {why}. What was done stays: run the same command again \
                     when the service runs (`facerec healthcheck --url {}/readyz`)",
                    self.url,
                    self.url
                );
            }
            std::thread::sleep(Duration::from_secs(pause));
        }
    }

    fn read_response(&self, path: &str, mut response: Response<Body>) -> anyhow::Result<JsonResponse> {
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MAX_BODY_BYTES).read_to_vec();
        let body =
            body.map_err(|error| anyhow!("{}{path}: the response can't be read: {error}", self.url))?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status == 401 || status == 403 {
            bail!(
                "{}{path}: {}; expected an API key of scope manage in --api-key-file, --api-key or FACEREC_API_KEY",
                self.url,
                body["detail"].as_str().unwrap_or("the service refuses")
            );
        }
        Ok(JsonResponse { status, body })
    }
}

/// Seconds, as the service asks for.
fn retry_after(response: &Response<Body>) -> u64 {
    let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
    header.and_then(|value| value.parse().ok()).unwrap_or(PAUSE_S).min(LONGEST_PAUSE_S)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io;

    use super::*;

    #[test]
    fn what_may_be_done_once_is_not_repeated_when_the_response_is_lost() {
        let tries = Cell::new(0);
        let lost = || {
            tries.set(tries.get() + 1);
            Err(ureq::Error::Io(io::Error::other("the connection was reset")))
        };
        let key = KeyArgs { api_key: None, api_key_file: None };
        let client = Client::new("http://127.0.0.1:9", &key).unwrap();
        let error = client.repeated("/x", true, lost).unwrap_err();
        assert_eq!(tries.get(), 1);
        assert!(error.to_string().contains("the connection was reset"), "{error}");
    }
}
