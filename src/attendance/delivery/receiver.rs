//! A receiver and one attempt to deliver to it.

use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode, Uri, header};
use ureq::unversioned::transport::DefaultConnector;

use super::address::{self, CheckedResolver};
use super::backoff;
use super::secret::{self, WebhookSecret};
use crate::attendance::outbox::{Channel, Message};
use crate::error::{DataError, Result};

/// How a receiver is reached.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverOptions {
    /// Whether its address may be private or of this machine.
    pub allow_private: bool,
    /// Longest time from looking up its name to the end of its response's head.
    pub timeout: Duration,
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        Self { allow_private: false, timeout: Duration::from_secs(15) }
    }
}

/// Who gets the messages of a channel.
#[derive(Debug, Clone)]
pub struct Receiver {
    channel: Channel,
    url: Uri,
    secrets: Vec<WebhookSecret>,
    options: ReceiverOptions,
}

impl Receiver {
    /// A receiver of webhooks, signed with each of the secrets.
    ///
    /// # Errors
    /// [`DataError::Invalid`] without a secret, and for a URL that can't be one or whose address is private
    /// and may not be.
    pub fn webhook(url: &str, secrets: Vec<WebhookSecret>, options: ReceiverOptions) -> Result<Self> {
        if secrets.is_empty() {
            let message = "webhooks are signed: expected at least one secret, found none";
            return Err(DataError::Invalid(message.to_owned()).into());
        }
        Ok(Self { channel: Channel::Webhook, url: check_url(url, options)?, secrets, options })
    }

    /// A receiver of the old service's messages, which are not signed.
    ///
    /// # Errors
    /// As [`Receiver::webhook`].
    pub fn legacy(url: &str, options: ReceiverOptions) -> Result<Self> {
        Ok(Self { channel: Channel::Legacy, url: check_url(url, options)?, secrets: Vec::new(), options })
    }
}

/// A name is resolved with each connection; an address in the URL itself can be refused at once.
fn check_url(url: &str, options: ReceiverOptions) -> Result<Uri> {
    let parsed = url.parse::<Uri>().ok().filter(|uri| {
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        is_http && uri.host().is_some_and(|host| !host.is_empty())
    });
    let Some(uri) = parsed else {
        let message = format!("expected a URL like https://school.example/hooks, found {url:?}");
        return Err(DataError::Invalid(message).into());
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(address) if !options.allow_private && !address::is_public(address) => {
            let message = format!(
                "{address} is a private address: expected a public one, or that private ones are allowed"
            );
            Err(DataError::Invalid(message).into())
        }
        _ => Ok(uri),
    }
}

/// How an attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attempt {
    /// A status of 2xx.
    Delivered,
    /// Status 410: the receiver wants no more of these.
    Gone(String),
    /// Another status.
    Refused {
        /// Which one.
        error: String,
        /// When the receiver wants the next attempt.
        retry_after: Option<Duration>,
    },
    /// No response.
    Unreachable(String),
}

/// A receiver with its connections.
pub(super) struct Client {
    receiver: Receiver,
    agent: Agent,
}

impl Client {
    pub(super) fn new(receiver: Receiver) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0) // a redirect could lead to an address that was not checked
            .max_redirects_will_error(false)
            .proxy(None) // a proxy would resolve the name again, and connect to what it finds
            .timeout_global(Some(receiver.options.timeout))
            .user_agent(concat!("facerec/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = CheckedResolver { allow_private: receiver.options.allow_private };
        Self { receiver, agent: Agent::with_parts(config, DefaultConnector::new(), resolver) }
    }

    pub(super) fn channel(&self) -> Channel {
        self.receiver.channel
    }

    /// Posts a message. The response's body is not read.
    pub(super) fn post(&self, message: &Message, now: Timestamp) -> Attempt {
        let mut request =
            self.agent.post(&self.receiver.url).header(header::CONTENT_TYPE, "application/json");
        if self.receiver.channel == Channel::Webhook {
            let seconds = now.as_second();
            let signatures = secret::signatures(&self.receiver.secrets, &message.id, seconds, &message.body);
            request = request
                .header("webhook-id", &message.id)
                .header("webhook-timestamp", seconds.to_string())
                .header("webhook-signature", signatures);
        }
        match request.send(&message.body) {
            Ok(response) => attempt(response.status(), response.headers()),
            Err(error) => Attempt::Unreachable(format!("no response: {error}")),
        }
    }
}

fn attempt(status: StatusCode, headers: &HeaderMap) -> Attempt {
    match status {
        _ if status.is_success() => Attempt::Delivered,
        StatusCode::GONE => Attempt::Gone(format!("the receiver responds with {status}")),
        _ if status.is_redirection() => Attempt::Refused {
            error: format!(
                "the receiver responds with {status}: redirects are not followed, expected its final URL"
            ),
            retry_after: None,
        },
        _ => Attempt::Refused {
            error: format!("expected a status of 2xx, the receiver responds with {status}"),
            retry_after: retry_after(headers),
        },
    }
}

/// `Retry-After` in seconds, a day at most.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(backoff::LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_unless_allowed() {
        let refused = |url: &str| {
            Receiver::legacy(url, ReceiverOptions::default()).map(|_| ()).unwrap_err().to_string()
        };
        for url in ["http://127.0.0.1/a", "http://[::1]:80/", "https://10.0.0.1", "http://169.254.169.254/"] {
            assert!(refused(url).contains("is a private address"), "{url}");
        }
        for url in ["", "school.example", "ftp://school.example", "http:///a"] {
            assert!(refused(url).starts_with("expected a URL like"), "{url}");
        }
        let allowed = ReceiverOptions { allow_private: true, ..ReceiverOptions::default() };
        assert!(Receiver::legacy("http://127.0.0.1/a", allowed).is_ok());
    }

    #[test]
    fn names_and_spellings_of_private_addresses_are_refused_when_resolved() {
        let message = Message { id: "a".into(), lane: "a".into(), body: "{}".into(), attempts: 0 };
        for url in ["http://localhost:9/", "http://2130706433:9/", "http://0x7f.1:9/"] {
            let client = Client::new(Receiver::legacy(url, ReceiverOptions::default()).unwrap());
            let Attempt::Unreachable(error) = client.post(&message, Timestamp::UNIX_EPOCH) else {
                panic!("{url} was reached")
            };
            // Where the resolver knows no such spelling, there is no address at all.
            let is_localhost = url.contains("localhost");
            assert!(!is_localhost || error.contains("is a private address"), "{url}: {error}");
        }
    }

    #[test]
    fn statuses_say_whether_to_try_again() {
        let of = |status: u16| attempt(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        assert_eq!(of(204), Attempt::Delivered);
        assert!(matches!(of(410), Attempt::Gone(_)));
        for status in [301, 308, 400, 404, 429, 500, 503] {
            assert!(matches!(of(status), Attempt::Refused { .. }), "{status}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, "120".parse().unwrap());
        let Attempt::Refused { retry_after, .. } = attempt(StatusCode::TOO_MANY_REQUESTS, &headers) else {
            panic!("taken")
        };
        assert_eq!(retry_after, Some(Duration::from_mins(2)));
    }
}
