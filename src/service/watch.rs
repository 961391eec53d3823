//! Rereads files that change while the service runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::error::{Error, Result};

/// How often files are checked for changes.
const INTERVAL: Duration = Duration::from_secs(1);

/// Calls `poll` once a second on a thread of its own, which ends with the process.
///
/// # Errors
/// [`Error::Internal`] when the thread can't be started.
pub fn watch(mut poll: impl FnMut() + Send + 'static) -> Result<()> {
    let forever = move || {
        loop {
            std::thread::sleep(INTERVAL);
            // A file that a reader panics on must not end the watching for good.
            if catch_unwind(AssertUnwindSafe(&mut poll)).is_err() {
                tracing::error!("a changed file can't be read: its reader panicked");
            }
        }
    };
    std::thread::Builder::new()
        .name("facerec-watch".to_owned())
        .spawn(forever)
        .map_err(|error| Error::Internal(format!("the file watcher thread can't be started: {error}")))?;
    Ok(())
}
