//! The kinds of files that a roster comes from.

/// What kind of file a roster came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// A workbook of Excel.
    #[default]
    Xlsx,
    /// A workbook of `LibreOffice`.
    Ods,
    /// Text, one person a line.
    Csv,
}

impl Format {
    /// All, in the order in which their files are looked for.
    pub const ALL: [Self; 3] = [Self::Xlsx, Self::Ods, Self::Csv];

    /// Name of the file in the data directory. What it holds is told by its content all the same.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Xlsx => "roster.xlsx",
            Self::Ods => "roster.ods",
            Self::Csv => "roster.csv",
        }
    }

    /// The ending of a file's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Ods => "ods",
            Self::Csv => "csv",
        }
    }
}
