//! Dismissed findings from a data directory into a database, and back.

use crate::audit::dismissals::DismissalStore;
use crate::cli::output;

/// Takes all of them over, unless the other side has some.
///
/// # Errors
/// When one of both can't be used.
pub(super) fn copy(from: &dyn DismissalStore, to: &dyn DismissalStore) -> anyhow::Result<()> {
    let found = from.read()?;
    if found.is_empty() {
        return Ok(());
    }
    let mut others = false;
    to.change(Box::new(|there| {
        others = !there.is_empty() && *there != found;
        if !others {
            *there = found.clone();
        }
        Ok(())
    }))?;
    if others {
        output::note("There are other dismissed findings on the other side, which stay.");
        return Ok(());
    }
    output::line(format_args!("{} dismissed findings were taken over", found.len()))
}
