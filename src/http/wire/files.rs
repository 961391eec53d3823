//! Responses that are JSON, or a table as CSV or workbook.

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::attendance::export::{Table, write_csv, xlsx};
use crate::error::Error;
use crate::http::extract::attendance_query::Format;
use crate::http::problem::ApiError;
use crate::service::blocking::run_blocking;

/// Media type of CSV.
const CSV: &str = "text/csv; charset=utf-8; header=present";
/// Media type of a workbook.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// `data` in the form that was asked for. A file is called `name`, ASCII without quotes. Large tables are written off the
/// async threads.
///
/// # Errors
/// 400 for more rows or columns than a sheet has.
pub async fn in_format<D, J>(
    data: D,
    format: Format,
    name: String,
    json: fn(&D) -> J,
    table: fn(&D) -> Table<'_>,
) -> Result<Response, ApiError>
where
    D: Send + 'static,
    J: Serialize,
{
    let (media_type, extension) = match format {
        Format::Json => return Ok(Json(json(&data)).into_response()),
        Format::Csv { .. } => (CSV, "csv"),
        Format::Xlsx => (XLSX, "xlsx"),
    };
    let bytes = run_blocking(move || match format {
        Format::Csv { with_byte_order_mark } => {
            let mut bytes = Vec::new();
            write_csv(table(&data), with_byte_order_mark, &mut bytes)
                .map_err(|error| Error::Internal(format!("CSV can't be written: {error}")))?;
            Ok(bytes)
        }
        Format::Json | Format::Xlsx => xlsx(table(&data)),
    });
    let mut response = bytes.await?.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.{extension}\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
