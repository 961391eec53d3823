//! Responses that are JSON, or a table as CSV or workbook.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::attendance::export::{Table, write_csv, xlsx};
use crate::error::Error;
use crate::http::extract::attendance_query::Format;
use crate::http::problem::ApiError;
use crate::service::blocking::run_blocking;

/// Media type of JSON.
const JSON: &str = "application/json";
/// Media type of CSV.
const CSV: &str = "text/csv; charset=utf-8; header=present";
/// Media type of a workbook.
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// `data` in the form that was asked for. A file is called `name`, ASCII without quotes. Reports are large: all forms are
/// written off the async threads.
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
    J: Serialize + 'static,
{
    let (media_type, extension) = match format {
        Format::Json => (JSON, None),
        Format::Csv { .. } => (CSV, Some("csv")),
        Format::Xlsx => (XLSX, Some("xlsx")),
    };
    let bytes = run_blocking(move || match format {
        Format::Csv { with_byte_order_mark } => {
            let mut bytes = Vec::new();
            write_csv(table(&data), with_byte_order_mark, &mut bytes)
                .map_err(|error| Error::Internal(format!("CSV can't be written: {error}")))?;
            Ok(bytes)
        }
        Format::Json => serde_json::to_vec(&json(&data))
            .map_err(|error| Error::Internal(format!("JSON can't be written: {error}"))),
        Format::Xlsx => xlsx(table(&data)),
    });
    let mut response = bytes.await?.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let disposition = |extension| format!("attachment; filename=\"{name}.{extension}\"");
    if let Some(Ok(disposition)) = extension.map(|extension| HeaderValue::from_str(&disposition(extension))) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
