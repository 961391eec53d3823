//! The commands, one file each.

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{LogFormat, ServeArgs};
use failure::OutputFormat;
use output::Closed;

pub mod bench;
pub mod data;
pub mod enroll;
mod failure;
pub mod healthcheck;
pub mod import_pickle;
pub mod inspect;
pub mod keys;
pub mod models;
pub mod normalize;
pub mod output;
mod progress;
pub mod recognize;
pub mod serve;
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
    /// Enrol a folder of people: one folder a person, one face a photo
    Enroll(enroll::EnrollArgs),
    /// Turn the old service's pickle into a gallery, running nothing that is in it
    ImportPickle(import_pickle::ImportPickleArgs),
    /// Say who is in photos, without a server
    Recognize(recognize::RecognizeArgs),
    /// Print what each stage finds in photos, as JSON, for comparing with the reference
    Inspect(inspect::InspectArgs),
    /// Measure how many photos this machine answers, how soon, and where the time goes
    Bench(bench::BenchArgs),
    /// Write a photo upright, as PNG
    Normalize(normalize::NormalizeArgs),
    /// List, check and install the networks
    Models(models::ModelsArgs),
    /// Make, list and remove the keys that callers of the service need
    Keys(keys::KeysArgs),
    /// Ask a running service whether it is ready; exit code 0 if so
    Healthcheck(healthcheck::HealthcheckArgs),
}

impl Cli {
    /// Of this process's arguments and variables; empty ones are as good as none. Wrong usage ends the process.
    #[must_use]
    pub fn of_this_process() -> Self {
        let command = variables::without_empty(Self::command(), |name| std::env::var_os(name));
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command and reports what stopped it. The exit code is 0 when all of it worked, else 1;
    /// wrong usage has ended with 2 before.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let promise = self.command.output_format();
        self.command.check_models_folder().and_then(|()| self.command.run()).unwrap_or_else(|error| {
            // Whoever closed standard output has what they wanted.
            if !error.is::<Closed>() {
                failure::report(&error, promise);
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
            Self::Bench(args) if args.json => OutputFormat::JsonOutput,
            Self::Serve(args) if args.log_format == LogFormat::Json => OutputFormat::JsonLog,
            _ => OutputFormat::Text,
        }
    }

    /// A folder asked for that is not there would be passed over, and models taken from elsewhere.
    fn check_models_folder(&self) -> anyhow::Result<()> {
        let Some(folder) = self.models_folder() else { return Ok(()) };
        let found = if folder.exists() { "something else" } else { "none" };
        ensure!(folder.is_dir(), "--models {}: expected a folder, found {found}", folder.display());
        Ok(())
    }

    /// Where models are looked for first.
    fn models_folder(&self) -> Option<&Path> {
        let folder = match self {
            Self::Serve(args) => &args.models.models,
            Self::Enroll(args) => &args.models.models,
            Self::Recognize(args) => &args.models.models,
            Self::Inspect(args) => &args.models.models,
            Self::Bench(args) => &args.models.models,
            Self::Models(args) => return args.existing_folder(),
            Self::ImportPickle(_) | Self::Normalize(_) | Self::Keys(_) | Self::Healthcheck(_) => return None,
        };
        folder.as_deref()
    }

    fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Serve(args) => serve::run(&args),
            Self::Enroll(args) => enroll::run(&args),
            Self::ImportPickle(args) => import_pickle::run(&args),
            Self::Recognize(args) => recognize::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Bench(args) => bench::run(&args),
            Self::Normalize(args) => normalize::run(&args),
            Self::Models(args) => models::run(&args),
            Self::Keys(args) => keys::run(&args),
            Self::Healthcheck(args) => healthcheck::run(&args),
        }
    }
}

#[cfg(test)]
mod tests;
