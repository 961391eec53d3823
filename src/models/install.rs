//! Installs a network that is not shipped: fetch or read it, convert it, test it, and only then put
//! it in place.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::checkpoint::{self, Checkpoint, MAX_CHECKPOINT_BYTES};
use super::download::{self, Patience};
use super::facenet_onnx;
use super::manifest::Entry;
use super::self_test::SelfTest;
use super::sha256;
use super::sidecar::Sidecar;
use crate::atomic_file;
use crate::error::{DataError, Error, ModelError, Operation, Result};
use crate::hex::to_hex;

/// Mode of an installed model: weights that anyone may fetch, for whichever user runs the service.
const MODE: u32 = 0o644;

/// Where a model comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine.
    File(PathBuf),
    /// An `http` or `https` URL.
    Url(String),
}

impl Source {
    /// A URL when it starts like one, else a file.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("http" | "https") => Self::Url(text.to_owned()),
            _ => Self::File(PathBuf::from(text)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => url.fmt(f),
        }
    }
}

/// What an installation is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Fetching: bytes that are there, and how many there will be, where the server says so.
    Downloading(u64, Option<u64>),
    /// Reading the checkpoint and folding batch norm.
    Converting,
    /// Running the self-test.
    Testing,
}

/// An installed model.
#[derive(Debug, Clone, PartialEq)]
pub struct Installed {
    /// The ONNX file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// Cosine similarity of its answer to the known embedding.
    pub cosine: f32,
}

/// Installs one model into one folder.
#[derive(Debug)]
pub struct Installer<'a> {
    /// Which model.
    pub entry: &'a Entry,
    /// Where to; made as needed.
    pub folder: &'a Path,
    /// What the network must pass.
    pub self_test: SelfTest,
    /// For downloads.
    pub patience: Patience,
}

impl Installer<'_> {
    /// Installs the model from `source`: an ONNX file, or a PyTorch checkpoint of either format.
    /// When this fails, the folder is as it was, but for the start of a download that can go on.
    ///
    /// # Errors
    /// [`Error::Model`] when the source can't be had, is no such network, or fails the self-test;
    /// [`Error::Data`] when the folder can't be written.
    pub fn install(&self, source: &Source, on_step: &mut dyn FnMut(Step)) -> Result<Installed> {
        fs::create_dir_all(self.folder).map_err(|reason| self.not_written(self.folder, reason))?;
        match source {
            Source::File(path) => {
                let bytes = read(path)?;
                self.install_bytes(&bytes, source, on_step)
            }
            Source::Url(url) => {
                let partial = self.partial(url);
                download::fetch(url, &partial, MAX_CHECKPOINT_BYTES, self.patience, &mut |got, total| {
                    on_step(Step::Downloading(got, total));
                })?;
                let installed = read(&partial).and_then(|bytes| self.install_bytes(&bytes, source, on_step));
                // Used, or of no use: the next attempt starts anew.
                fs::remove_file(&partial).map_err(|reason| self.not_written(&partial, reason))?;
                installed
            }
        }
    }

    /// Where the download of `url` is kept until it is whole.
    fn partial(&self, url: &str) -> PathBuf {
        let hash = to_hex(&sha256(url.as_bytes()));
        self.folder.join(format!(".{}.{}.part", self.entry.file, hash.get(..16).unwrap_or_default()))
    }

    fn install_bytes(
        &self,
        bytes: &[u8],
        source: &Source,
        on_step: &mut dyn FnMut(Step),
    ) -> Result<Installed> {
        let refused = |reason: Error| {
            let (file, model) = (source.to_string(), self.entry.name.clone());
            Error::from(ModelError::Install { file, model, source: Box::new(reason) })
        };
        let converted;
        let onnx = if checkpoint::is_checkpoint(bytes) {
            on_step(Step::Converting);
            let convert = || facenet_onnx::convert(&mut Checkpoint::open(bytes)?);
            converted = convert().map_err(refused)?;
            &converted
        } else {
            bytes
        };
        on_step(Step::Testing);
        let cosine = self.self_test.run(onnx).map_err(refused)?;
        let path = self.folder.join(&self.entry.file);
        let hash = sha256(onnx);
        let sidecar = Sidecar {
            sha256: to_hex(&hash),
            source: source.to_string(),
            source_sha256: to_hex(&sha256(bytes)),
            replaces_sha256: None,
        };
        self.put_both(&path, onnx, &sidecar)?;
        Ok(Installed { path, sha256: hash, cosine })
    }

    /// Puts a model and its note in place. Whenever this is cut short, the model that is there can be used.
    fn put_both(&self, path: &Path, onnx: &[u8], sidecar: &Sidecar) -> Result<()> {
        let note = Sidecar::path(path);
        // The note first: a model without its note would be refused, a note without its model is nothing.
        // Until the model is replaced, the note is good for the old one, too.
        let between = Sidecar { replaces_sha256: self.usable_hash(path), ..sidecar.clone() };
        self.put(&note, between.to_toml()?.as_bytes())?;
        self.put(path, onnx)?;
        if between == *sidecar {
            return Ok(());
        }
        self.put(&note, sidecar.to_toml()?.as_bytes())
    }

    /// SHA-256 of the model that is there, if it is one that may be used: a note must not make an
    /// altered file good.
    fn usable_hash(&self, path: &Path) -> Option<String> {
        let found = to_hex(&sha256(&read(path).ok()?));
        let noted = Sidecar::beside(path).ok().flatten();
        let known = self.entry.sha256.contains(&found)
            || noted.is_some_and(|noted| noted.hashes().any(|hash| hash == found));
        known.then_some(found)
    }

    fn put(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        atomic_file::replace(path, |file| file.write_all(bytes))
            .and_then(|file| file.set_permissions(Permissions::from_mode(MODE)))
            .map_err(|reason| self.not_written(path, reason))
    }

    fn not_written(&self, path: &Path, reason: std::io::Error) -> Error {
        let file = format!("the {} model {}", self.entry.name, path.display());
        DataError::io(file, Operation::Install)(reason)
    }
}

/// Reads a whole file that is not larger than a checkpoint may be.
fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| ModelError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(MAX_CHECKPOINT_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_CHECKPOINT_BYTES {
        let reason = format!("expected at most {MAX_CHECKPOINT_BYTES} bytes, found more");
        return Err(ModelError::File { path: path.to_owned(), reason }.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_url_or_a_file() {
        assert_eq!(Source::parse("HTTPS://example.org/a.pt"), Source::Url("HTTPS://example.org/a.pt".into()));
        assert_eq!(Source::parse("folder/a.pt"), Source::File("folder/a.pt".into()));
        assert_eq!(Source::parse("C://a.pt"), Source::File("C://a.pt".into()));
    }
}
