//! The `facerec` program: reads the arguments and runs a command.

use std::process::ExitCode;

use clap::Parser;
use facerec::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
