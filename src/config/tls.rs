//! TLS as arguments.

use std::path::PathBuf;

use clap::Args;

/// Arguments of TLS.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct TlsArgs {
    /// Certificate chain in PEM, the service's own certificate first: the service then speaks HTTPS; read again when
    /// it changes [default: none: HTTP]
    #[arg(long, env = "FACEREC_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate in PEM, unencrypted and not readable by others; read again when it changes
    #[arg(long, env = "FACEREC_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// The files of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsParams {
    /// The chain, the service's own certificate first.
    pub certificate: PathBuf,
    /// The private key of the service's own certificate.
    pub private_key: PathBuf,
}

impl TlsArgs {
    /// The checked form; `None` for HTTP.
    #[must_use]
    pub fn params(&self) -> Option<TlsParams> {
        Some(TlsParams { certificate: self.tls_cert.clone()?, private_key: self.tls_key.clone()? })
    }
}
