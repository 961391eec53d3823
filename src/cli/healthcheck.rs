//! `facerec healthcheck`: the health check of containers without curl.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;
use ureq::http::Uri;
use ureq::tls::TlsConfig;

use super::output;
use super::url::url;
use crate::config::range::whole;

/// Longest part of a response body in the message, characters.
const MAX_REASON_CHARS: usize = 300;

/// The arguments of `facerec healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// URL that responds with 200 when the service is ready [default: /readyz on this machine, at --port]
    #[arg(long, env = "FACEREC_HEALTHCHECK_URL", value_name = "URL", value_parser = url)]
    url: Option<String>,
    /// Port of the service on this machine
    #[arg(long, env = "FACEREC_PORT", value_name = "PORT", default_value = "5000",
          value_parser = whole(0..=u16::MAX))]
    port: u16,
    /// The service's own setting: with it the service on this machine is asked by HTTPS. Of this machine, and of no
    /// other, any certificate is accepted
    #[arg(long, env = "FACEREC_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Timeout of the request, seconds
    #[arg(long, env = "FACEREC_HEALTHCHECK_TIMEOUT_S", value_name = "SECONDS", default_value = "5",
          value_parser = whole(1..=3600_u64))]
    timeout_s: u64,
}

/// Sends one request.
///
/// # Errors
/// When there is no response, or its status is not 200.
pub fn run(args: &HealthcheckArgs) -> anyhow::Result<ExitCode> {
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    let url = args.url.clone().unwrap_or_else(|| format!("{scheme}://127.0.0.1:{}/readyz", args.port));
    ask(&url, Duration::from_secs(args.timeout_s), is_this_machine(&url))?;
    output::line("ready")?;
    Ok(ExitCode::SUCCESS)
}

/// Sends one request, and returns the body of the response. Of a service on this machine, `is_local`, any certificate is accepted.
///
/// # Errors
/// When there is no response within `limit`, or its status is not 200.
pub(super) fn ask(url: &str, limit: Duration, is_local: bool) -> anyhow::Result<String> {
    // No proxy, even if the environment names one: the service is on this machine.
    let config =
        ureq::Agent::config_builder().timeout_global(Some(limit)).proxy(None).http_status_as_error(false);
    // The certificate names the service as its clients know it, not 127.0.0.1, and nothing secret is sent.
    let tls = TlsConfig::builder().disable_verification(is_local).build();
    let config = config.tls_config(tls);
    let agent: ureq::Agent = config.build().into();
    let response = agent.get(url).call();
    let mut response =
        response.map_err(|error| anyhow!("{url}: expected status 200, found no response: {error}"))?;
    let status = response.status();
    // The status counts; a body that can't be read is left out.
    let body = response.body_mut().read_to_string().unwrap_or_default();
    if status != 200 {
        bail!("{url}: expected status 200, found {status}{}", reason(&body));
    }
    Ok(body)
}

fn is_this_machine(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    uri.as_ref().and_then(Uri::host).is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

/// The beginning of the response body, on one line.
fn reason(body: &str) -> String {
    let words: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(MAX_REASON_CHARS).collect();
    if words.is_empty() { words } else { format!(": {words}") }
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn certificates_are_not_checked_of_this_machine_only() {
        for url in ["https://127.0.0.1:5000/readyz", "https://[::1]:5000/", "https://localhost/readyz"] {
            assert!(is_this_machine(url), "{url}");
        }
        for url in [
            "https://faces.example/readyz",
            "https://192.0.2.1/",
            "https://localhost.example/",
            "https://127.0.0.1.example/",
            "https://127.0.0.1@faces.example/",
        ] {
            assert!(!is_this_machine(url), "{url}");
        }
    }
}
