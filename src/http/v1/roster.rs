//! `/v1/roster`: the table that gives names their IDs.

use axum::Json;
use axum::extract::{FromRequest, Path, Request, State};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, ToSchema};

use crate::http::extract::page::PageQuery;
use crate::http::extract::params::parameter;
use crate::http::extract::query::{Checked, FromQuery, Pairs};
use crate::http::extract::single_file::read_upload;
use crate::http::extract::upload::ImageUpload;
use crate::http::problem::{
    ApiError, ListProblems, RestoreRosterProblems, RosterProblems, RosterVersionProblems,
};
use crate::http::state::AppState;
use crate::presentation::roster::{RosterEntry, RosterReplaced, RosterVersion};

/// Media types of rosters. Browsers on Windows call a .csv file a workbook of Excel; the content decides.
const MEDIA_TYPES: [&str; 7] = [
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.spreadsheet",
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
    "application/csv",
    "application/vnd.ms-excel",
];

/// A part of the roster.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterPage {
    /// In the order of the sheet; each name once.
    entries: Vec<RosterEntry>,
    /// How many there are on all pages.
    #[schema(example = 3)]
    total: usize,
    /// How many were asked for.
    #[schema(example = 100)]
    limit: usize,
    /// How many were left out before these.
    #[schema(example = 0)]
    offset: usize,
    /// What is odd about the sheets, by the numbers of rows and the addresses of cells.
    warnings: Vec<String>,
    /// How many names have no face enrolled.
    #[schema(example = 0)]
    names_without_face: usize,
    /// How many enrolled people have no row; 0 for an empty roster.
    #[schema(example = 0)]
    people_without_name: usize,
}

/// List the roster.
///
/// In the order of the sheet; `q` looks for a part of the name. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "get_roster", path = "/v1/roster", tag = "roster",
    params(PageQuery),
    responses((status = 200, description = "The entries of this page", body = RosterPage), ListProblems),
)]
pub async fn get(
    State(app): State<AppState>,
    Checked(PageQuery(page)): Checked<PageQuery>,
) -> Result<Json<RosterPage>, ApiError> {
    let (limit, offset) = (page.limit, page.offset);
    let page = app.service.list_roster(page).await?;
    let entries = page.rows().map(RosterEntry::from).collect();
    Ok(Json(RosterPage {
        entries,
        total: page.total,
        limit,
        offset,
        warnings: page.roster.warnings().to_vec(),
        names_without_face: page.names_without_face,
        people_without_name: page.people_without_name,
    }))
}

/// A form with a roster.
#[derive(ToSchema)]
#[schema(as = WorkbookForm)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct WorkbookFormSchema {
    /// An .xlsx or .ods workbook or a .csv file with the columns `Name` and `ID`, perhaps `Until`; its content decides which.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The roster of the request.
pub struct Workbook(ImageUpload);

impl FromRequest<AppState> for Workbook {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let expected = "a multipart/form-data body with the roster in part `file`, or the roster itself as .xlsx, .ods or .csv";
        read_upload(request, app, |media_type| MEDIA_TYPES.contains(&media_type), expected).await.map(Self)
    }
}

/// How the roster is replaced.
#[derive(Debug)]
pub struct ReplaceQuery {
    /// Nothing is replaced.
    dry_run: bool,
}

impl FromQuery for ReplaceQuery {
    fn from_query(query: &mut Pairs) -> Result<Self, ApiError> {
        let dry_run = query.take("dry_run", "true or false", |text| text.parse().ok())?;
        Ok(Self { dry_run: dry_run.unwrap_or(false) })
    }
}

impl IntoParams for ReplaceQuery {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let flag = ObjectBuilder::new().schema_type(Type::Boolean).default(Some(false.into()));
        vec![parameter("dry_run", "Only say what would change.").schema(Some(flag)).build()]
    }
}

/// Replace the roster.
///
/// The file is read whole before it replaces the old one, on the disk and in use; a broken one changes nothing (422). All
/// visible sheets that have the columns are read, below a title or not; without a column for IDs or names it is refused.
/// With `dry_run=true` the response says what would change, and nothing does. The last ten rosters that were replaced are
/// kept. Scope: `manage`.
#[utoipa::path(
    put, operation_id = "replace_roster", path = "/v1/roster", tag = "roster",
    params(ReplaceQuery),
    request_body(description = "The roster", content(
        (WorkbookFormSchema = "multipart/form-data"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("application/vnd.oasis.opendocument.spreadsheet"),
        ("text/csv"),
    )),
    responses((status = 200, description = "What has changed, or would", body = RosterReplaced), RosterProblems),
)]
pub async fn put(
    State(app): State<AppState>,
    Checked(ReplaceQuery { dry_run }): Checked<ReplaceQuery>,
    Workbook(workbook): Workbook,
) -> Result<Json<RosterReplaced>, ApiError> {
    let replacement = if dry_run {
        app.service.preview_roster(workbook).await?
    } else {
        app.service.replace_roster(workbook).await?
    };
    Ok(Json(RosterReplaced::new(&replacement, dry_run)))
}

/// The rosters that are kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterVersions {
    /// The latest first; ten at most.
    versions: Vec<RosterVersion>,
}

/// List the rosters that were replaced.
///
/// The last ten can be brought back. Scope: `manage`.
#[utoipa::path(
    get, operation_id = "list_roster_versions", path = "/v1/roster/versions", tag = "roster",
    responses((status = 200, description = "The rosters", body = RosterVersions), RosterVersionProblems),
)]
pub async fn versions(State(app): State<AppState>) -> Result<Json<RosterVersions>, ApiError> {
    let versions = app.service.roster_versions().await?;
    Ok(Json(RosterVersions { versions: versions.iter().map(RosterVersion::from).collect() }))
}

/// Bring back a roster that was replaced.
///
/// The one in use is kept in its place. Scope: `manage`.
#[utoipa::path(
    post, operation_id = "restore_roster", path = "/v1/roster/versions/{version_id}/restore", tag = "roster",
    params(("version_id" = String, Path, description = "Of the roster", example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")),
    responses((status = 200, description = "What has changed", body = RosterReplaced), RestoreRosterProblems),
)]
pub async fn restore(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<RosterReplaced>, ApiError> {
    let replacement = app.service.restore_roster(&id).await?;
    Ok(Json(RosterReplaced::new(&replacement, false)))
}
