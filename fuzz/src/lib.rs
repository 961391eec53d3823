//! What several fuzz targets need.

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

/// Lets panics pass that arise in files of `library`: the code under test catches those, and says why.
/// Without this every panic ends the run, caught or not. To be called before the first input.
pub fn allow_panics_of(library: &'static str) {
    let ends_the_run = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains(library)) {
            ends_the_run(panic);
        }
    }));
}
