//! The commands, one file each.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;

use clap::error::{ContextKind, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{LogFormat, ServeArgs};
use failure::OutputFormat;
use output::Closed;

pub mod attend;
pub mod audit;
pub mod backup;
pub mod bench;
mod client;
mod command_log;
pub mod completions;
pub mod data;
pub mod doctor;
pub mod enroll;
pub mod evaluate;
mod failure;
mod files_only;
pub mod healthcheck;
pub mod import_pickle;
pub mod inspect;
pub mod keys;
mod log_place;
pub mod man;
pub mod migrate;
pub mod models;
mod multipart;
pub mod normalize;
pub mod output;
pub mod people;
mod place;
mod progress;
pub mod recognize;
pub mod restore;
pub mod serve;
mod settings;
pub mod strangers;
mod target;
mod thumbnails;
mod url;
mod variables;

/// The variable of `--url`, before which comes a `--data` that is given.
const SERVICE_URL: &str = "FACEREC_URL";

/// Face recognition as a REST service: a photo in, names and IDs out.
#[derive(Debug, Parser)]
#[command(name = "facerec", version, about, propagate_version = true)]
pub struct Cli {
    /// Settings file, in TOML; flags and variables come before it [default: facerec.toml in the data directory]
    #[arg(long, env = "FACEREC_CONFIG", value_name = "FILE", global = true)]
    #[allow(dead_code, reason = "it is read before the arguments are parsed")]
    config: Option<PathBuf>,
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
    /// List, show, rename, remove, export and import people; remove all that is held about one
    People(people::PeopleArgs),
    /// Create, list, rotate and remove API keys
    Keys(keys::KeysArgs),
    /// Archive a data directory, also while a service runs on it
    Backup(backup::BackupArgs),
    /// Restore an archived data directory, whole or not at all
    Restore(restore::RestoreArgs),
    /// Take people over from gallery.bin into a database, or back
    Migrate(Box<migrate::MigrateArgs>),
    /// Check models, files, their permissions, port, disk and gallery, and say what to do
    Doctor(Box<doctor::DoctorArgs>),
    /// Check whether a running service is ready; exit code 0 if it is
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the completions of a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page, or write the pages of all commands
    Man(man::ManArgs),
}

impl Cli {
    /// Parses this process's arguments, environment variables and settings file; empty variables count as unset, except
    /// `FACEREC_API_KEYS_FILE`. Wrong usage ends the process, and so does `serve --print-config`.
    #[must_use]
    pub fn of_this_process() -> Self {
        let variable = |name: &OsStr| std::env::var_os(name);
        let given: Vec<OsString> = std::env::args_os().collect();
        let mut command = variables::without_empty(Self::command(), variable);
        if settings::name_data(&command, &given) {
            command = variables::without(command, SERVICE_URL);
        }
        let set = |name: &OsStr| variable(name).filter(|value| variables::counts(name, value));
        let arguments = settings::with_file(&command, given, &set)
            .unwrap_or_else(|message| command.error(ErrorKind::ValueValidation, message).exit());
        let matches = command
            .try_get_matches_from_mut(&arguments.all)
            .unwrap_or_else(|error| exit_with(&error, &arguments));
        if let Some(serve) =
            matches.subcommand_matches("serve").filter(|serve| serve.get_flag("print_config"))
        {
            let printed = settings::print::print(&Self::command(), serve, &arguments);
            std::process::exit(i32::from(printed.is_err()));
        }
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command and reports its error. The exit code is 0 on success, else 1; wrong usage has
    /// ended the process with 2 before.
    #[must_use]
    pub fn run(self) -> ExitCode {
        failure::report_panics();
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

/// Wrong usage, or help; where the settings file is to blame, it is named.
fn exit_with(error: &clap::Error, arguments: &settings::Arguments) -> ! {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let is_of_file = |flag: &String| argument.split([' ', '=']).next() == Some(&format!("--{flag}"));
    if let Some(path) = arguments.file.as_deref().filter(|_| arguments.of_file.iter().any(is_of_file)) {
        output::note(format_args!("facerec: in the settings file {}:", output::printable(path)));
    }
    error.exit()
}

impl Command {
    fn output_format(&self) -> OutputFormat {
        match self {
            Self::Inspect(_) => OutputFormat::JsonOutput,
            Self::Recognize(args) if args.json => OutputFormat::JsonOutput,
            Self::Attend(args) if args.json => OutputFormat::JsonOutput,
            Self::Audit(args) if args.json => OutputFormat::JsonOutput,
            Self::Enroll(args) if args.json => OutputFormat::JsonOutput,
            Self::Evaluate(args) if args.json => OutputFormat::JsonOutput,
            Self::Bench(args) if args.json => OutputFormat::JsonOutput,
            Self::People(args) if args.json() => OutputFormat::JsonOutput,
            Self::Keys(args) if args.json() => OutputFormat::JsonOutput,
            Self::Models(args) if args.json() => OutputFormat::JsonOutput,
            Self::Doctor(args) if args.json.json => OutputFormat::JsonOutput,
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
            Self::Doctor(args) => &args.models,
            Self::Models(args) => return args.existing_directory(),
            Self::ImportPickle(_)
            | Self::Normalize(_)
            | Self::People(_)
            | Self::Keys(_)
            | Self::Healthcheck(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Migrate(_)
            | Self::Completions(_)
            | Self::Man(_) => return None,
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
            Self::Backup(args) => backup::run(&args),
            Self::Restore(args) => restore::run(&args),
            Self::Migrate(args) => migrate::run(&args),
            Self::Doctor(args) => doctor::run(&args),
            Self::Healthcheck(args) => healthcheck::run(&args),
            Self::Completions(args) => completions::run(&args, &mut Cli::command()),
            Self::Man(args) => man::run(&args, Cli::command()),
        }
    }
}

#[cfg(test)]
mod tests;
