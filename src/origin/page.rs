//! Which page in a browser made a request, if any: what `Host`, `Origin` and `Sec-Fetch-Site` say.
//!
//! Any page open in a browser that reaches the service can make cross-site requests (`Origin`, `Sec-Fetch-Site`), or reach
//! it through a domain of its own that resolves to the service's address (DNS rebinding, `Host`).

use axum::extract::Request;
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderName, HeaderValue};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The authorities that the request names: the `Host` header, and in HTTP/2 or through a proxy that of the target.
/// Browsers always send one.
///
/// # Errors
/// When one is no host and port; what was expected and found.
pub(super) fn hosts(request: &Request) -> Result<Vec<Authority>, String> {
    let parse = |host: &HeaderValue| host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    let named = request.headers().get_all(HOST).iter().map(parse);
    let all = named.chain(request.uri().authority().cloned().map(Some)).collect::<Option<_>>();
    all.ok_or_else(|| "expected a host and a port as the Host header, found something else".to_owned())
}

/// Checks that no page made the request, or a page of one of `hosts`, or of an origin that is `allowed`.
///
/// # Errors
/// Why it is not so.
pub(super) fn check(
    request: &Request,
    hosts: &[Authority],
    allowed: impl Fn(&HeaderValue) -> bool,
) -> Result<(), String> {
    let own = |origin: &HeaderValue| hosts.iter().any(|host| is_origin_of(origin, host));
    let origins = || request.headers().get_all(ORIGIN).iter();
    if origins().any(|origin| !own(origin) && !allowed(origin)) {
        return Err("the request was made by a page of another origin".to_owned());
    }
    let by_its_own = |site: &HeaderValue| site == "same-origin" || site == "none";
    let sites = || request.headers().get_all(SEC_FETCH_SITE).iter();
    if !sites().all(by_its_own) && !origins().any(&allowed) {
        return Err("the request was made by a page of another site".to_owned());
    }
    Ok(())
}

fn is_origin_of(origin: &HeaderValue, host: &Authority) -> bool {
    let origin = origin.to_str().unwrap_or_default();
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host.as_str()))
}
