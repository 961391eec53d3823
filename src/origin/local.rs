//! Whether a request comes from the service's own machine and is not forged by a web page.
//!
//! The peer's address alone is not enough: a page open in a browser on this machine has it, too (`page`). A request that
//! a proxy has forwarded (`Forwarded`, `X-Forwarded-*`, `Via`) is never local: the peer is the proxy, and what it says of
//! the client may be forged.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::HeaderName;

use super::page;

/// Headers that only proxies add, besides all that begin with `x-forwarded-`.
const PROXY_HEADERS: [&str; 2] = ["forwarded", "via"];

/// # Errors
/// Why the request is not taken for one of this machine: what was expected and found.
pub fn check(request: &Request) -> Result<(), String> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    if !peer.is_some_and(is_loopback) {
        return Err("the request comes from another one".to_owned());
    }
    if let Some(header) = proxy_header(request) {
        return Err(format!("expected a direct request, found one forwarded by a proxy (header {header})"));
    }
    let hosts = page::hosts(request)?;
    if let Some(host) = hosts.iter().find(|host| !names_this_machine(host.host())) {
        return Err(format!("expected localhost or a loopback address as the host, found {:?}", host.host()));
    }
    page::check(request, &hosts, |_| false)
}

/// The name of the first header that a proxy has added.
fn proxy_header(request: &Request) -> Option<&str> {
    let mut names = request.headers().keys().map(HeaderName::as_str);
    names.find(|name| PROXY_HEADERS.contains(name) || name.starts_with("x-forwarded-"))
}

/// Also for an IPv4 address that an IPv6 socket sees (`::ffff:127.0.0.1`).
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn names_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::HeaderValue;

    use super::*;

    fn request(peer: &str, headers: &[(&'static str, &str)]) -> Request {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 40_000)));
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    fn passes(peer: &str, headers: &[(&'static str, &str)]) -> bool {
        check(&request(peer, headers)).is_ok()
    }

    #[test]
    fn only_loopback_peers_pass_whatever_a_proxy_says() {
        for peer in ["127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"] {
            assert!(passes(peer, &[("host", "localhost:5000")]), "{peer}");
        }
        for peer in ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "0.0.0.0", "::", "::127.0.0.1"] {
            let forwarded = ("x-forwarded-for", "127.0.0.1");
            let headers = [("host", "localhost:5000"), forwarded, ("forwarded", "for=127.0.0.1")];
            assert!(!passes(peer, &headers), "{peer}");
        }
        assert!(check(&Request::new(Body::empty())).is_err(), "whose socket is unknown");
    }

    #[test]
    fn a_request_that_a_proxy_forwarded_is_never_local() {
        let host = ("host", "localhost:5000");
        for proxy in [
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=127.0.0.1"),
            ("via", "1.1 proxy"),
        ] {
            assert!(!passes("127.0.0.1", &[host, proxy]), "{proxy:?}");
        }
        assert!(passes("127.0.0.1", &[host, ("x-request-id", "1")]));
    }

    #[test]
    fn a_name_that_somebody_else_points_to_this_machine_is_refused() {
        for host in ["localhost", "LocalHost:5000", "127.0.0.1:5000", "[::1]:5000", "127.1.2.3"] {
            assert!(passes("127.0.0.1", &[("host", host)]), "{host}");
        }
        for host in [
            "attacker.example",
            "attacker.example:5000",
            "localhost.attacker.example",
            "127.0.0.1.attacker.example",
            "attacker.example@127.0.0.1.example",
            "10.0.0.1:5000",
            "0.0.0.0:5000",
            "",
            "local host",
        ] {
            assert!(!passes("127.0.0.1", &[("host", host)]), "{host}");
        }
        assert!(!passes("127.0.0.1", &[("host", "localhost"), ("host", "attacker.example")]));
        assert!(passes("127.0.0.1", &[]), "no browser");
        let mut http2 = request("127.0.0.1", &[]);
        *http2.uri_mut() = "http://attacker.example/v1/people".parse().unwrap();
        assert!(check(&http2).is_err());
        *http2.uri_mut() = "http://localhost:5000/v1/people".parse().unwrap();
        check(&http2).unwrap();
    }

    #[test]
    fn pages_of_other_origins_are_refused_and_the_services_own_passes() {
        let host = ("host", "localhost:5000");
        for own in ["http://localhost:5000", "https://localhost:5000"] {
            assert!(passes("::1", &[host, ("origin", own), ("sec-fetch-site", "same-origin")]), "{own}");
        }
        for other in [
            "https://attacker.example",
            "http://localhost:3000",
            "http://localhost",
            "null",
            "",
            "localhost:5000",
        ] {
            assert!(!passes("::1", &[host, ("origin", other)]), "{other:?}");
        }
        assert!(!passes("::1", &[("origin", "http://localhost:5000")]), "an origin, but no host");
        assert!(passes("::1", &[host, ("sec-fetch-site", "none")]), "an address typed in");
        for site in ["cross-site", "same-site", "anything"] {
            assert!(!passes("::1", &[host, ("sec-fetch-site", site)]), "{site}");
        }
    }
}
