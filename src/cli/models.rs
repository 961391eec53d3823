//! `facerec models`: which networks there are, whether their files are what they should be, and
//! getting the one that is not shipped.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::output;
use super::progress::Installation;
use crate::cohort;
use crate::models::ModelStore;
use crate::models::download::RetryPolicy;
use crate::models::install::{Installer, Source};
use crate::models::manifest::{Entry, Role};
use crate::models::self_test::SelfTest;

/// The arguments of `facerec models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
    /// Directory searched first for models; then the user's data directory, then models/ beside the program
    #[arg(long, env = "FACEREC_MODELS", value_name = "DIR", global = true)]
    models: Option<PathBuf>,
}

impl ModelsArgs {
    /// `--models`, for the actions that need it to exist; an installation creates it.
    pub(super) fn existing_directory(&self) -> Option<&Path> {
        match self.action {
            Action::Install { .. } => None,
            Action::List | Action::Verify => self.models.as_deref(),
        }
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all models: path, licence, default threshold, source
    List,
    /// Compare each installed file with its known SHA-256, and run each embedder's self-test; exit code
    /// 1 when one fails
    Verify,
    /// Download a model that is not shipped, convert it, test it, and install it into --models or the
    /// user's data directory
    Install {
        /// Name of the model: vggface2
        name: String,
        /// File or URL of an ONNX file or a PyTorch checkpoint, which is read without running any code in
        /// it [default: the author's release]
        #[arg(long, env = "FACEREC_INSTALL_FROM", value_name = "FILE|URL")]
        from: Option<String>,
    },
}

/// Runs the command.
///
/// # Errors
/// When the manifest is broken, or a model can't be installed.
pub fn run(args: &ModelsArgs) -> anyhow::Result<ExitCode> {
    let store = ModelStore::new(args.models.as_deref())?;
    match &args.action {
        Action::List => list(&store)?,
        Action::Verify => return verify(&store),
        Action::Install { name, from } => install(&store, name, from.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(store: &ModelStore) -> anyhow::Result<()> {
    for entry in &store.manifest().models {
        let place = store.path(entry).map_or("not installed".to_owned(), |path| path.display().to_string());
        let threshold =
            entry.default_threshold.map_or(String::new(), |threshold| format!(", threshold {threshold:.2}"));
        output::line(format_args!(
            "{:<9} {place}\n          {}{threshold}; from {}",
            entry.name, entry.licence, entry.source
        ))?;
    }
    for entry in &store.manifest().strangers {
        let place =
            store.strangers_path(entry).map_or("not installed".to_owned(), |path| path.display().to_string());
        output::line(format_args!(
            "strangers of {} at margin {}: {place}\n          from {}",
            entry.model, entry.margin_px, entry.source
        ))?;
    }
    Ok(())
}

fn verify(store: &ModelStore) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for entry in &store.manifest().models {
        if store.path(entry).is_none() && entry.install_from.is_some() {
            output::line(format_args!("{:<9} not installed", entry.name))?;
            continue;
        }
        match verify_one(store, entry) {
            Ok(state) => output::line(format_args!("{:<9} ok: {state}", entry.name))?,
            Err(error) => {
                output::line(format_args!("{:<9} FAILED: {error}", entry.name))?;
                code = ExitCode::FAILURE;
            }
        }
    }
    for entry in &store.manifest().strangers {
        let name = format!("strangers of {} at margin {}", entry.model, entry.margin_px);
        let state = match store.read_strangers(entry) {
            Ok(Some(bytes)) => cohort::file::decode(&bytes).map(|cohort| {
                format!("ok: {} dimensions, from {} people", cohort.dims(), cohort.origin().people)
            }),
            Ok(None) => Err(format!("expected {} in a models directory, found none", entry.file)),
            Err(error) => Err(error.to_string()),
        };
        if state.is_err() {
            code = ExitCode::FAILURE;
        }
        let state = state.unwrap_or_else(|error| format!("FAILED: {error}"));
        output::line(format_args!("{name}: {state}"))?;
    }
    Ok(code)
}

fn verify_one(store: &ModelStore, entry: &Entry) -> crate::error::Result<String> {
    let file = store.read(entry)?;
    let path = file.path.display();
    match entry.role {
        Role::Detector => Ok(format!("{path}")),
        Role::Embedder => {
            let cosine = SelfTest::of(&entry.name)?.run(&file.bytes)?;
            Ok(format!("{path}, self-test {cosine:.6}"))
        }
    }
}

fn install(store: &ModelStore, name: &str, from: Option<&str>) -> anyhow::Result<()> {
    let entry = store.manifest().entry(name)?;
    let Some(default) = &entry.install_from else {
        let installable = store.manifest().models.iter().filter(|entry| entry.install_from.is_some());
        let names: Vec<_> = installable.map(|entry| entry.name.as_str()).collect();
        bail!("{name} is shipped with facerec; the models to install are: {}", names.join(", "));
    };
    let source = Source::parse(from.unwrap_or(default));
    let installer = Installer {
        entry,
        directory: store.install_directory()?,
        self_test: SelfTest::of(name)?,
        retry: RetryPolicy::default(),
    };
    let mut progress = Installation::new(&output::note);
    let installed = installer.install(&source, &mut |step| progress.show(step));
    progress.finish();
    let installed = installed?;
    output::line(format_args!(
        "installed {} from {source} (self-test {:.6}; licence {}: {})",
        installed.path.display(),
        installed.cosine,
        entry.licence,
        entry.source
    ))
}
