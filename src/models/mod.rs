//! Model files: the list of them ([`manifest`]), their search path, the check of their SHA-256, and the installation
//! of models that are not shipped ([`install`]).

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, ModelError, Result};
use crate::hex::to_hex;

pub mod checkpoint;
pub mod download;
pub mod facenet_onnx;
pub mod install;
pub mod install_record;
mod locate;
pub mod manifest;
pub mod self_test;

use install_record::InstallRecord;
use locate::Environment;
use manifest::{Entry, Manifest, StrangersEntry};

/// The embedder that is shipped with the program.
pub const SHIPPED_EMBEDDER: &str = "casia";

/// Finds model files and reads them, checking their SHA-256.
#[derive(Debug, Clone)]
pub struct ModelStore {
    directories: Vec<PathBuf>,
    install_directory: Option<PathBuf>,
    manifest: &'static Manifest,
}

/// A model file that was read and checked.
#[derive(Debug, Clone)]
pub struct ModelFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Content: an ONNX model.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub sha256: [u8; 32],
}

impl ModelStore {
    /// A store that searches `directory` (`--models`), then the user's data directory, then `models` beside the
    /// executable, then `models` of the package that the executable was built from.
    ///
    /// # Errors
    /// [`Error::Model`] when the compiled-in manifest is invalid, which a test rules out.
    pub fn new(directory: Option<&Path>) -> Result<Self> {
        let environment = Environment::from_process();
        Ok(Self {
            directories: environment.search_path(directory),
            install_directory: directory.map(Path::to_path_buf).or_else(|| environment.user_directory()),
            manifest: Manifest::builtin()?,
        })
    }

    /// The list of known models.
    #[must_use]
    pub fn manifest(&self) -> &'static Manifest {
        self.manifest
    }

    /// The search path, in order.
    #[must_use]
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Where models are installed: `--models`, else the user's data directory.
    ///
    /// # Errors
    /// [`Error::Model`] when there is neither.
    pub fn install_directory(&self) -> Result<&Path> {
        self.install_directory.as_deref().ok_or_else(|| {
            let message =
                "no directory to install into: expected --models DIR, $XDG_DATA_HOME or $HOME, found none";
            ModelError::NotFound(message.to_owned()).into()
        })
    }

    /// The three networks of MTCNN, in the order P-Net, R-Net, O-Net, as ONNX.
    ///
    /// # Errors
    /// [`Error::Model`] when one is missing or altered.
    pub fn detector(&self) -> Result<[Vec<u8>; 3]> {
        let read = |name| Ok::<_, Error>(self.read(self.manifest.entry(name)?)?.bytes);
        Ok([read("pnet")?, read("rnet")?, read("onet")?])
    }

    /// An embedder as ONNX, and the SHA-256 of its file.
    ///
    /// # Errors
    /// [`Error::Model`] when there is no such model, or it is missing or altered.
    pub fn embedder(&self, name: &str) -> Result<(Vec<u8>, [u8; 32])> {
        let file = self.read(self.manifest.embedder(name)?)?;
        Ok((file.bytes, file.sha256))
    }

    /// Whether the file of this model exists. Its content is not checked.
    #[must_use]
    pub fn installed(&self, name: &str) -> bool {
        self.manifest.entry(name).is_ok_and(|entry| self.path(entry).is_some())
    }

    /// Path of the file of this model; `None` if it is in no directory of the search path.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> Option<PathBuf> {
        locate::find(&self.directories, &entry.file)
    }

    /// Reads the file of a model and checks its SHA-256 against the manifest, and against the install record of an
    /// installed model.
    ///
    /// # Errors
    /// [`Error::Model`] with the search path when the file is missing, and with both checksums when it is
    /// altered.
    pub fn read(&self, entry: &Entry) -> Result<ModelFile> {
        let path = self.path(entry).ok_or_else(|| self.missing(entry))?;
        let bytes = fs::read(&path).map_err(|source| ModelError::Io { path: path.clone(), source })?;
        let sha256 = sha256(&bytes);
        let found = to_hex(&sha256);
        let mut expected = entry.sha256.clone();
        if entry.install_from.is_some() && !expected.contains(&found) {
            expected.extend(InstallRecord::beside(&path)?.into_iter().flat_map(InstallRecord::hashes));
        }
        if expected.contains(&found) {
            Ok(ModelFile { path, bytes, sha256 })
        } else {
            let (model, expected) = (entry.name.clone(), expected.join(" or "));
            let advice = match entry.install_from {
                Some(_) => format!("`facerec models install {model}` fetches it anew"),
                None => put_back(&entry.file),
            };
            Err(ModelError::Altered { path, model, expected, found, advice }.into())
        }
    }

    /// Where this file of statistics lies, if anywhere.
    #[must_use]
    pub fn strangers_path(&self, entry: &StrangersEntry) -> Option<PathBuf> {
        locate::find(&self.directories, &entry.file)
    }

    /// Reads a file of statistics of strangers and checks it against the manifest; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Model`] when it can't be read or is altered.
    pub fn read_strangers(&self, entry: &StrangersEntry) -> Result<Option<Vec<u8>>> {
        let Some(path) = self.strangers_path(entry) else { return Ok(None) };
        let bytes = fs::read(&path).map_err(|source| ModelError::Io { path: path.clone(), source })?;
        let found = to_hex(&sha256(&bytes));
        if found == entry.sha256 {
            return Ok(Some(bytes));
        }
        let (model, expected) = (format!("strangers of {}", entry.model), entry.sha256.clone());
        Err(ModelError::Altered { path, model, expected, found, advice: put_back(&entry.file) }.into())
    }

    fn missing(&self, entry: &Entry) -> Error {
        let directories: Vec<_> =
            self.directories.iter().map(|directory| directory.display().to_string()).collect();
        let hint = if entry.install_from.is_some() {
            format!("; `facerec models install {}` fetches it", entry.name)
        } else {
            String::new()
        };
        ModelError::NotFound(format!(
            "the {} model is not installed: expected {} in one of {}, found it in none{hint}",
            entry.name,
            entry.file,
            directories.join(", ")
        ))
        .into()
    }
}

