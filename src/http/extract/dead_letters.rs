//! Which dead letters are listed, and which are sent again.

use axum::extract::{FromRequest, Request};
use serde::Deserialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use super::params::LIMIT;
use super::query::{FromQuery, Pairs};
use super::small_object::read_optional_object;
use crate::http::problem::ApiError;

/// How many dead letters are listed.
pub struct DeadLettersQuery {
    /// Most letters.
    pub limit: u32,
}

impl FromQuery for DeadLettersQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let limit = query.number(&LIMIT)?.or(LIMIT.default).unwrap_or(*LIMIT.range.end());
        Ok(Self { limit: limit as u32 })
    }
}

impl IntoParams for DeadLettersQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![LIMIT.document("Most messages, the latest first.")]
    }
}

/// What is sent again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resending {
    /// Of the message; absent for all.
    #[schema(required = false, example = "01KB9V3A5C7E9G1J3M5P7R9T1V")]
    pub id: Option<String>,
}

impl<S: Sync> FromRequest<S> for Resending {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        read_optional_object(request, &["application/json"], "no body, or an object with id").await
    }
}
