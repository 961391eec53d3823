//! The old endpoint's path as clients write it.

use axum::extract::Request;
use axum::http::Uri;

/// The path of the old endpoint.
pub const RECOGNIZE: &str = "/recognize_faces";

/// Takes doubled slashes and one at the end away where they are all that keeps the path from being that of the old endpoint:
/// clients join a base address and a path, and Werkzeug took what came of it.
#[must_use]
pub fn normalize<B>(mut request: Request<B>) -> Request<B> {
    let path = request.uri().path();
    if path != RECOGNIZE && path.split('/').filter(|part| !part.is_empty()).eq(["recognize_faces"]) {
        let mut parts = request.uri().clone().into_parts();
        let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
        parts.path_and_query = format!("{RECOGNIZE}{query}").parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_old_endpoint_is_found_by_another_spelling() {
        for (uri, expected) in [
            ("//recognize_faces", "/recognize_faces"),
            ("/recognize_faces/?a=b", "/recognize_faces?a=b"),
            ("http://host///recognize_faces//", "http://host/recognize_faces"),
            ("/recognize_faces", "/recognize_faces"),
            ("//v1/recognize", "//v1/recognize"),
            ("/recognize_faces/x", "/recognize_faces/x"),
        ] {
            let request = normalize(Request::builder().uri(uri).body(()).unwrap());
            assert_eq!(request.uri().to_string(), expected, "{uri}");
        }
    }
}
