//! Installs a model that is not shipped: downloads or reads it, converts it to ONNX, runs the self-test, and then
//! moves it into place.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::checkpoint::{self, Checkpoint, MAX_CHECKPOINT_BYTES};
use super::download::{self, RetryPolicy};
use super::facenet_onnx;
use super::install_record::InstallRecord;
use super::manifest::Entry;
use super::self_test::SelfTest;
use super::sha256;
use crate::atomic_file;
use crate::error::{DataError, Error, ModelError, Operation, Result};
use crate::hex::to_hex;

/// File mode of an installed model: readable by whichever user runs the service; the weights are public.
const MODE: u32 = 0o644;

/// Source of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file on this machine.
    File(PathBuf),
    /// An `http` or `https` URL.
    Url(String),
}

impl Source {
    /// A URL if `text` starts with `http://` or `https://`, else a path.
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

/// Progress of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Downloading: bytes received, and the total if the server announced it.
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
    /// Cosine similarity of its self-test embedding to the reference.
    pub cosine: f32,
}

/// Installation of one model into one directory.
#[derive(Debug)]
pub struct Installer<'a> {
    /// The model.
    pub entry: &'a Entry,
    /// Target directory; created if missing.
    pub directory: &'a Path,
    /// The test that the network must pass.
    pub self_test: SelfTest,
    /// Retries of downloads.
    pub retry: RetryPolicy,
}

impl Installer<'_> {
    /// Installs the model from `source`: an ONNX file, or a PyTorch checkpoint of either format.
    /// On failure the directory is unchanged, except for a partial download that can be resumed.
    ///
    /// # Errors
    /// [`Error::Model`] when the source can't be read, is not that network, or fails the self-test;
    /// [`Error::Data`] when the directory can't be written.
    pub fn install(&self, source: &Source, on_step: &mut dyn FnMut(Step)) -> Result<Installed> {
        fs::create_dir_all(self.directory).map_err(|reason| self.not_written(self.directory, reason))?;
        match source {
            Source::File(path) => {
                let bytes = read(path)?;
                self.install_bytes(&bytes, source, on_step)
            }
            Source::Url(url) => {
                let partial = self.partial(url);
                download::fetch(url, &partial, MAX_CHECKPOINT_BYTES, self.retry, &mut |got, total| {
                    on_step(Step::Downloading(got, total));
                })?;
                let installed = read(&partial).and_then(|bytes| self.install_bytes(&bytes, source, on_step));
                // Installed or refused: either way the partial file is not needed again.
                fs::remove_file(&partial).map_err(|reason| self.not_written(&partial, reason))?;
                installed
            }
        }
    }

    /// Path of the partial file of a download of `url`.
    fn partial(&self, url: &str) -> PathBuf {
        let hash = to_hex(&sha256(url.as_bytes()));
        self.directory.join(format!(".{}.{}.part", self.entry.file, hash.get(..16).unwrap_or_default()))
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
        let path = self.directory.join(&self.entry.file);
        let hash = sha256(onnx);
        let record = InstallRecord {
            sha256: to_hex(&hash),
            source: source.to_string(),
            source_sha256: to_hex(&sha256(bytes)),
            replaces_sha256: None,
        };
        self.replace_both(&path, onnx, &record)?;
        Ok(Installed { path, sha256: hash, cosine })
    }

    /// Writes a model and its record. Interrupted at any point, the model in the directory stays usable.
    fn replace_both(&self, path: &Path, onnx: &[u8], record: &InstallRecord) -> Result<()> {
        let record_path = InstallRecord::path(path);
        // The record first: a model without a record would be refused. Until the model is replaced, the record is
        // valid for the previous file, too.
        let between = InstallRecord { replaces_sha256: self.usable_hash(path), ..record.clone() };
        self.replace(&record_path, between.to_toml()?.as_bytes())?;
        self.replace(path, onnx)?;
        if between == *record {
            return Ok(());
        }
        self.replace(&record_path, record.to_toml()?.as_bytes())
    }

    /// SHA-256 of the present model file, if it is valid: a new record must not make an altered file valid.
    fn usable_hash(&self, path: &Path) -> Option<String> {
        let found = to_hex(&sha256(&read(path).ok()?));
        let recorded = InstallRecord::beside(path).ok().flatten();
        let known = self.entry.sha256.contains(&found)
            || recorded.is_some_and(|recorded| recorded.hashes().any(|hash| hash == found));
        known.then_some(found)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        atomic_file::replace(path, |file| file.write_all(bytes))
            .and_then(|file| file.set_permissions(Permissions::from_mode(MODE)))
            .map_err(|reason| self.not_written(path, reason))
    }

    fn not_written(&self, path: &Path, reason: std::io::Error) -> Error {
        let file = format!("the {} model {}", self.entry.name, path.display());
        DataError::io(file, Operation::Install)(reason)
    }
}

/// Reads a file of at most [`MAX_CHECKPOINT_BYTES`].
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
        assert_eq!(Source::parse("directory/a.pt"), Source::File("directory/a.pt".into()));
        assert_eq!(Source::parse("C://a.pt"), Source::File("C://a.pt".into()));
    }
}
