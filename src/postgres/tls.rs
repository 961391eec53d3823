//! TLS to the database: which server is believed.

use std::path::Path;
use std::sync::Arc;

use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{DataError, Operation, Result};

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// Not at all.
    Disable,
    /// Encrypted, but the server is not authenticated.
    Require,
    /// Encrypted, to a server with a certificate of its name.
    VerifyFull,
}

/// What makes the handshakes. `ca_file` is needed with [`TlsMode::VerifyFull`].
///
/// # Errors
/// [`Error::Data`](crate::error::Error::Data) without a file of authorities, or for one that can't be read.
pub(super) fn connector(mode: TlsMode, ca_file: Option<&Path>) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| DataError::Invalid(error.to_string()))?;
    let config = match mode {
        TlsMode::VerifyFull => builder.with_root_certificates(authorities(ca_file)?).with_no_client_auth(),
        TlsMode::Disable | TlsMode::Require => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
            .with_no_client_auth(),
    };
    Ok(MakeRustlsConnect::new(config))
}

/// Whether a handshake ended because the server's certificate is not believed.
pub(super) fn is_untrusted(error: &std::io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

fn authorities(ca_file: Option<&Path>) -> Result<RootCertStore> {
    let none = || {
        let message = "sslmode=verify-full: expected --database-ca-file with the certificate of the authority that vouches for \
                       the database server, found none";
        DataError::Invalid(message.to_owned())
    };
    let path = ca_file.ok_or_else(none)?;
    let file = format!("the file of certificate authorities {}", path.display());
    let unreadable = |reason: String| DataError::content(&file, Operation::Read, reason);
    let read =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>);
    let mut store = RootCertStore::empty();
    for certificate in read.map_err(|error| unreadable(error.to_string()))? {
        store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(unreadable("expected PEM with -----BEGIN CERTIFICATE-----, found none".to_owned()));
    }
    Ok(store)
}

/// Takes any certificate, but only from a server that has its key.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
