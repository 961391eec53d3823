//! The page at `/`: its files are embedded in the program and load nothing from other servers.
//!
//! A Content Security Policy ([`POLICY`]) restricts the browser to files of this server; text never becomes markup.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

/// What the page may do: run and load its own files, show photos that the user has chosen (`blob:`),
/// speak with this server. No inline script or style, no string ever becomes markup or code, no frame.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
     connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// A file of the page.
struct Asset {
    path: &'static str,
    content_type: &'static str,
    body: &'static str,
}

/// A file of this directory, served at `/page/` and its name.
macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        Asset { path: concat!("/page/", $name), content_type: $content_type, body: include_str!($name) }
    };
}

const INDEX: Asset = Asset { path: "/", content_type: HTML, body: include_str!("index.html") };

/// All files of the page.
static ASSETS: &[Asset] = &[
    INDEX,
    asset!("base.css", CSS),
    asset!("recognise.css", CSS),
    asset!("people.css", CSS),
    asset!("register.css", CSS),
    asset!("icon.svg", SVG),
    asset!("main.js", SCRIPT),
    asset!("api.js", SCRIPT),
    asset!("attendees.js", SCRIPT),
    asset!("audit.js", SCRIPT),
    asset!("batch.js", SCRIPT),
    asset!("camera.js", SCRIPT),
    asset!("columns.js", SCRIPT),
    asset!("crop.js", SCRIPT),
    asset!("dom.js", SCRIPT),
    asset!("enrol.js", SCRIPT),
    asset!("faces.js", SCRIPT),
    asset!("groups.js", SCRIPT),
    asset!("key.js", SCRIPT),
    asset!("kiosk.js", SCRIPT),
    asset!("labels.js", SCRIPT),
    asset!("messages.js", SCRIPT),
    asset!("move.js", SCRIPT),
    asset!("pager.js", SCRIPT),
    asset!("people.js", SCRIPT),
    asset!("person.js", SCRIPT),
    asset!("recognise.js", SCRIPT),
    asset!("register.js", SCRIPT),
    asset!("roster.js", SCRIPT),
    asset!("session.js", SCRIPT),
    asset!("sightings.js", SCRIPT),
    asset!("stage.js", SCRIPT),
    asset!("thumbnail.js", SCRIPT),
    asset!("versions.js", SCRIPT),
    asset!("words.js", SCRIPT),
];

/// The `ETag` of each of [`ASSETS`], in their order.
static ETAGS: LazyLock<Vec<String>> = LazyLock::new(|| ASSETS.iter().map(|asset| etag(asset.body)).collect());

/// `/` and the files that it asks for.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS.iter().enumerate().fold(Router::new(), |router, (at, asset)| {
        router.route(asset.path, get(async move |request: Request| respond(asset, &ETAGS[at], &request)))
    })
}

/// The file, or 304 where the browser has it. Browsers revalidate each time, so that files of two versions are never
/// mixed.
fn respond(asset: &Asset, etag: &str, request: &Request) -> Response {
    let known = request.headers().get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let known = known.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    let mut response = if known.into_iter().any(|tag| tag == etag || tag == "*") {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, HeaderValue::from_static(asset.content_type))], asset.body).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(HeaderValue::from_str(etag).ok().map(|tag| (ETAG, tag)));
    response
}

/// On each file of the page.
const HEADERS: [(HeaderName, &str); 6] = [
    (CACHE_CONTROL, "no-cache"),
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// A strong validator of `body`, with its quotation marks: enough of a SHA-256 to tell versions apart.
fn etag(body: &str) -> String {
    let digest = Sha256::digest(body);
    let number = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("\"{number:032x}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> &'static str {
        INDEX.body
    }

    /// What stands between `before` and `after`, each time.
    fn between<'a>(text: &'a str, before: &'a str, after: char) -> Vec<&'a str> {
        text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
    }

    #[test]
    fn every_file_that_is_asked_for_is_served_and_every_other_is_not_there() {
        let mut wanted: Vec<String> = Vec::new();
        for before in ["href=\"page/", "src=\"page/"] {
            wanted.extend(between(index(), before, '"').iter().map(|name| format!("/page/{name}")));
        }
        for script in ASSETS.iter().filter(|asset| asset.content_type == SCRIPT) {
            wanted.extend(between(script.body, " from \"./", '"').iter().map(|name| format!("/page/{name}")));
        }
        wanted.push("/".to_owned());
        wanted.sort();
        wanted.dedup();
        let mut served: Vec<&str> = ASSETS.iter().map(|asset| asset.path).collect();
        served.sort_unstable();
        assert_eq!(wanted, served);
    }

    #[test]
    fn the_page_keeps_to_its_own_policy() {
        let markup = index().to_lowercase();
        let tags = between(&markup, "<", '>');
        for tag in &tags {
            let handler = tag.split_whitespace().find(|word| word.starts_with("on") && word.contains('='));
            assert_eq!(handler, None, "{tag}");
            assert!(!tag.contains(" style="), "{tag}");
            assert!(!tag.starts_with("style"), "{tag}");
            assert!(!tag.starts_with("script") || tag.contains(" src=\"page/"), "{tag}");
        }
        for asset in ASSETS {
            let foreign = ["https://", "http://"].iter().flat_map(|scheme| between(asset.body, scheme, '"'));
            let foreign: Vec<_> = foreign.filter(|address| *address != "www.w3.org/2000/svg").collect();
            assert!(foreign.is_empty(), "{}: {foreign:?}", asset.path);
        }
        for word in ["unsafe", "data:", "*"] {
            assert!(!POLICY.contains(word), "{word}");
        }
    }

    #[test]
    fn a_browser_that_has_the_file_is_told_so() {
        let ask = |tags: &str| {
            let request = Request::builder().header(IF_NONE_MATCH, tags).body(axum::body::Body::empty());
            respond(&INDEX, &ETAGS[0], &request.unwrap())
        };
        let fresh = ask("\"another\"");
        assert_eq!(fresh.status(), StatusCode::OK);
        assert_eq!(fresh.headers()[CONTENT_TYPE], HTML);
        assert_eq!(fresh.headers()[CONTENT_SECURITY_POLICY], POLICY);
        let tag = fresh.headers()[ETAG].to_str().unwrap().to_owned();
        for tags in [tag.clone(), format!("\"another\", W/{tag}"), "*".to_owned()] {
            let known = ask(&tags);
            assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{tags}");
            assert_eq!(known.headers()[ETAG], tag.as_str());
        }
    }

    #[test]
    fn versions_have_tags_of_their_own() {
        assert_ne!(etag("a"), etag("b"));
        assert_eq!(etag(""), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
    }
}
