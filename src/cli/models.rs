//! `facerec models`: which networks there are, whether their files are what they should be, and
//! getting the one that is not shipped.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{self, JsonArgs};
use super::progress::Installation;
use crate::cohort;
use crate::models::ModelStore;
use crate::models::download::RetryPolicy;
use crate::models::install::{Installer, Source};
use crate::models::manifest::{Entry, Role, StrangersEntry};
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
            Action::List { .. } | Action::Verify { .. } => self.models.as_deref(),
        }
    }

    /// Whether JSON is printed.
    pub(super) fn json(&self) -> bool {
        matches!(self.action, Action::List { json } | Action::Verify { json } if json.json)
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all models: path, licence, default threshold, source
    List {
        #[command(flatten)]
        json: JsonArgs,
    },
    /// Compare each installed file with its known SHA-256, and run each embedder's self-test; exit code
    /// 1 when one fails
    Verify {
        #[command(flatten)]
        json: JsonArgs,
    },
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
        Action::List { json } if json.json => list_json(&store)?,
        Action::List { .. } => list(&store)?,
        Action::Verify { json } => return verify(&store, json.json),
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

fn list_json(store: &ModelStore) -> anyhow::Result<()> {
    let model = |entry: &Entry| {
        let role = match entry.role {
            Role::Detector => "detector",
            Role::Embedder => "embedder",
        };
        json!({
            "name": entry.name,
            "role": role,
            "path": store.path(entry),
            "licence": entry.licence,
            "default_threshold": entry.default_threshold,
            "source": entry.source,
        })
    };
    let strangers = |entry: &StrangersEntry| {
        json!({
            "model": entry.model,
            "margin_px": entry.margin_px,
            "path": store.strangers_path(entry),
            "source": entry.source,
        })
    };
    let manifest = store.manifest();
    output::json(&json!({
        "models": manifest.models.iter().map(model).collect::<Vec<_>>(),
        "strangers": manifest.strangers.iter().map(strangers).collect::<Vec<_>>(),
    }))
}

/// What became of the check of one file.
struct Verified {
    name: String,
    /// `None` where it is not installed.
    state: Option<Result<String, String>>,
}

impl Verified {
    fn failed(&self) -> bool {
        matches!(self.state, Some(Err(_)))
    }

    fn json(&self) -> Value {
        let (state, detail) = match &self.state {
            None => ("not_installed", None),
            Some(Ok(detail)) => ("ok", Some(detail)),
            Some(Err(detail)) => ("failed", Some(detail)),
        };
        json!({ "name": self.name, "state": state, "detail": detail })
    }
}

impl std::fmt::Display for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.state {
            None => write!(f, "{:<27} not installed", self.name),
            Some(Ok(detail)) => write!(f, "{:<27} ok: {detail}", self.name),
            Some(Err(detail)) => write!(f, "{:<27} FAILED: {detail}", self.name),
        }
    }
}

fn verify(store: &ModelStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let manifest = store.manifest();
    let models = manifest.models.iter().map(|entry| verify_model(store, entry));
    let all = models.chain(manifest.strangers.iter().map(|entry| verify_strangers(store, entry)));
    let (mut done, mut code) = (Vec::new(), ExitCode::SUCCESS);
    for verified in all {
        if verified.failed() {
            code = ExitCode::FAILURE;
        }
        if as_json {
            done.push(verified.json());
        } else {
            output::line(verified)?;
        }
    }
    if as_json {
        output::json(&json!({ "files": done }))?;
    }
    Ok(code)
}

fn verify_model(store: &ModelStore, entry: &Entry) -> Verified {
    let is_missing = store.path(entry).is_none() && entry.install_from.is_some();
    let state = (!is_missing).then(|| verify_one(store, entry).map_err(|error| error.to_string()));
    Verified { name: entry.name.clone(), state }
}

fn verify_strangers(store: &ModelStore, entry: &StrangersEntry) -> Verified {
    let state = match store.read_strangers(entry) {
        Ok(Some(bytes)) => cohort::file::decode(&bytes)
            .map(|cohort| format!("{} dimensions, from {} people", cohort.dims(), cohort.origin().people)),
        Ok(None) => Err(format!("expected {} in a models directory, found none", entry.file)),
        Err(error) => Err(error.to_string()),
    };
    Verified {
        name: format!("strangers of {} at margin {}", entry.model, entry.margin_px),
        state: Some(state),
    }
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
