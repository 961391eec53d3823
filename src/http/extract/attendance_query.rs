//! Queries of sessions and reports.

use jiff::civil::Date;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::params::{LIMIT, OFFSET, parameter};
use super::query::{FromQuery, Pairs};
use crate::attendance::{Forget, Page, ReportQuery, SessionFilter};
use crate::http::problem::ApiError;

/// Longest name of a group that is looked for, characters; as long as the store takes.
const MAX_GROUP_CHARS: usize = 500;

/// The form of a response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    #[default]
    Json,
    /// CSV in UTF-8.
    Csv {
        /// Whether a byte order mark comes first, by which Excel knows UTF-8.
        with_byte_order_mark: bool,
    },
    /// A workbook.
    Xlsx,
}

/// The form that is asked for.
#[derive(Debug, Default)]
pub struct FormatQuery(pub Format);

impl FromQuery for FormatQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let format = |text: &str| ["json", "csv", "xlsx"].into_iter().find(|known| *known == text);
        let format = query.take("format", "json, csv or xlsx", format)?;
        let with_byte_order_mark =
            query.take("bom", "true or false", |text| text.parse().ok())?.unwrap_or(false);
        Ok(Self(match format {
            Some("csv") => Format::Csv { with_byte_order_mark },
            Some("xlsx") => Format::Xlsx,
            _ => Format::Json,
        }))
    }
}

impl IntoParams for FormatQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let format = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["json", "csv", "xlsx"]))
            .default(Some("json".into()));
        let bom = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into()));
        vec![
            parameter("format", "As JSON, as CSV, or as a workbook.").schema(Some(format)).build(),
            parameter("bom", "Whether CSV begins with a byte order mark, by which Excel knows UTF-8.")
                .schema(Some(bom))
                .build(),
        ]
    }
}

/// Group and dates, which both queries have.
struct Range {
    group: Option<String>,
    from: Option<Date>,
    to: Option<Date>,
}

impl Range {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let date = |text: &str| text.parse::<Date>().ok();
        Ok(Self {
            group: take_group(query)?,
            from: query.take("from", "a date like 2026-11-26", date)?,
            to: query.take("to", "a date like 2026-11-26", date)?,
        })
    }

    fn params() -> Vec<Parameter> {
        let date = || {
            let format = SchemaFormat::KnownFormat(KnownFormat::Date);
            ObjectBuilder::new().schema_type(Type::String).format(Some(format))
        };
        vec![
            group_parameter("Only sessions of this group."),
            parameter("from", "Only sessions on or after this date, in their own time zones.")
                .schema(Some(date()))
                .build(),
            parameter("to", "Only sessions on or before this date, in their own time zones.")
                .schema(Some(date()))
                .build(),
        ]
    }
}

/// The parameter `group`.
#[must_use]
pub fn group_parameter(description: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(MAX_GROUP_CHARS));
    parameter("group", description).schema(Some(text)).example(Some("7A".into())).build()
}

/// Takes the parameter `group`.
///
/// # Errors
/// As [`Pairs::take`].
pub fn take_group(query: &mut Pairs) -> Result<Option<String>, ApiError> {
    let group = |text: &str| (text.chars().count() <= MAX_GROUP_CHARS).then(|| text.to_owned());
    query.take("group", "the name of a group", group)
}

/// Which sessions are listed.
pub struct SessionsQuery {
    /// Which ones.
    pub filter: SessionFilter,
    /// Which part of them.
    pub page: Page,
}

impl FromQuery for SessionsQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let Range { group, from, to } = Range::from_query(query)?;
        let mut flag = |name| query.take(name, "true or false", |text| text.parse().ok());
        let open_only = flag("open")?.unwrap_or(false);
        let by_hand_only = flag("by_hand")?.unwrap_or(false);
        Ok(Self {
            filter: SessionFilter { group, from, to, open_only, by_hand_only },
            page: Page {
                limit: query.number(&LIMIT)?.or(LIMIT.default).unwrap_or(*LIMIT.range.end()),
                offset: query.number(&OFFSET)?.unwrap_or(0),
            },
        })
    }
}

impl IntoParams for SessionsQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let flag = |name, description| {
            let flag = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into()));
            parameter(name, description).schema(Some(flag)).build()
        };
        let mut all = Range::params();
        all.push(flag("open", "Only open sessions."));
        all.push(flag("by_hand", "Only sessions that somebody began: none of those of `/recognize_faces`."));
        all.push(LIMIT.document("Most sessions."));
        all.push(OFFSET.document("Sessions to skip before them."));
        all
    }
}

/// What a report covers, and its form.
pub struct AttendanceQuery {
    /// Which sessions.
    pub report: ReportQuery,
    /// As what.
    pub format: Format,
}

impl FromQuery for AttendanceQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let Range { group, from, to } = Range::from_query(query)?;
        Ok(Self { report: ReportQuery { group, from, to }, format: FormatQuery::from_query(query)?.0 })
    }
}

impl IntoParams for AttendanceQuery {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut all = Range::params();
        all.extend(FormatQuery::into_params(place));
        all
    }
}

/// How a person's entries are forgotten.
pub struct ForgetQuery(pub Forget);

impl FromQuery for ForgetQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let how = |text: &str| match text {
            "remove" => Some(Forget::Remove),
            "anonymise" => Some(Forget::Anonymise),
            _ => None,
        };
        Ok(Self(query.take("how", "remove or anonymise", how)?.unwrap_or(Forget::Remove)))
    }
}

impl IntoParams for ForgetQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let how = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["remove", "anonymise"]))
            .default(Some("remove".into()));
        let description = "`remove`: earlier reports count fewer people. `anonymise`: statuses stay for the counts, without \
                           name, ID, photo and note.";
        vec![parameter("how", description).schema(Some(how)).build()]
    }
}
