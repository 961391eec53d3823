//! TLS: the certificate and its private key, reread when their files change.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

use crate::config::TlsParams;
use crate::error::{DataError, Operation, Result};
use crate::local_file::{self, Forbidden};
use crate::reloadable::{FileSource, Reloadable};

/// Protocols that are offered within TLS (ALPN, RFC 7301), the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

const CERTIFICATES: FileSource<Vec<CertificateDer<'static>>> =
    FileSource { what: "TLS certificate", read: read_certificates, without_file: None };
const PRIVATE_KEY: FileSource<PrivateKeyDer<'static>> =
    FileSource { what: "TLS private key", read: read_private_key, without_file: None };

/// The certificate chain and private key that new connections are served with.
pub struct Tls {
    certificates: Reloadable<Vec<CertificateDer<'static>>>,
    private_key: Reloadable<PrivateKeyDer<'static>>,
    /// Made of the last pair that fits together. Locked only to clone or to swap the pointer.
    config: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when a file can't be read, holds nothing of its kind, others may read the private
    /// key, or the key is not the certificate's.
    pub fn open(params: &TlsParams) -> Result<Self> {
        let certificates = Reloadable::open(&params.certificate, CERTIFICATES)?;
        let private_key = Reloadable::open(&params.private_key, PRIVATE_KEY)?;
        let config = RwLock::new(config_of(&certificates, &private_key)?);
        Ok(Self { certificates, private_key, config })
    }

    /// Rereads the files that have changed. A new pair is used by new connections; where it is unusable the old one
    /// stays, and the log says why.
    pub fn poll(&self) {
        // Both, always: a renewal writes one after the other.
        let changed = [self.certificates.poll(), self.private_key.poll()];
        if !changed.contains(&true) {
            return;
        }
        match config_of(&self.certificates, &self.private_key) {
            Ok(config) => *self.config.write().unwrap_or_else(PoisonError::into_inner) = config,
            Err(error) => tracing::warn!("{error}; the pair read before is still in use"),
        }
    }

    /// What makes the handshake of a new connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn config_of(
    certificates: &Reloadable<Vec<CertificateDer<'static>>>,
    private_key: &Reloadable<PrivateKeyDer<'static>>,
) -> Result<Arc<ServerConfig>> {
    let (chain, key) = (certificates.current().to_vec(), private_key.current().clone_key());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| {
        let file = format!("the TLS private key {}", private_key.path().display());
        let certificate = certificates.path().display();
        let reason = match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                format!("expected the key of the certificate {certificate}, found that of another one")
            }
            other => format!("it can't serve the certificate {certificate}: {other}"),
        };
        DataError::content(file, Operation::Read, reason)
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
    Ok(Arc::new(config))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let file = format!("the TLS certificate {}", path.display());
    let sections = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let chain: Vec<_> = sections.map_err(|error| unreadable(&file, error))?;
    if chain.is_empty() {
        let reason = "expected PEM with -----BEGIN CERTIFICATE-----, found none";
        return Err(DataError::content(file, Operation::Read, reason));
    }
    Ok(chain)
}

fn read_private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let file = format!("the TLS private key {}", path.display());
    local_file::check_mode(path, Forbidden::ReadAndWrite).map_err(DataError::io(&file, Operation::Read))?;
    PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::NoItemsFound => {
            let reason = "expected PEM with an unencrypted -----BEGIN PRIVATE KEY-----, found none";
            DataError::content(&file, Operation::Read, reason)
        }
        other => unreadable(&file, other),
    })
}

/// The messages of other errors repeat what stands in the file, which may be a key.
fn unreadable(file: &str, error: pem::Error) -> crate::error::Error {
    match error {
        pem::Error::Io(error) if error.kind() != io::ErrorKind::InvalidData => {
            DataError::io(file, Operation::Read)(error)
        }
        _ => DataError::content(file, Operation::Read, "expected PEM, found something else"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    use super::*;

    fn pair(name: &str) -> TlsParams {
        let file = |extension| {
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name).with_extension(extension)
        };
        TlsParams { certificate: file("pem"), private_key: file("key") }
    }

    /// Copies, the key with this mode.
    fn copied(directory: &Path, certificate: &Path, key: &Path, mode: u32) -> TlsParams {
        let copy = |from: &Path, name: &str| -> PathBuf {
            let to = directory.join(name);
            fs::write(&to, fs::read(from).unwrap()).unwrap();
            to
        };
        let params =
            TlsParams { certificate: copy(certificate, "tls.pem"), private_key: copy(key, "tls.key") };
        fs::set_permissions(&params.private_key, Permissions::from_mode(mode)).unwrap();
        params
    }

    fn refusal(params: &TlsParams) -> String {
        Tls::open(params).err().expect("a refusal").to_string()
    }

    #[test]
    fn a_private_key_that_others_may_read_or_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let TlsParams { certificate, private_key } = pair("first");
        for (mode, accepted) in [(0o600, true), (0o640, true), (0o644, false), (0o602, false)] {
            let params = copied(directory.path(), &certificate, &private_key, mode);
            match Tls::open(&params) {
                Ok(_) => assert!(accepted, "{mode:o}"),
                Err(error) => {
                    let expected = format!(
                        "expected a file that others may neither read nor write, found mode {mode:o}"
                    );
                    assert!(!accepted && error.to_string().contains(&expected), "{error}");
                }
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_pair_is_said_and_nothing_of_the_files_is_repeated() {
        let directory = tempfile::tempdir().unwrap();
        let (first, second) = (pair("first"), pair("second"));
        let message = refusal(&copied(directory.path(), &first.certificate, &second.private_key, 0o600));
        assert!(message.contains("expected the key of the certificate"), "{message}");
        assert!(message.ends_with("found that of another one"), "{message}");
        let message = refusal(&copied(directory.path(), &first.private_key, &first.private_key, 0o600));
        assert!(message.ends_with("expected PEM with -----BEGIN CERTIFICATE-----, found none"), "{message}");
        let message = refusal(&copied(directory.path(), &first.certificate, &first.certificate, 0o600));
        assert!(
            message.contains("expected PEM with an unencrypted -----BEGIN PRIVATE KEY-----"),
            "{message}"
        );
        for broken in [
            "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n",
            "-----BEGIN secret\nc2VjcmV0\n",
            "-----BEGIN PRIVATE KEY-----\n!secret!\n-----END PRIVATE KEY-----\n",
        ] {
            let text = directory.path().join("broken");
            fs::write(&text, broken).unwrap();
            let message = refusal(&copied(directory.path(), &first.certificate, &text, 0o600));
            assert!(message.contains("the TLS private key") && message.contains("expected PEM"), "{message}");
            assert!(!message.contains("secret") && !message.contains("c2Vj"), "{message}");
        }
        let gone = TlsParams { private_key: directory.path().join("gone"), ..first };
        assert!(refusal(&gone).contains("can't be read: No such file"), "{}", refusal(&gone));
    }
}
