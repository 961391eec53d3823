//! `facerec man`: manual pages, made from the description of the commands.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Command};
use clap_mangen::Man;

use super::output;

/// The arguments of `facerec man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory into which a page for each command is written, created if missing [default: print that of facerec]
    #[arg(long, short, env = "FACEREC_OUTPUT", value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints or writes those of the program `root`.
///
/// # Errors
/// When standard output or a file can't be written.
pub fn run(args: &ManArgs, mut root: Command) -> anyhow::Result<ExitCode> {
    root.build();
    match &args.output {
        None => output::line(String::from_utf8_lossy(&page(&root)?).trim_end())?,
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("the directory {} can't be created", directory.display()))?;
            clap_mangen::generate_to(root, directory)
                .with_context(|| format!("the pages can't be written into {}", directory.display()))?;
            output::line(format_args!("wrote a page for each command into {}", directory.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page)?;
    Ok(page)
}
