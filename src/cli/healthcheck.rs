//! `facerec healthcheck`: for containers, which have no curl.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::output;
use crate::config::range::whole;

/// The arguments of `facerec healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Address that answers 200 when the service is ready
    #[arg(
        long,
        env = "FACEREC_HEALTHCHECK_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:5000/readyz"
    )]
    url: String,
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
    let limit = Some(Duration::from_secs(args.timeout_s));
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(limit).build().into();
    agent.get(&args.url).call()?;
    output::line("ready")?;
    Ok(ExitCode::SUCCESS)
}
