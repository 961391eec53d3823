//! The arguments of the driver.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

const HELP: &str = "\
Drives mixed traffic at a facerec server, checks every answer, and tells memory, latency and errors over time.

Usage: cargo test --release --test soak -- [OPTIONS]

Options:
      --minutes <N>   How long; fractions are allowed [default: 20 seconds]
      --clients <N>   Clients, each of which sends a request when it has the answer to the one before [default: 3]
      --seed <N>      The same seed sends the same requests in the same order [default: 1]
      --svg <FILE>    Write a graph of the run
      --csv <FILE>    Write the samples of which the table and the graph are made
      --help          Print this help

Exits with 1 when an answer was not what it must be, or when memory at the end is more than 5 % from what it was
after the warm-up (in runs of 10 minutes or more).";

/// Long enough for each kind of traffic to occur.
const SHORT: Duration = Duration::from_secs(20);

pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) clients: usize,
    pub(crate) seed: u64,
    pub(crate) svg: Option<PathBuf>,
    pub(crate) csv: Option<PathBuf>,
}

pub(crate) enum Asked {
    Run(Options),
    /// Print this instead.
    Text(&'static str),
}

impl Options {
    /// Arguments that are not listed in the help are the test runner's and mean nothing here.
    pub(crate) fn from_arguments() -> Result<Asked, String> {
        let mut options = Self { time: SHORT, clients: 3, seed: 1, svg: None, csv: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let name = argument.as_str();
            match name {
                "--help" | "-h" => return Ok(Asked::Text(HELP)),
                // Asked for a list of tests, as test runners do.
                "--list" => return Ok(Asked::Text("")),
                "--minutes" => options.time = minutes(value(name, arguments.next())?)?,
                "--clients" => options.clients = value::<usize>(name, arguments.next())?.max(1),
                "--seed" => options.seed = value(name, arguments.next())?,
                "--svg" => options.svg = Some(value(name, arguments.next())?),
                "--csv" => options.csv = Some(value(name, arguments.next())?),
                _ => {}
            }
        }
        Ok(Asked::Run(options))
    }
}

fn value<T: FromStr>(name: &str, found: Option<String>) -> Result<T, String> {
    let found = found.ok_or_else(|| format!("{name}: expected a value, found nothing"))?;
    found.parse().map_err(|_| format!("{name}: expected a number, found {found:?}"))
}

fn minutes(minutes: f64) -> Result<Duration, String> {
    let within = (0.0..=100_000.0).contains(&minutes);
    let time = within.then(|| Duration::from_secs_f64(minutes * 60.0));
    time.ok_or_else(|| format!("--minutes: expected a number from 0 to 100000, found {minutes}"))
}
