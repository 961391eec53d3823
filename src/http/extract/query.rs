//! Query parameters: known, given at most once, and within their ranges; everything else is an error.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde_json::Value;

use super::params::{NumberParam, Numeric};
use crate::http::problem::{ApiError, ProblemCode, shown};

/// A type made of the whole query of a request.
pub trait FromQuery: Sized {
    /// Takes what it knows.
    ///
    /// # Errors
    /// 400 for a value out of its range.
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError>;
}

/// The query, checked. Unknown parameters are refused: a misspelt one must not be silently ignored.
pub struct Checked<T>(pub T);

impl<S: Sync, T: FromQuery> FromRequestParts<S> for Checked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| {
            ApiError::new(ProblemCode::InvalidRequest, format!("expected a query, found {error}"))
        })?;
        let mut pairs = Pairs { left: pairs, known: Vec::new() };
        let value = T::from_query(&mut pairs)?;
        pairs.finish()?;
        Ok(Self(value))
    }
}

/// The parameters that were not taken yet.
pub struct Pairs {
    left: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Pairs {
    /// Takes the parameter `name`; `parse` returns `None` for a value that is not allowed.
    ///
    /// # Errors
    /// 400 `invalid_parameter` for such a value or a repeated parameter.
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
                Err(ApiError::new(ProblemCode::InvalidParameter, detail).with("parameter", name.into()))
            }
        }
    }

    /// Takes a number.
    ///
    /// # Errors
    /// As [`Pairs::take`].
    pub fn number<T: Numeric>(&mut self, param: &NumberParam<T>) -> Result<Option<T>, ApiError> {
        self.take(param.name, &param.expected(), |text| param.parse(text))
    }

    fn finish(self) -> Result<(), ApiError> {
        let Some((name, _)) = self.left.first() else { return Ok(()) };
        let known = if self.known.is_empty() { "none".to_owned() } else { self.known.join(", ") };
        let name = shown(name);
        let detail = format!("unknown query parameter {name:?}; expected one of {known}");
        Err(ApiError::new(ProblemCode::UnknownParameter, detail).with("parameter", name.into()))
    }
}

/// 400 for a parameter or a field of a form: which one, what was expected, what was found.
#[must_use]
pub fn invalid_parameter(name: &'static str, expected: &str, found: &str) -> ApiError {
    let found = shown(found);
    let detail = format!("{name}: expected {expected}, found {found:?}");
    ApiError::new(ProblemCode::InvalidParameter, detail)
        .with("parameter", Value::from(name))
        .with("expected", Value::from(expected))
        .with("found", Value::from(found))
}
