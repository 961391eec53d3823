//! What a pickle may contain, and why one is refused.

/// Most objects that a pickle may make, remember, and use again. An enrolled photo makes eleven and a
/// tensor twenty, so this is room for 180,000 photos.
pub const MAX_OBJECTS: usize = 2_000_000;
/// Deepest nesting of lists, tuples, dicts and calls. A state dict has six levels.
pub const MAX_DEPTH: usize = 64;

/// What a pickle may contain beyond plain data.
pub struct Rules<'r, G> {
    /// Gives the marker of an allowed global by module and name, `None` for any other.
    pub resolve: &'r dyn Fn(&str, &str) -> Option<G>,
    /// What is allowed, for the message that refuses the rest: "expected only {expected}".
    pub expected: &'r str,
    /// Whether objects that are stored elsewhere may be named (PyTorch's storages).
    pub persistent_ids: bool,
}

/// Why a pickle was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {offset}: {what}")]
pub struct PickleError {
    /// Position in the pickle.
    pub offset: usize,
    /// What was expected and what was found.
    pub what: String,
}
