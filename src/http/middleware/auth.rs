//! Authorisation: by API key, or, where the service has no keys, by the client's machine.
//!
//! Groups of routes get a gate:
//!
//! ```text
//! routes.route_layer(from_fn_with_state(access.require_scope(Scope::Manage), auth::require))
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tracing::Span;

use super::client;
use super::request_id::X_REQUEST_ID;
use crate::http::problem::{ApiError, ProblemCode};
use crate::keys::backend::KeysBackend;
use crate::keys::{ApiKeys, KeyEntry, Scope};
use crate::origin::local;
use crate::origin::site::SiteRules;
use crate::service::caller::{Caller, called_by};
use crate::service::disclosure::Disclosure;
use crate::service::file_status::FileStatus;

/// Alternative to `Authorization: Bearer`. Takes precedence: `Authorization` may be a proxy's.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The field of a request's log span that names its key.
pub const KEY_FIELD: &str = "key";

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// The key is missing.
    NoKey,
    /// The key is unknown.
    UnknownKey,
    /// The key was valid until then.
    ExpiredKey(Timestamp),
    /// The key's scope does not include the route.
    WrongScope(Scope),
    /// The service has no keys, and the request is not from its own machine; why not.
    NotLocal(String),
    /// The service has no keys, and the request may be a foreign page's; why.
    OtherSite(String),
}

