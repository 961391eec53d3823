//! `facerec completions`: the completions of a shell.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::output;

/// The arguments of `facerec completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "For bash: facerec completions bash > ~/.local/share/bash-completion/completions/facerec"
)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints those of the program `root`.
///
/// # Errors
/// When standard output can't be written to.
pub fn run(args: &CompletionsArgs, root: &mut Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, root, "facerec", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}
