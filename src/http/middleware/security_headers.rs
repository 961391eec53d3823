//! Security response headers: `Cache-Control: no-store`, `X-Content-Type-Options: nosniff`, Content-Security-Policy.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::set_header::SetResponseHeaderLayer;

/// What Swagger UI may do: run its own files, use its inline styles, speak with this server. No frame.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// A year of HTTPS only, in seconds (RFC 6797). Other hosts below this one's name may have no HTTPS.
const HTTPS_ONLY: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Layer of a service with TLS: browsers that have seen it come by HTTPS only, so that nobody in between can have
/// them send keys in the clear.
#[must_use]
pub fn https_only(tls: bool) -> Option<SetResponseHeaderLayer<HeaderValue>> {
    tls.then(|| SetResponseHeaderLayer::overriding(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY))
}

/// Middleware: responses below `/v1` hold personal data and must not be stored by caches; those below `/docs` run
/// scripts of this service only. Applies to error responses, too.
pub async fn set(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (is_v1, is_docs) = (is_below(path, "/v1"), is_below(path, "/docs"));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if is_v1 {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_docs {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if is_v1 || is_docs {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    response
}

fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn;
    use tower::ServiceExt;

    use super::*;

    async fn headers(path: &str) -> axum::http::HeaderMap {
        let router: Router = Router::new().fallback(async || "").layer(from_fn(set));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().headers().clone()
    }

    #[tokio::test]
    async fn personal_data_is_not_stored_and_the_documentation_is_not_framed() {
        for path in ["/v1/people", "/v1/recognize", "/v1/nothing", "/v1"] {
            let headers = headers(path).await;
            assert_eq!(headers[CACHE_CONTROL], "no-store", "{path}");
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        }
        let docs = headers("/docs/").await;
        assert!(docs[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-ancestors 'none'"));
        let page = headers("/v10").await;
        assert!(!page.contains_key(CACHE_CONTROL));
    }
}
