//! The refusal of a file that is no usable roster.

use crate::error::{Error, InputError};

/// The error for a file that is no usable roster; `found` quotes nothing of it.
pub(super) fn unusable(found: &str) -> Error {
    let expected = "expected a workbook (.xlsx or .ods) or a text file (.csv)";
    InputError::InvalidWorkbook(format!("{expected}, found: {found}")).into()
}
