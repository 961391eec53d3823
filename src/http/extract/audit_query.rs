//! The query of an audit.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::params::parameter;
use super::query::{FromQuery, Pairs};
use crate::http::problem::ApiError;

/// Which findings are listed.
#[derive(Debug)]
pub struct AuditQuery {
    /// Dismissed ones, too.
    pub all: bool,
}

impl FromQuery for AuditQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let all = query.take("all", "true or false", |text| text.parse().ok())?;
        Ok(Self { all: all.unwrap_or(false) })
    }
}

impl IntoParams for AuditQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let flag = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into()));
        vec![parameter("all", "Whether dismissed findings are listed, too.").schema(Some(flag)).build()]
    }
}
