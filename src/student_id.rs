//! What stands in a roster's ID cell.

/// An ID as the sheet has it: leading zeros of text are kept, whole numbers stay whole.
#[derive(Debug, Clone, PartialEq)]
pub enum StudentId {
    /// A whole number; JSON integer.
    Integer(i64),
    /// A number with a fraction; JSON number.
    Number(f64),
    /// Text, trimmed, not empty; JSON string.
    Text(String),
}
