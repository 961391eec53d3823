//! The `facerec` program: reads the arguments, runs a command, reports its end.

use std::process::ExitCode;

use clap::Parser;
use facerec::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("facerec: {error:#}");
            ExitCode::FAILURE
        }
    }
}
