//! The record of an installation, a TOML file beside the model: `facenet-vggface2.toml` beside
//! `facenet-vggface2.onnx`.
//!
//! The SHA-256 of a converted file cannot be published: another version of this program may write the same weights
//! as other bytes. The record pins the file that passed the self-test.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{ModelError, Result};

/// Checksum and origin of an installed model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallRecord {
    /// SHA-256 of the model's file, lower-case hexadecimal.
    pub sha256: String,
    /// File or URL that it was converted from.
    pub source: String,
    /// SHA-256 of the source file.
    pub source_sha256: String,
    /// While the model is being replaced: SHA-256 of the previous file, which stays valid until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces_sha256: Option<String>,
}

impl InstallRecord {
    /// Path of the record of the model file `model`.
    #[must_use]
    pub fn path(model: &Path) -> PathBuf {
        model.with_extension("toml")
    }

    /// Reads the record beside the model file `model`; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the file can't be read or is not a record.
    pub fn beside(model: &Path) -> Result<Option<Self>> {
        let path = Self::path(model);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(reason) if reason.kind() == ErrorKind::NotFound => return Ok(None),
            Err(reason) => return Err(ModelError::Io { path, source: reason }.into()),
        };
        toml::from_str(&text).map(Some).map_err(|reason| {
            let reason = format!("expected the install record of a model: {reason}");
            ModelError::File { path, reason }.into()
        })
    }

    /// The valid checksums of the model file.
    pub fn hashes(self) -> impl Iterator<Item = String> {
        std::iter::once(self.sha256).chain(self.replaces_sha256)
    }

    /// The record as TOML.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when it can't be serialised.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|reason| {
            ModelError::Builtin(format!("the install record of the model: {reason}")).into()
        })
    }
}
