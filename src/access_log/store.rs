//! Where entries are kept.

use std::io;

/// A place that entries are added to.
pub trait LogStore: Send {
    /// Adds whole lines, each an entry as JSON; they are durable when this returns. What was written is taken out of `lines`, also where
    /// the rest could not be. Blocks on the disk or the network.
    ///
    /// # Errors
    /// When not all of it could be written.
    fn append(&mut self, lines: &mut Vec<u8>) -> io::Result<()>;
}
