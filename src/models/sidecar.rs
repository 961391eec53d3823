//! The note that an installation leaves beside a model it made: `facenet-vggface2.toml` beside
//! `facenet-vggface2.onnx`.
//!
//! A converted file has no hash that could be published, since another version of this program may
//! write the same weights in other bytes. The note pins the file that passed the self-test.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{ModelError, Result};

/// What an installation knows of the file it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// SHA-256 of the model's file, lower-case hexadecimal.
    pub sha256: String,
    /// File or URL it was made from.
    pub source: String,
    /// SHA-256 of that.
    pub source_sha256: String,
    /// While the model is being replaced: SHA-256 of the file that is to go, which is as good until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces_sha256: Option<String>,
}

impl Sidecar {
    /// Where the note of a model's file lies.
    #[must_use]
    pub fn path(model: &Path) -> PathBuf {
        model.with_extension("toml")
    }

    /// The note beside a model's file; `None` when there is none.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when it can't be read or is no such note.
    pub fn beside(model: &Path) -> Result<Option<Self>> {
        let path = Self::path(model);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(ModelError::Io { path, source: reason }.into()),
        };
        toml::from_str(&text).map(Some).map_err(|reason| {
            let reason = format!("expected the note of an installed model: {reason}");
            ModelError::File { path, reason }.into()
        })
    }

    /// The hashes that the model's file may have.
    pub fn hashes(self) -> impl Iterator<Item = String> {
        std::iter::once(self.sha256).chain(self.replaces_sha256)
    }

    /// The note as text.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when TOML can't hold it.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self)
            .map_err(|reason| ModelError::Builtin(format!("the note of the model: {reason}")).into())
    }
}
