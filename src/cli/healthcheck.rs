//! `facerec healthcheck`: for containers, which have no curl.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;

use super::output;
use super::url::url;
use crate::config::range::whole;

/// Characters of an answer that are repeated in the message.
const MOST_CHARACTERS: usize = 300;

/// The arguments of `facerec healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Address that answers 200 when the service is ready [default: /readyz on this machine, at --port]
    #[arg(long, env = "FACEREC_HEALTHCHECK_URL", value_name = "URL", value_parser = url)]
    url: Option<String>,
    /// Port of the service on this machine
    #[arg(long, env = "FACEREC_PORT", value_name = "PORT", default_value = "5000",
          value_parser = whole(0..=u16::MAX))]
    port: u16,
    /// Longest wait for the answer, seconds
    #[arg(long, env = "FACEREC_HEALTHCHECK_TIMEOUT_S", value_name = "SECONDS", default_value = "5",
          value_parser = whole(1..=3600_u64))]
    timeout_s: u64,
}

/// Asks once.
///
/// # Errors
/// When there is no answer, or another one than 200.
pub fn run(args: &HealthcheckArgs) -> anyhow::Result<ExitCode> {
    let url = args.url.clone().unwrap_or_else(|| format!("http://127.0.0.1:{}/readyz", args.port));
    let limit = Some(Duration::from_secs(args.timeout_s));
    // No proxy, whatever the environment names: it would be asked for this machine's own service.
    let config = ureq::Agent::config_builder().timeout_global(limit).proxy(None).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(&url).call();
    let mut answer = answer.map_err(|error| anyhow!("{url}: expected 200, found no answer: {error}"))?;
    let status = answer.status();
    if status != 200 {
        // Only for the message: an answer that breaks off is as bad without.
        let body = answer.body_mut().read_to_string().unwrap_or_default();
        bail!("{url}: expected 200, found {status}{}", reason(&body));
    }
    output::line("ready")?;
    Ok(ExitCode::SUCCESS)
}

/// The beginning of what the service says, on one line.
fn reason(body: &str) -> String {
    let words: String = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(MOST_CHARACTERS).collect();
    if words.is_empty() { words } else { format!(": {words}") }
}
