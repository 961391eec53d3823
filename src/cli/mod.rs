//! The commands, one file each.

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{LogFormat, ServeArgs};
use failure::OutputFormat;
use output::Closed;

pub mod attend;
pub mod audit;
pub mod bench;
pub mod data;
pub mod enroll;
pub mod evaluate;
mod failure;
pub mod healthcheck;
pub mod import_pickle;
pub mod inspect;
pub mod keys;
pub mod models;
pub mod normalize;
pub mod output;
pub mod people;
mod progress;
pub mod recognize;
pub mod serve;
pub mod strangers;
mod url;
mod variables;

/// Face recognition as a REST service: a photo in, names and IDs out.
#[derive(Debug, Parser)]
#[command(name = "facerec", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the HTTP service
    Serve(Box<ServeArgs>),
    /// Enrol people from a directory: one subdirectory per person, one face per photo
    Enroll(enroll::EnrollArgs),
    /// Compute statistics of people who are not enrolled, from which thresholds follow
    Strangers(strangers::StrangersArgs),
    /// Check the enrolled people: misplaced photos, one face under two names, weak photos, people who look alike
    Audit(audit::AuditArgs),
    /// Evaluate on one's own photos, leave-one-out: TPIR, FPIR and the DET curve
    Evaluate(evaluate::EvaluateArgs),
    /// Convert the Flask service's pickle to a gallery; no code in the pickle is run
    ImportPickle(import_pickle::ImportPickleArgs),
    /// Recognise the faces in photos, without a server
    Recognize(recognize::RecognizeArgs),
    /// Take attendance from photos, without a server: who is there, who is missing
    Attend(Box<attend::AttendArgs>),
    /// Print the output of each pipeline stage as JSON, for comparison with the reference
    Inspect(inspect::InspectArgs),
    /// Measure throughput, latency and the time of each pipeline stage on this machine
    Bench(bench::BenchArgs),
    /// Apply the EXIF orientation of a photo and write it as PNG
    Normalize(normalize::NormalizeArgs),
    /// List, verify and install models
    Models(models::ModelsArgs),
    /// List people, show what the access log says of one, remove all that is held about one
    People(people::PeopleArgs),
    /// Create, list, rotate and remove API keys
    Keys(keys::KeysArgs),
    /// Check whether a running service is ready; exit code 0 if it is
    Healthcheck(healthcheck::HealthcheckArgs),
}

impl Cli {
    /// Parses this process's arguments and environment variables; empty variables count as unset, except
    /// `FACEREC_API_KEYS_FILE`. Wrong usage ends the process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let command = variables::without_empty(Self::command(), |name| std::env::var_os(name));
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command and reports its error. The exit code is 0 on success, else 1; wrong usage has
    /// ended the process with 2 before.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let format = self.command.output_format();
        self.command.check_models_directory().and_then(|()| self.command.run()).unwrap_or_else(|error| {
            // A closed standard output, as after `| head`, is no error.
            if !error.is::<Closed>() {
                failure::report(&error, format);
            }
            ExitCode::FAILURE
        })
    }
}

impl Command {
    fn output_format(&self) -> OutputFormat {
        match self {
            Self::Inspect(_) => OutputFormat::JsonOutput,
            Self::Recognize(args) if args.json => OutputFormat::JsonOutput,
            Self::Audit(args) if args.json => OutputFormat::JsonOutput,
            Self::Evaluate(args) if args.json => OutputFormat::JsonOutput,
            Self::Bench(args) if args.json => OutputFormat::JsonOutput,
            Self::Serve(args) if args.log_format == LogFormat::Json => OutputFormat::JsonLog,
            _ => OutputFormat::Text,
        }
    }

    /// Refuses a missing `--models` directory: the search would go on to other directories silently.
    fn check_models_directory(&self) -> anyhow::Result<()> {
        let Some(directory) = self.models_directory() else { return Ok(()) };
        let found = if directory.exists() { "something else" } else { "none" };
        ensure!(directory.is_dir(), "--models {}: expected a directory, found {found}", directory.display());
        Ok(())
    }

    /// `--models`, the directory searched first.
    fn models_directory(&self) -> Option<&Path> {
        let directory = match self {
            Self::Serve(args) => &args.models.models,
            Self::Enroll(args) => &args.models.models,
            Self::Recognize(args) => &args.models.models,
            Self::Attend(args) => &args.models.models,
            Self::Inspect(args) => &args.models.models,
            Self::Strangers(args) => &args.models().models,
            Self::Evaluate(args) => &args.models.models,
            Self::Audit(args) => return args.models_directory(),
            Self::Bench(args) => &args.models.models,
            Self::Models(args) => return args.existing_directory(),
            Self::ImportPickle(_)
            | Self::Normalize(_)
            | Self::People(_)
            | Self::Keys(_)
            | Self::Healthcheck(_) => return None,
        };
        directory.as_deref()
    }

    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(args) => serve::run(&args),
            Self::Enroll(args) => enroll::run(&args),
            Self::Strangers(args) => strangers::run(&args),
            Self::Audit(args) => audit::run(&args),
            Self::Evaluate(args) => evaluate::run(&args),
            Self::ImportPickle(args) => import_pickle::run(&args),
            Self::Recognize(args) => recognize::run(&args),
            Self::Attend(args) => attend::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Bench(args) => bench::run(&args),
            Self::Normalize(args) => normalize::run(&args),
            Self::Models(args) => models::run(&args),
            Self::People(args) => people::run(&args),
            Self::Keys(args) => keys::run(&args),
            Self::Healthcheck(args) => healthcheck::run(&args),
        }
    }
}

#[cfg(test)]
mod tests;