/// What helps against an altered file of the package.
fn put_back(file: &str) -> String {
    format!("put the {file} of the package there, or take it away where another directory of models has it")
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that looks into `directory` and nowhere else.
    fn only(directory: &Path) -> ModelStore {
        ModelStore {
            directories: vec![directory.to_path_buf()],
            install_directory: Some(directory.to_path_buf()),
            manifest: Manifest::builtin().unwrap(),
        }
    }

    /// The install record of a model file with this content.
    fn record_of(content: &[u8]) -> InstallRecord {
        InstallRecord {
            sha256: to_hex(&sha256(content)),
            source: "here".into(),
            source_sha256: "00".into(),
            replaces_sha256: None,
        }
    }

    #[test]
    fn the_shipped_networks_are_found_and_right() {
        let store = ModelStore::new(None).unwrap();
        for bytes in store.detector().unwrap() {
            assert!(bytes.len() > 20_000);
        }
        let (bytes, hash) = store.embedder(SHIPPED_EMBEDDER).unwrap();
        assert_eq!(sha256(&bytes), hash);
    }

    #[test]
    fn a_missing_network_is_an_error_that_says_where_it_was_looked_for() {
        let store = only(Path::new("/nowhere/models"));
        assert!(!store.installed("vggface2"));
        assert_eq!(
            store.embedder("vggface2").unwrap_err().to_string(),
            "the vggface2 model is not installed: expected facenet-vggface2.onnx in one of /nowhere/models, \
             found it in none; `facerec models install vggface2` fetches it"
        );
    }

    #[test]
    fn an_altered_network_is_an_error_with_both_hashes() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("pnet.onnx"), b"altered").unwrap();
        let message = only(directory.path()).detector().unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "{}/pnet.onnx is not the pnet model it should be: expected SHA-256 \
                 823855368c3ae5053ce4162d07ed872da5f3dc94997e79a09053969a8ab7d171, found {}; put the pnet.onnx of the package \
                 there, or take it away where another directory of models has it",
                directory.path().display(),
                to_hex(&sha256(b"altered"))
            )
        );
    }

    #[test]
    fn an_installed_network_is_held_against_its_record() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("facenet-vggface2.onnx");
        fs::write(&path, b"converted").unwrap();
        let record = record_of(b"converted");
        fs::write(InstallRecord::path(&path), record.to_toml().unwrap()).unwrap();
        let store = only(directory.path());
        assert_eq!(store.embedder("vggface2").unwrap().0, b"converted");

        let replaces_sha256 = Some(to_hex(&sha256(b"the old one")));
        let between = InstallRecord { replaces_sha256, ..record.clone() };
        fs::write(InstallRecord::path(&path), between.to_toml().unwrap()).unwrap();
        for good in ["converted", "the old one"] {
            fs::write(&path, good).unwrap();
            assert_eq!(store.embedder("vggface2").unwrap().0, good.as_bytes());
        }

        fs::write(&path, b"altered").unwrap();
        let message = store.embedder("vggface2").unwrap_err().to_string();
        assert!(message.contains(&record.sha256), "{message}");
    }

    #[test]
    fn no_record_vouches_for_a_shipped_network() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pnet.onnx");
        fs::write(&path, b"altered").unwrap();
        let record = record_of(b"altered");
        fs::write(InstallRecord::path(&path), record.to_toml().unwrap()).unwrap();
        assert!(only(directory.path()).detector().is_err());
    }
}
