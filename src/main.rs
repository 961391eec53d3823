//! The `facerec` program: reads the arguments and runs a command.

use std::process::ExitCode;

use facerec::cli::Cli;

fn main() -> ExitCode {
    Cli::of_this_process().run()
}