impl Refusal {
    /// Labels of the refusal counters, in the order of [`Refusal::place`].
    const REASONS: [&'static str; 6] =
        ["no_key", "unknown_key", "wrong_scope", "not_local", "expired_key", "other_site"];

    fn place(&self) -> usize {
        match self {
            Self::NoKey => 0,
            Self::UnknownKey => 1,
            Self::WrongScope(_) => 2,
            Self::NotLocal(_) => 3,
            Self::ExpiredKey(_) => 4,
            Self::OtherSite(_) => 5,
        }
    }

    fn api_error(&self) -> ApiError {
        let unauthorized = |detail: &str| ApiError::new(ProblemCode::Unauthorized, detail);
        let forbidden = |detail: &str| ApiError::new(ProblemCode::Forbidden, detail);
        match self {
            Self::NoKey => unauthorized(
                "expected an API key, found none: send it as `Authorization: Bearer KEY` or `X-Api-Key: KEY`",
            ),
            Self::UnknownKey => unauthorized("expected an API key, found one that is not known here"),
            Self::ExpiredKey(at) => unauthorized(&format!(
                "expected an API key that is valid, found one that expired at {at:.0}; ask the service's operator for a \
                 new one"
            )),
            Self::WrongScope(has) => forbidden(&format!(
                "expected an API key of scope {}, found one of scope {}",
                Scope::Manage.as_str(),
                has.as_str()
            )),
            Self::NotLocal(why) => forbidden(&format!(
                "people are managed with an API key (--api-keys-file); this service has none, so only from its own \
                 machine, as localhost: {why}"
            )),
            Self::OtherSite(why) => {
                forbidden(&format!("without API keys the service recognises for its own network only: {why}"))
            }
        }
    }

    /// The `WWW-Authenticate` header of a 401 (RFC 6750).
    fn challenge(&self) -> Option<HeaderValue> {
        match self {
            Self::NoKey => Some(HeaderValue::from_static("Bearer realm=\"facerec\"")),
            Self::UnknownKey | Self::ExpiredKey(_) => {
                Some(HeaderValue::from_static("Bearer realm=\"facerec\", error=\"invalid_token\""))
            }
            Self::WrongScope(_) | Self::NotLocal(_) | Self::OtherSite(_) => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.api_error().into_response();
        if let Some(challenge) = self.challenge() {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// Decides about requests, and counts refusals.
pub struct Access {
    /// `None` where the service was started without keys.
    keys: Option<Arc<dyn KeysBackend>>,
    /// Who may recognise without keys; `None` for whoever reaches the service.
    sites: Option<SiteRules>,
    refused: [AtomicU64; Refusal::REASONS.len()],
    /// The time by which keys expire.
    clock: fn() -> Timestamp,
}

impl Default for Access {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Access {
    /// By these keys. Without keys, recognition is open to all but the pages of other sites, and people are managed from
    /// the service's own machine.
    #[must_use]
    pub fn new(keys: Option<Arc<dyn KeysBackend>>) -> Self {
        Self { keys, sites: Some(SiteRules::default()), refused: Default::default(), clock: Timestamp::now }
    }

    /// With other rules about pages and names of the service; `None` for no rule.
    #[must_use]
    pub fn with_sites(self, sites: Option<SiteRules>) -> Self {
        Self { sites, ..self }
    }

    /// By another clock than the system's.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Timestamp) -> Self {
        Self { clock, ..self }
    }

    /// What [`require`] needs to let only requests of `scope` pass.
    #[must_use]
    pub fn require_scope(self: &Arc<Self>, scope: Scope) -> RequireScope {
        RequireScope { access: Arc::clone(self), scope, any_name: false }
    }

    /// Whether the keys that are kept are in use; `None` without keys.
    #[must_use]
    pub fn keys_status(&self) -> Option<FileStatus> {
        self.keys.as_deref().map(|keys| FileStatus::required("keys", keys.reloads(), keys.error()))
    }

    /// The keys of now; `None` where none is asked for.
    fn keys(&self) -> Option<Arc<ApiKeys>> {
        self.keys.as_deref().and_then(KeysBackend::current)
    }

    /// Whether details of the server, such as paths, may be told to whoever sent this request: to those who show a key,
    /// and where there are no keys to this machine.
    #[must_use]
    pub fn may_see_details(&self, request: &Request) -> bool {
        let Some(keys) = self.keys() else { return local::check(request).is_ok() };
        presented_key(request.headers()).is_some_and(|presented| self.accepted(&keys, presented).is_ok())
    }

    /// How many requests were refused so far, by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.refused.iter().map(|count| count.load(Ordering::Relaxed));
        Refusal::REASONS.into_iter().zip(counts)
    }

    /// The entry of a key that is known and has not expired.
    fn accepted<'a>(&self, keys: &'a ApiKeys, presented: &[u8]) -> Result<&'a KeyEntry, Refusal> {
        let entry = keys.find(presented).ok_or(Refusal::UnknownKey)?;
        match entry.expires {
            Some(at) if entry.is_expired((self.clock)()) => Err(Refusal::ExpiredKey(at)),
            _ => Ok(entry),
        }
    }

    /// What the caller may be told and the name of the request's key, if it may pass; no name where there are no keys.
    fn check(
        &self,
        keys: Option<&ApiKeys>,
        request: &Request,
        scope: Scope,
    ) -> Result<(Disclosure, Option<String>), Refusal> {
        let Some(keys) = keys else {
            return match (local::check(request), scope) {
                (Err(why), Scope::Manage) => Err(Refusal::NotLocal(why)),
                (local, _) => Ok((Disclosure::of(local.is_ok()), None)),
            };
        };
        let presented = presented_key(request.headers()).ok_or(Refusal::NoKey)?;
        let entry = self.accepted(keys, presented)?;
        Span::current().record(KEY_FIELD, &entry.name);
        if entry.scope.includes(scope) {
            self.keys.as_deref().inspect(|keys| keys.note_use(entry.sha256, (self.clock)()));
            Ok((Disclosure::of(entry.scope.includes(Scope::Manage)), Some(entry.name.clone())))
        } else {
            Err(Refusal::WrongScope(entry.scope))
        }
    }
}

/// The key that a request carries.
fn presented_key(headers: &HeaderMap) -> Option<&[u8]> {
    let bearer = || {
        let (scheme, rest) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked("bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then_some(rest)
    };
    let key = headers.get(X_API_KEY).map(HeaderValue::as_bytes).or_else(bearer)?;
    Some(key.trim_ascii())
}

/// [`Access`] and what the routes behind it need.
#[derive(Clone)]
pub struct RequireScope {
    access: Arc<Access>,
    scope: Scope,
    /// Whether the service's name and the page that asks don't matter.
    any_name: bool,
}

impl RequireScope {
    /// The same for requests under any name of the service and from any page: for routes that say nothing of people.
    #[must_use]
    pub fn through_any_name(self) -> Self {
        Self { any_name: true, ..self }
    }

    fn check(&self, request: &Request) -> Result<(Disclosure, Option<String>), Refusal> {
        // Asked once: the first key may be made meanwhile.
        let keys = self.access.keys();
        let passed = self.access.check(keys.as_deref(), request, self.scope)?;
        match &self.access.sites {
            Some(sites) if keys.is_none() && !self.any_name => {
                sites.check(request).map_err(Refusal::OtherSite)?;
            }
            _ => {}
        }
        Ok(passed)
    }
}

/// Who makes a request that passed with the key of this name.
fn caller(request: &Request, key: Option<String>) -> Caller {
    let request_id = request.headers().get(X_REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
    Caller { request_id, key, client: client::address(request) }
}

/// Middleware: checks authorisation before the body is read; refuses with 401 `unauthorized` or 403 `forbidden`. The
/// service knows the caller of a request that passes; handlers find the caller's [`Disclosure`] among its extensions.
pub async fn require(State(required): State<RequireScope>, mut request: Request, next: Next) -> Response {
    match required.check(&request) {
        Ok((disclosure, key)) => {
            let caller = caller(&request, key);
            request.extensions_mut().insert(disclosure);
            called_by(caller, next.run(request)).await
        }
        Err(refusal) => {
            required.access.refused[refusal.place()].fetch_add(1, Ordering::Relaxed);
            refusal.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::keys::backend::KeysFile;
    use crate::keys::file::KEYS;
    use crate::reloadable::Reloadable;

    const END: &str = "2026-01-05T00:00:00Z";

    fn access(clock: fn() -> Timestamp) -> Access {
        let entry = KeyEntry {
            expires: Some(END.parse().unwrap()),
            ..KeyEntry::of("gate", Scope::Manage, "facerec_gate")
        };
        let keys = ApiKeys::new(vec![entry]).unwrap();
        let file = KeysFile::new(Reloadable::with_value(Path::new("keys"), KEYS, keys));
        Access::new(Some(Arc::new(file))).with_clock(clock)
    }

    fn request() -> Request {
        Request::builder().header(X_API_KEY, "facerec_gate").body(axum::body::Body::empty()).unwrap()
    }

    #[test]
    fn a_key_is_accepted_until_it_expires_and_then_refused_with_401_that_says_so() {
        let before = access(|| "2026-01-04T23:59:59Z".parse().unwrap());
        let check = |access: &Access, scope| access.check(access.keys().as_deref(), &request(), scope);
        assert_eq!(check(&before, Scope::Manage), Ok((Disclosure::Full, Some("gate".to_owned()))));
        assert!(before.may_see_details(&request()));
        let after = access(|| END.parse().unwrap());
        let refusal = check(&after, Scope::Recognize).unwrap_err();
        assert_eq!(refusal, Refusal::ExpiredKey(END.parse().unwrap()));
        assert!(!after.may_see_details(&request()));
        assert_eq!(Refusal::REASONS[refusal.place()], "expired_key");
        assert!(refusal.api_error().detail.contains("expired at 2026-01-05T00:00:00Z"));
        let response = refusal.into_response();
        assert_eq!(response.status(), 401);
        assert!(response.headers().contains_key(WWW_AUTHENTICATE));
    }
}
