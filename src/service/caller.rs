//! Identity of the caller, task-local, for the access log.
//!
//! A transport runs each request within [`called_by`]; every method of the service below it then knows its caller,
//! whichever handler called it, and no handler can forget to say who it was. Work outside of a request is the
//! program's own.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use crate::clients::network::ClientNetwork;

tokio::task_local! {
    static CALLER: Arc<Caller>;
}

/// Who makes a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// `X-Request-Id`.
    pub request_id: Option<String>,
    /// Name of the API key; `None` where none was needed.
    pub key: Option<String>,
    /// Address of the client, behind a trusted proxy the one that the proxy names; `None` for the program itself.
    pub client: Option<IpAddr>,
}

/// What the access log and closed sessions have in place of a key's name for what the service does by itself.
pub(super) const OWN_NAME: &str = "service";

impl Caller {
    /// The service, for what it does by itself.
    pub(super) fn own() -> Self {
        Self { key: Some(OWN_NAME.to_owned()), ..Self::default() }
    }

    /// As what its client is counted in the queue.
    pub(super) fn network(&self) -> ClientNetwork {
        ClientNetwork::of(self.client)
    }
}

/// Runs `request` on behalf of `caller`.
pub async fn called_by<F: Future>(caller: Caller, request: F) -> F::Output {
    CALLER.scope(Arc::new(caller), request).await
}

/// Who called, to be asked in the request's own task.
pub(super) fn current() -> Arc<Caller> {
    CALLER.try_with(Arc::clone).unwrap_or_default()
}
