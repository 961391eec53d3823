//! `/v1/roster`: the workbook that gives names their IDs.

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::paging::PageQuery;
use super::photo::read_upload;
use super::query::Checked;
use crate::error::Result;
use crate::http::error::ApiError;
use crate::http::extract::ImageUpload;
use crate::http::problems::{ListProblems, RosterProblems};
use crate::http::state::AppState;
use crate::http::types::WireId;
use crate::roster::{self, Roster, RosterRow};

/// Media type of an .xlsx workbook.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A name of the roster.
#[derive(Debug, Serialize, ToSchema)]
struct RosterEntry {
    #[schema(example = "Barack Obama")]
    name: String,
    /// Null where the cell is empty.
    #[schema(required)]
    id: Option<WireId>,
}

impl From<&RosterRow> for RosterEntry {
    fn from(row: &RosterRow) -> Self {
        Self { name: row.name.clone(), id: row.id.as_ref().map(WireId::from) }
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

/// Which name has which ID?
///
/// In the order of the sheet; `q` looks for a part of the name. Scope: `manage`.
///
/// # Errors
/// As listed.
#[utoipa::path(
    get, operation_id = "get_roster", path = "/v1/roster", tag = "roster",
    params(PageQuery),
    responses((status = 200, description = "The entries of this page", body = RosterPage), ListProblems),
)]
pub async fn get(
    State(app): State<AppState>,
    Checked(page): Checked<PageQuery>,
) -> Result<Json<RosterPage>, ApiError> {
    let answer = app.run_blocking(move |app| {
        let roster = app.roster.current();
        let (rows, total) = page.cut(roster.rows(), |row| &row.name);
        let entries = rows.into_iter().map(RosterEntry::from).collect();
        let (limit, offset) = (page.limit, page.offset);
        Ok(RosterPage { entries, total, limit, offset, warnings: roster.warnings().to_vec() })
    });
    Ok(Json(answer.await?))
}

/// A form with a workbook.
#[derive(ToSchema)]
#[schema(as = WorkbookForm)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "only documents the form")]
pub struct WorkbookFormSchema {
    /// An .xlsx workbook with the columns `Name` and `ID` in its first sheet that is not empty.
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
///
/// # Errors
/// As listed.
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
    let read = app.work(move |app, _| {
        app.writer.ensure_lock()?;
        Ok((Roster::from_xlsx(&workbook.bytes)?, workbook))
    });
    let (roster, workbook) = read.await?;
    let written = app.run_blocking(move |app| roster::replace(&app.roster, &workbook.bytes, roster)).await?;
    Ok(Json(RosterReplaced { total: written.len(), warnings: written.warnings().to_vec() }))
}
