//! Archives as the readers of checkpoints and workbooks get them.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A zip archive of these files, stored as they are, with right checksums: a changed byte within a file
/// would otherwise never get past them.
///
/// # Panics
/// Never: writing to memory does not fail, and no name is too long.
#[must_use]
pub fn stored_zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        archive.start_file(*name, stored).expect("a new file in an archive in memory");
        archive.write_all(content).expect("writing to memory");
    }
    archive.finish().expect("writing to memory").into_inner()
}
