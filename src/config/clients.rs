//! What one client may take, as arguments.

use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;

use super::range::whole;
use crate::clients::proxies::{AddressRange, TrustedProxies};

/// More connections than the service takes from all clients together.
const MAX_CONNECTIONS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// More uploads than there are places for with the longest queue and the most workers.
const MAX_UPLOADS: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// Over which time the speed of an upload is measured: long enough for the pauses of a mobile network.
const UPLOAD_RATE_WINDOW: Duration = Duration::from_secs(10);

/// Arguments about single clients.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct ClientArgs {
    /// Proxy whose `X-Forwarded-For` names the client, an address or a network such as 10.0.0.0/8; several times or
    /// separated by commas [default: none]
    #[arg(long, env = "FACEREC_TRUSTED_PROXIES", value_name = "ADDRESS", value_delimiter = ',',
          value_parser = str::parse::<AddressRange>)]
    pub trusted_proxy: Vec<AddressRange>,
    /// Most connections of one client (IPv4 address or IPv6 /64), trusted proxies excepted; further ones are closed
    /// [default: a quarter of all that the service takes]
    #[arg(long, env = "FACEREC_MAX_CONNECTIONS_PER_CLIENT", value_name = "N",
          value_parser = whole(NonZeroUsize::MIN..=MAX_CONNECTIONS))]
    pub max_connections_per_client: Option<NonZeroUsize>,
    /// Maximum number of photos that one client may be uploading; further ones wait and are then rejected with 503
    /// [default: half of workers and queue together]
    #[arg(long, env = "FACEREC_MAX_UPLOADS_PER_CLIENT", value_name = "N",
          value_parser = whole(NonZeroUsize::MIN..=MAX_UPLOADS))]
    pub max_uploads_per_client: Option<NonZeroUsize>,
    /// Minimum speed of an upload, bytes a second over 10 s; slower ones are rejected with 408; 0 for none
    #[arg(long, env = "FACEREC_MIN_UPLOAD_RATE", value_name = "BYTES", default_value = "1024",
          value_parser = whole(0..=1_000_000_000_u32))]
    pub min_upload_rate: u32,
}

/// The least speed of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadRate {
    /// Bytes a second; 0 for no limit.
    pub bytes_per_s: u32,
    /// The time over which it is measured.
    pub window: Duration,
}

impl UploadRate {
    /// The fewest bytes that must arrive within the window.
    #[must_use]
    pub fn bytes_in_window(self) -> u64 {
        let bytes = u128::from(self.bytes_per_s) * self.window.as_millis() / 1000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// What one client may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientLimits {
    /// Proxies in front of the service.
    pub trusted_proxies: TrustedProxies,
    /// Connections at a time; `None` for a quarter of all.
    pub max_connections: Option<NonZeroUsize>,
    /// Photos being uploaded at a time; `None` for half of all.
    pub max_uploads: Option<NonZeroUsize>,
    /// Minimum speed of an upload.
    pub upload_rate: UploadRate,
}

impl From<&ClientArgs> for ClientLimits {
    fn from(args: &ClientArgs) -> Self {
        Self {
            trusted_proxies: TrustedProxies::new(args.trusted_proxy.clone()),
            max_connections: args.max_connections_per_client,
            max_uploads: args.max_uploads_per_client,
            upload_rate: UploadRate { bytes_per_s: args.min_upload_rate, window: UPLOAD_RATE_WINDOW },
        }
    }
}
