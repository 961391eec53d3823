//! `models/manifest.toml`: what each network is, where it comes from, and the SHA-256 of its file.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::error::{ModelError, Result};

/// The manifest as text. It is compiled in: write access to the models directory does not suffice to change which
/// files are trusted.
const TEXT: &str = include_str!("../../models/manifest.toml");

static MANIFEST: LazyLock<Result<Manifest, String>> = LazyLock::new(|| Manifest::parse(TEXT));

/// Role of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// One of MTCNN's three networks.
    Detector,
    /// A FaceNet: from a face of 160x160 pixels to an embedding of 512 floats.
    Embedder,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name users give: `pnet`, `rnet`, `onet`, `casia`, `vggface2`.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// File name in the models directory.
    pub file: String,
    /// SHA-256 of each valid file, lower-case hexadecimal.
    pub sha256: Vec<String>,
    /// Where the weights come from.
    pub source: String,
    /// SPDX identifier of the weights' licence.
    pub licence: String,
    /// Shape, channel order and range of the input.
    pub input: String,
    /// Shape and meaning of the output.
    pub output: String,
    /// Default threshold of cosine distance, 0 to 2: a match is below it. Embedders only.
    pub default_threshold: Option<f32>,
    /// Where `facerec models install` gets it; `None` for a network that is shipped.
    pub install_from: Option<String>,
}

/// A file of statistics of strangers (`cohort`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StrangersEntry {
    /// The embedder.
    pub model: String,
    /// Crop margin, pixels of the 160-pixel crop.
    pub margin_px: u32,
    /// File name in a models directory.
    pub file: String,
    /// SHA-256 of the file, lower-case hexadecimal.
    pub sha256: String,
    /// Whose faces they were.
    pub source: String,
}

/// All networks, and the statistics that go with them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// In the order of the file.
    #[serde(rename = "model")]
    pub models: Vec<Entry>,
    /// In the order of the file.
    pub strangers: Vec<StrangersEntry>,
}

impl Manifest {
    /// The manifest of this build.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the compiled-in text is invalid, which a test rules out.
    pub fn builtin() -> Result<&'static Self> {
        MANIFEST.as_ref().map_err(|reason| ModelError::Builtin(reason.clone()).into())
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|reason| format!("models/manifest.toml: {reason}"))
    }

    /// The network of this name.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] naming the known ones.
    pub fn entry(&self, name: &str) -> Result<&Entry> {
        self.models.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let known: Vec<_> = self.models.iter().map(|entry| entry.name.as_str()).collect();
            let known = known.join(", ");
            ModelError::NotFound(format!("no model is called \"{name}\"; expected one of {known}")).into()
        })
    }

    /// The embedder of this name.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] naming the known ones.
    pub fn embedder(&self, name: &str) -> Result<&Entry> {
        self.embedders().find(|entry| entry.name == name).ok_or_else(|| {
            let known: Vec<_> = self.embedders().map(|entry| entry.name.as_str()).collect();
            let known = known.join(", ");
            let message = format!("no face embedding model is called \"{name}\"; expected one of {known}");
            ModelError::NotFound(message).into()
        })
    }

    /// The networks that turn a face into an embedding.
    pub fn embedders(&self) -> impl Iterator<Item = &Entry> {
        self.models.iter().filter(|entry| entry.role == Role::Embedder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_manifest_is_whole() {
        let manifest = Manifest::builtin().unwrap();
        let names: Vec<_> = manifest.models.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["pnet", "rnet", "onet", "casia", "vggface2"]);
        for entry in &manifest.models {
            assert!(!entry.sha256.is_empty(), "{} lists no hash", entry.name);
            for hash in &entry.sha256 {
                assert!(hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
            }
            assert_eq!(entry.default_threshold.is_some(), entry.role == Role::Embedder);
            assert_eq!(entry.licence, "MIT");
        }
        let strangers: Vec<_> =
            manifest.strangers.iter().map(|entry| (entry.model.as_str(), entry.margin_px)).collect();
        assert_eq!(strangers, [("vggface2", 32), ("vggface2", 0), ("casia", 32)]);
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let manifest = Manifest::builtin().unwrap();
        assert_eq!(
            manifest.embedder("pnet").unwrap_err().to_string(),
            "no face embedding model is called \"pnet\"; expected one of casia, vggface2"
        );
        assert_eq!(
            manifest.entry("arcface").unwrap_err().to_string(),
            "no model is called \"arcface\"; expected one of pnet, rnet, onet, casia, vggface2"
        );
    }
}
