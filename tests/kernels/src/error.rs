//! What the kernels take from the main package's `error`.

/// Why the kernels can't be had.
#[derive(Debug)]
pub(crate) enum ModelError {
    /// The processor lacks the instructions.
    Run(String),
}

/// Of [`crate::native::kernels::Kernels::new`].
pub(crate) type Result<T> = std::result::Result<T, ModelError>;
