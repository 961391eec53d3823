//! The certificates of `tests/tls` as a service reads them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A directory with a certificate and its private key.
pub struct Pair(tempfile::TempDir);

/// A file of `tests/tls`.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

impl Pair {
    /// The first one.
    pub fn first() -> Self {
        let pair = Self(tempfile::tempdir().unwrap());
        pair.replace("first.pem", "first.key");
        pair
    }

    /// Puts these files of `tests/tls` in the place of the certificate and the key, whole, one after the other.
    pub fn replace(&self, certificate: &str, key: &str) {
        for (name, to) in [(certificate, self.certificate()), (key, self.private_key())] {
            let new = to.with_extension("new");
            fs::write(&new, fs::read(file(name)).unwrap()).unwrap();
            fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
            fs::rename(new, to).unwrap();
        }
    }

    pub fn certificate(&self) -> PathBuf {
        self.0.path().join("tls.pem")
    }

    pub fn private_key(&self) -> PathBuf {
        self.0.path().join("tls.key")
    }

    /// The arguments of `facerec serve`.
    pub fn arguments(&self) -> [String; 4] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        ["--tls-cert".to_owned(), text(self.certificate()), "--tls-key".to_owned(), text(self.private_key())]
    }
}
