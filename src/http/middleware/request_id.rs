//! Request ids: `X-Request-Id`, by which a response is found in the log.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use tower_http::request_id::{MakeRequestId, RequestId};

/// The header of every request and response.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id accepted from a client.
const MAX_REQUEST_ID_LEN: usize = 64;

/// Makes request ids that sort by time.
#[derive(Clone, Copy)]
pub struct Ulids;

impl MakeRequestId for Ulids {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&ulid::Ulid::generate().to_string()).ok().map(RequestId::new)
    }
}

/// Removes a client's request id unless it is short and plain, so that logs stay readable.
#[must_use]
pub fn drop_odd_request_id(mut request: Request) -> Request {
    let plain = |id: &[u8]| {
        (1..=MAX_REQUEST_ID_LEN).contains(&id.len())
            && id.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
    };
    if request.headers().get(X_REQUEST_ID).is_some_and(|id| !plain(id.as_bytes())) {
        request.headers_mut().remove(X_REQUEST_ID);
    }
    request
}
