//! The allowlist and limits of a pickle, and the error of a refused one.

/// Maximum number of objects that a pickle may make, remember, and use again. An enrolled photo makes eleven and a
/// tensor twenty, so this is room for 180,000 photos.
pub const MAX_OBJECTS: usize = 2_000_000;
/// Deepest nesting of lists, tuples, dicts and calls. A state dict has six levels.
pub const MAX_DEPTH: usize = 64;

/// What a pickle may contain beyond plain data.
pub struct Rules<'r, G> {
    /// Allowlist of globals: the marker of a module and name, `None` if it is not allowed.
    pub resolve: &'r dyn Fn(&str, &str) -> Option<G>,
    /// What is allowed, for the message that refuses the rest: "expected only {expected}".
    pub expected: &'r str,
    /// Whether persistent IDs are allowed (PyTorch refers to storages by them).
    pub persistent_ids: bool,
}

/// A pickle was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {what}")]
pub struct PickleError {
    /// Offset in the pickle, bytes.
    pub offset: usize,
    /// What was expected and what was found.
    pub what: String,
}
