//! `/v1/roster`: the workbook that gives names their IDs.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::page::PageQuery;
use crate::http::extract::photo::read_upload;
use crate::http::extract::query::Checked;
use crate::http::extract::upload::ImageUpload;
use crate::http::problem::{ApiError, ListProblems, RosterProblems};
use crate::http::state::AppState;
use crate::presentation::json_id::JsonId;
use crate::roster::RosterRow;

/// Media type of an .xlsx workbook.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A name of the roster.
#[derive(Debug, Serialize, ToSchema)]
struct RosterEntry {
    #[schema(example = "Barack Obama")]
    name: String,
    /// Null where the cell is empty.
    #[schema(required)]
    id: Option<JsonId>,
    /// The last day on which the person is recognised; null where the sheet says none.
    #[schema(required, format = Date, example = "2027-07-31")]
    until: Option<String>,
}

impl From<&RosterRow> for RosterEntry {
    fn from(row: &RosterRow) -> Self {
        let until = row.until.map(|day| day.to_string());
        Self { name: row.name.to_string(), id: row.id.as_ref().map(JsonId::from), until }
    }
}

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
    /// What is odd about the sheet, by the numbers of its rows.
    warnings: Vec<String>,
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
    }))
}

/// A form with a workbook.
#[derive(ToSchema)]
#[schema(as = WorkbookForm)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct WorkbookFormSchema {
    /// An .xlsx workbook with the columns `Name` and `ID`, perhaps `Until`, in its first sheet that is not empty.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The workbook of the request.
pub struct Workbook(ImageUpload);

impl FromRequest<AppState> for Workbook {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        let expected =
            "a multipart/form-data body with the workbook in part `file`, or the workbook itself as .xlsx";
        read_upload(request, app, |media_type| media_type == XLSX, expected).await.map(Self)
    }
}

/// The roster that was put in place.
#[derive(Debug, Serialize, ToSchema)]
pub struct RosterReplaced {
    /// How many names it has.
    #[schema(example = 3)]
    total: usize,
    /// What is odd about the sheet, by the numbers of its rows.
    warnings: Vec<String>,
}

/// Replace the roster.
///
/// The workbook is read whole before it replaces the old one, on the disk and in use; a broken one
/// changes nothing (422). Scope: `manage`.
#[utoipa::path(
    put, operation_id = "replace_roster", path = "/v1/roster", tag = "roster",
    request_body(description = "The workbook", content(
        (WorkbookFormSchema = "multipart/form-data"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    )),
    responses((status = 200, description = "Replaced", body = RosterReplaced), RosterProblems),
)]
pub async fn put(
    State(app): State<AppState>,
    Workbook(workbook): Workbook,
) -> Result<Json<RosterReplaced>, ApiError> {
    let roster = app.service.replace_roster(workbook).await?.roster;
    Ok(Json(RosterReplaced { total: roster.len(), warnings: roster.warnings().to_vec() }))
}
