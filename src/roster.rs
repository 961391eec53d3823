//! The workbook that gives a name its ID.
use crate::error::Result;
use crate::student_id::StudentId;

/// Name to ID, as read from an .xlsx workbook.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Roster {
    ids: std::collections::HashMap<String, StudentId>,
}

impl Roster {
    /// Reads a workbook from its bytes.
    ///
    /// # Errors
    /// [`crate::error::Error::Data`] when it is no workbook or lacks a column.
    pub fn from_xlsx(_bytes: &[u8]) -> Result<Self> {
        todo!()
    }

    /// The ID of `name`; `None` where the roster lacks it or the cell is empty.
    #[must_use]
    pub fn id(&self, name: &str) -> Option<&StudentId> {
        self.ids.get(name.trim())
    }
}
