//! Which page of a list is requested.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::params::{LIMIT, OFFSET, parameter};
use super::query::{FromQuery, Pairs};
use crate::http::problem::ApiError;
use crate::person_name;
use crate::service::list::ListQuery;

/// The query of a list.
#[derive(Debug)]
pub struct PageQuery(pub ListQuery);

impl FromQuery for PageQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let text = |text: &str| {
            let short = text.chars().count() <= person_name::MAX_CHARS;
            short.then(|| person_name::search_key(text))
        };
        let expected = format!("at most {} characters", person_name::MAX_CHARS);
        Ok(Self(ListQuery {
            limit: query.number(&LIMIT)?.or(LIMIT.default).unwrap_or(*LIMIT.range.end()),
            offset: query.number(&OFFSET)?.unwrap_or(0),
            text: query.take("q", &expected, text)?,
        }))
    }
}

impl IntoParams for PageQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(person_name::MAX_CHARS));
        let q = parameter(
            "q",
            "Only names that contain this text, ignoring case and diacritics: `ibrahim` finds `İbrahim`.",
        );
        vec![
            LIMIT.document("Most entries."),
            OFFSET.document("Entries to skip before them."),
            q.schema(Some(text)).example(Some("obama".into())).build(),
        ]
    }
}
