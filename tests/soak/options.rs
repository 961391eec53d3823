//! The arguments of the driver.

use std::path::PathBuf;
use std::time::Duration;

use crate::common::arguments::{self, Asked, number};

const HELP: &str = "\
Drives mixed traffic at a facerec server, checks every response, and tells memory, latency and errors over time.

Usage: cargo test --release --test soak -- [OPTIONS]

Options:
      --minutes <N>   How long; fractions are allowed [default: 20 seconds]
      --clients <N>   Clients, each of which sends a request when it has the response to the one before [default: 3]
      --seed <N>      The same seed sends the same requests in the same order [default: 1]
      --svg <FILE>    Write a graph of the run
      --csv <FILE>    Write the samples of which the table and the graph are made
      --help          Print this help

Exits with 1 when a response was not what it must be, or when memory at the end is more than 5 % from what it was
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

const OWN: [&str; 5] = ["--minutes", "--clients", "--seed", "--svg", "--csv"];

impl Options {
    /// From what follows the program's name; `None` where nothing is to be done, or help was asked for and printed.
    pub(crate) fn from_arguments() -> Result<Option<Self>, String> {
        let asked = match arguments::read("soak", &OWN, std::env::args().skip(1))? {
            Asked::Run(asked) => asked,
            Asked::Help => {
                println!("{HELP}");
                return Ok(None);
            }
            Asked::Nothing => return Ok(None),
        };
        let mut options = Self { time: SHORT, clients: 3, seed: 1, svg: None, csv: None };
        for (name, value) in &asked {
            match name.as_str() {
                "--minutes" => options.time = minutes(number(name, value)?)?,
                "--clients" => options.clients = number::<usize>(name, value)?.max(1),
                "--seed" => options.seed = number(name, value)?,
                "--svg" => options.svg = Some(value.into()),
                _ => options.csv = Some(value.into()),
            }
        }
        Ok(Some(options))
    }
}

fn minutes(minutes: f64) -> Result<Duration, String> {
    let within = (0.0..=100_000.0).contains(&minutes);
    let time = within.then(|| Duration::from_secs_f64(minutes * 60.0));
    time.ok_or_else(|| format!("--minutes: expected a number from 0 to 100000, found {minutes}"))
}
