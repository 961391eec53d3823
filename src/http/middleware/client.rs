//! The client of a request: its address, also behind a trusted proxy.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderName;
use axum::middleware::Next;
use axum::response::Response;

use crate::clients::network::ClientNetwork;
use crate::clients::proxies::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of a request's client, among its extensions.
#[derive(Debug, Clone, Copy)]
struct ClientAddress(IpAddr);

/// Middleware: notes who the client is, for [`address`] and [`network`].
pub async fn identify(
    State(proxies): State<Arc<TrustedProxies>>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let forwarded = request.headers().get_all(X_FORWARDED_FOR).iter();
        // What is no text is no address either.
        let forwarded = forwarded.map(|value| value.to_str().unwrap_or_default());
        let address = proxies.client(peer.ip(), forwarded);
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

/// The client's address; `None` for a request that came over no socket.
#[must_use]
pub fn address(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ClientAddress>().map(|client| client.0)
}

/// As what the client is counted.
#[must_use]
pub fn network(request: &Request) -> ClientNetwork {
    ClientNetwork::of(address(request))
}
