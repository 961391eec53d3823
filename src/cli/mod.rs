//! The commands, one file each.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ServeArgs;

pub mod bench;
pub mod data;
pub mod enroll;
pub mod healthcheck;
pub mod import_pickle;
pub mod inspect;
pub mod keys;
pub mod load;
pub mod models;
pub mod normalize;
pub mod recognize;
pub mod serve;
pub mod watch;

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
    /// Runs the command. Its exit code is 0 when all of it worked.
    ///
    /// # Errors
    /// What stopped the command, to be shown to the user.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => serve::run(&args),
            Command::Enroll(args) => enroll::run(&args),
            Command::ImportPickle(args) => import_pickle::run(&args),
            Command::Recognize(args) => recognize::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Bench(args) => bench::run(&args),
            Command::Normalize(args) => normalize::run(&args),
            Command::Models(args) => models::run(&args),
            Command::Keys(args) => keys::run(&args),
            Command::Healthcheck(args) => healthcheck::run(&args),
        }
    }
}
