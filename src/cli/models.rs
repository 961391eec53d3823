//! `facerec models`: which networks there are, and whether their files are what they should be.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::models::ModelStore;

/// The arguments of `facerec models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
    /// Folder looked in first for models; then the user's data folder, then models/ beside the program
    #[arg(long, env = "FACEREC_MODELS", value_name = "DIR", global = true)]
    models: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Each network, where it lies, and its licence
    List,
    /// Hold each file that is there against its known SHA-256; exit code 1 when one is altered
    Verify,
}

/// Runs the command.
///
/// # Errors
/// When the manifest is broken.
pub fn run(args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    let store = ModelStore::new(args.models.as_deref())?;
    match args.action {
        Action::List => list(&store),
        Action::Verify => return Ok(verify(&store)),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(store: &ModelStore) {
    for entry in &store.manifest().models {
        let place = store.path(entry).map_or("not installed".to_owned(), |path| path.display().to_string());
        println!("{:<9} {:<8} {place}", entry.name, entry.licence);
    }
}

fn verify(store: &ModelStore) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for entry in &store.manifest().models {
        if store.path(entry).is_none() && entry.install_from.is_some() {
            println!("{:<9} not installed", entry.name);
            continue;
        }
        match store.read(entry) {
            Ok(file) => println!("{:<9} ok: {}", entry.name, file.path.display()),
            Err(error) => {
                println!("{:<9} {error}", entry.name);
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
