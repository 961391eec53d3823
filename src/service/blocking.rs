//! Blocking work in an async context.

use crate::error::{Error, Result};

/// Runs `job` on Tokio's blocking pool; not cancelled when the returned future is dropped.
///
/// # Errors
/// The error of `job`; [`Error::Internal`] when it panics or the runtime shuts down.
pub async fn run_blocking<T: Send + 'static>(job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(job).await {
        Ok(result) => result,
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => Error::from_panic(panic.as_ref()),
            Err(error) => Error::Internal(format!("a blocking task was cancelled: {error}")),
        }),
    }
}
