//! The networks' files: which there are ([`manifest`]), where they lie, whether they are what they
//! should be, and how one that is not shipped gets here.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, ModelError, Result};
use crate::hex::to_hex;

pub mod checkpoint;
pub mod download;
pub mod facenet_onnx;
pub mod install;
mod locate;
pub mod manifest;
pub mod self_test;
pub mod sidecar;

use locate::Surroundings;
use manifest::{Entry, Manifest};
use sidecar::Sidecar;

/// The embedder that is shipped, and so always there.
pub const SHIPPED_EMBEDDER: &str = "casia";

/// Finds the networks' files and reads them after checking their SHA-256.
#[derive(Debug, Clone)]
pub struct ModelStore {
    folders: Vec<PathBuf>,
    install_folder: Option<PathBuf>,
    manifest: &'static Manifest,
}

/// A network's file that was found and read.
#[derive(Debug, Clone)]
pub struct ModelFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The ONNX file.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes`.
    pub sha256: [u8; 32],
}

impl ModelStore {
    /// A store that searches `folder` (`--models`), then the user's data folder, then `models`
    /// beside the binary, then `models` of the package it was built from.
    ///
    /// # Errors
    /// [`Error::Model`] when the manifest compiled in is broken, which a test rules out.
    pub fn new(folder: Option<&Path>) -> Result<Self> {
        let surroundings = Surroundings::of_this_process();
        Ok(Self {
            folders: surroundings.search_path(folder),
            install_folder: folder.map(Path::to_path_buf).or_else(|| surroundings.user_folder()),
            manifest: Manifest::builtin()?,
        })
    }

    /// The networks there are.
    #[must_use]
    pub fn manifest(&self) -> &'static Manifest {
        self.manifest
    }

    /// The folders that are searched, first to last.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Where a new model goes: the folder asked for, else the user's data folder.
    ///
    /// # Errors
    /// [`Error::Model`] when there is neither.
    pub fn install_folder(&self) -> Result<&Path> {
        self.install_folder.as_deref().ok_or_else(|| {
            let message =
                "there is no folder to install into: expected --models DIR, $XDG_DATA_HOME or $HOME, found none";
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

    /// A FaceNet as ONNX, and the SHA-256 of its file.
    ///
    /// # Errors
    /// [`Error::Model`] when there is no such model, or it is missing or altered.
    pub fn embedder(&self, name: &str) -> Result<(Vec<u8>, [u8; 32])> {
        let file = self.read(self.manifest.embedder(name)?)?;
        Ok((file.bytes, file.sha256))
    }

    /// Whether the file of this model is there. Says nothing of its content.
    #[must_use]
    pub fn installed(&self, name: &str) -> bool {
        self.manifest.entry(name).is_ok_and(|entry| self.path(entry).is_some())
    }

    /// Where the file of this model lies, if anywhere.
    #[must_use]
    pub fn path(&self, entry: &Entry) -> Option<PathBuf> {
        locate::find(&self.folders, &entry.file)
    }

    /// Reads the file of a model and checks it against the manifest, or against what its
    /// installation noted.
    ///
    /// # Errors
    /// [`Error::Model`] saying where was searched when it is missing, and what was expected and
    /// found when it is altered.
    pub fn read(&self, entry: &Entry) -> Result<ModelFile> {
        let path = self.path(entry).ok_or_else(|| self.missing(entry))?;
        let bytes = fs::read(&path).map_err(|source| ModelError::Io { path: path.clone(), source })?;
        let sha256 = sha256(&bytes);
        let found = to_hex(&sha256);
        let mut expected = entry.sha256.clone();
        if entry.install_from.is_some() && !expected.contains(&found) {
            expected.extend(Sidecar::beside(&path)?.into_iter().flat_map(Sidecar::hashes));
        }
        if expected.contains(&found) {
            Ok(ModelFile { path, bytes, sha256 })
        } else {
            let (model, expected) = (entry.name.clone(), expected.join(" or "));
            Err(ModelError::Altered { path, model, expected, found }.into())
        }
    }

    fn missing(&self, entry: &Entry) -> Error {
        let folders: Vec<_> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
        let hint = if entry.install_from.is_some() {
            format!("; `facerec models install {}` fetches it", entry.name)
        } else {
            String::new()
        };
        ModelError::NotFound(format!(
            "the {} model is not installed: expected {} in one of {}, found it in none{hint}",
            entry.name,
            entry.file,
            folders.join(", ")
        ))
        .into()
    }
}

/// SHA-256 of `bytes`.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store that looks into `folder` and nowhere else.
    fn only(folder: &Path) -> ModelStore {
        ModelStore {
            folders: vec![folder.to_path_buf()],
            install_folder: Some(folder.to_path_buf()),
            manifest: Manifest::builtin().unwrap(),
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
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pnet.onnx"), b"altered").unwrap();
        let message = only(folder.path()).detector().unwrap_err().to_string();
        assert_eq!(
            message,
            format!(
                "{}/pnet.onnx is not the pnet model it should be: expected SHA-256 \
                 823855368c3ae5053ce4162d07ed872da5f3dc94997e79a09053969a8ab7d171, found {}",
                folder.path().display(),
                to_hex(&sha256(b"altered"))
            )
        );
    }

    #[test]
    fn an_installed_network_is_held_against_its_sidecar() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facenet-vggface2.onnx");
        fs::write(&path, b"converted").unwrap();
        let sidecar = Sidecar {
            sha256: to_hex(&sha256(b"converted")),
            source: "here".into(),
            source_sha256: "00".into(),
            replaces_sha256: None,
        };
        fs::write(Sidecar::path(&path), sidecar.to_toml().unwrap()).unwrap();
        let store = only(folder.path());
        assert_eq!(store.embedder("vggface2").unwrap().0, b"converted");

        let replaces_sha256 = Some(to_hex(&sha256(b"the old one")));
        let between = Sidecar { replaces_sha256, ..sidecar.clone() };
        fs::write(Sidecar::path(&path), between.to_toml().unwrap()).unwrap();
        for good in ["converted", "the old one"] {
            fs::write(&path, good).unwrap();
            assert_eq!(store.embedder("vggface2").unwrap().0, good.as_bytes());
        }

        fs::write(&path, b"altered").unwrap();
        let message = store.embedder("vggface2").unwrap_err().to_string();
        assert!(message.contains(&sidecar.sha256), "{message}");
    }

    #[test]
    fn no_sidecar_vouches_for_a_shipped_network() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pnet.onnx");
        fs::write(&path, b"altered").unwrap();
        let sidecar = Sidecar {
            sha256: to_hex(&sha256(b"altered")),
            source: "here".into(),
            source_sha256: "00".into(),
            replaces_sha256: None,
        };
        fs::write(Sidecar::path(&path), sidecar.to_toml().unwrap()).unwrap();
        assert!(only(folder.path()).detector().is_err());
    }
}
