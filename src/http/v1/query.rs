//! Query parameters: each known by name, given once, and within its range; anything else is told.

use axum::extract::{FromRequestParts, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::Value;

use crate::http::error::ApiError;
use crate::http::state::AppState;

/// Most of a value that a message shows, characters.
const MAX_SHOWN: usize = 80;

/// A type made of the whole query of a request.
pub trait FromQuery: Sized {
    /// Takes what it knows.
    ///
    /// # Errors
    /// 400 for a value out of its range.
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError>;
}

/// The query, checked: parameters that nobody took are refused, so that a misspelt one is not
/// silently without effect.
pub struct Checked<T>(pub T);

impl<T: FromQuery> FromRequestParts<AppState> for Checked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                format!("expected a query, found {error}"),
            )
        })?;
        let mut pairs = Pairs { left: pairs, known: Vec::new() };
        let value = T::from_query(&mut pairs)?;
        pairs.finish()?;
        Ok(Self(value))
    }
}

/// Name and value of each parameter that was not taken yet.
pub struct Pairs {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Pairs {
    /// Takes the parameter `name`; `parse` says `None` to a value that is not allowed.
    ///
    /// # Errors
    /// 400 `invalid_parameter` for such a value or for a parameter that is there twice.
    pub fn take<T>(
        &mut self,
        name: &'static str,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        self.known.push(name);
        let (taken, left) = std::mem::take(&mut self.left).into_iter().partition(|(key, _)| key == name);
        self.left = left;
        let taken: Vec<(String, String)> = taken;
        match taken.as_slice() {
            [] => Ok(None),
            [(_, value)] => match parse(value) {
                Some(parsed) => Ok(Some(parsed)),
                None => Err(invalid_parameter(name, expected, value)),
            },
            several => {
                let detail = format!("{name}: expected it once, found it {} times", several.len());
                Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_parameter", detail)
                    .with("parameter", name.into()))
            }
        }
    }

    /// A number from `low` to `high`, both included.
    ///
    /// # Errors
    /// As [`Pairs::take`].
    pub fn number(&mut self, name: &'static str, low: f32, high: f32) -> Result<Option<f32>, ApiError> {
        let within = |text: &str| text.parse().ok().filter(|value: &f32| (low..=high).contains(value));
        self.take(name, &format!("a number from {low} to {high}"), within)
    }

    /// A whole number from `low` to `high`, both included.
    ///
    /// # Errors
    /// As [`Pairs::take`].
    pub fn whole(&mut self, name: &'static str, low: usize, high: usize) -> Result<Option<usize>, ApiError> {
        let within = |text: &str| text.parse().ok().filter(|value: &usize| (low..=high).contains(value));
        self.take(name, &format!("a whole number from {low} to {high}"), within)
    }

    fn finish(self) -> Result<(), ApiError> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        let name: String = name.chars().take(MAX_SHOWN).collect();
        let detail = format!("expected no other query parameters than {known}; found {name:?}");
        let failure = ApiError::new(StatusCode::BAD_REQUEST, "unknown_parameter", detail);
        Err(failure.with("parameter", name.into()))
    }
}

/// 400 for a parameter or a field of a form: which one, what was expected, what was found.
#[must_use]
pub fn invalid_parameter(name: &'static str, expected: &str, found: &str) -> ApiError {
    let found: String = found.chars().take(MAX_SHOWN).collect();
    let detail = format!("{name}: expected {expected}, found {found:?}");
    ApiError::new(StatusCode::BAD_REQUEST, "invalid_parameter", detail)
        .with("parameter", Value::from(name))
        .with("expected", Value::from(expected))
        .with("found", Value::from(found))
}
