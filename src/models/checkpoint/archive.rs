//! The format since PyTorch 1.6: a zip archive with `NAME/data.pkl` (the state dict) and a file
//! `NAME/data/KEY` for each storage, all stored without compression.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Cursor};

use zip::{CompressionMethod, ZipArchive};

use super::state_dict::{RULES, tensors};
use super::storage::{StorageRef, TensorView};
use crate::pickle::Pickle;

/// Name of the pickle in the archive's only directory.
const PICKLE: &str = "/data.pkl";

pub(super) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

pub(super) fn open(bytes: &[u8]) -> Result<(BTreeMap<String, TensorView>, Storages<'_>), String> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|reason| format!("zip archive: {reason}"))?;
    let directory = archive
        .file_names()
        .flatten()
        .find_map(|name| {
            name.strip_suffix(PICKLE).filter(|directory| !directory.contains('/')).map(str::to_owned)
        })
        .ok_or("expected a file data.pkl in the zip archive's directory, found none")?;
    let mut storages =
        Storages { bytes, archive, directory, checked: HashMap::new(), unchecked_bytes: bytes.len() as u64 };
    storages.check_byte_order()?;
    let name = format!("{}{PICKLE}", storages.directory);
    let pickle = storages.file(&name)?;
    let pickle =
        Pickle::read(pickle, &RULES).map_err(|reason| format!("the state dict is refused {reason}"))?;
    let tensors = tensors(&pickle)?;
    Ok((tensors, storages))
}

/// The archive and what was read of it.
#[derive(Debug)]
pub(super) struct Storages<'f> {
    bytes: &'f [u8],
    archive: ZipArchive<Cursor<&'f [u8]>>,
    directory: String,
    /// Files whose checksum was right.
    checked: HashMap<String, &'f [u8]>,
    /// How many bytes may still be summed. Files of an honest archive don't overlap, so they can't
    /// have more bytes than the archive.
    unchecked_bytes: u64,
}

impl<'f> Storages<'f> {
    pub(super) fn get(&mut self, storage: &StorageRef) -> Result<&'f [u8], String> {
        let bytes = self.file(&format!("{}/data/{}", self.directory, storage.key))?;
        if storage.byte_len() != Some(bytes.len()) {
            return Err(format!(
                "its storage {:.40}: expected {} elements of {} bytes, found {} bytes",
                storage.key,
                storage.len,
                storage.element.size(),
                bytes.len()
            ));
        }
        Ok(bytes)
    }

    /// Archives since PyTorch 2.1 say which byte order their storages have.
    fn check_byte_order(&mut self) -> Result<(), String> {
        let name = format!("{}/byteorder", self.directory);
        if self.archive.index_for_name(&name).is_some() && self.file(&name)? != b"little" {
            return Err("expected little-endian storages, found another byte order".into());
        }
        Ok(())
    }

    /// The content of a stored file, borrowed from the archive, after its checksum was found right.
    fn file(&mut self, name: &str) -> Result<&'f [u8], String> {
        if let Some(bytes) = self.checked.get(name) {
            return Ok(bytes);
        }
        let error = |reason: String| format!("the zip archive's file {name:.80}: {reason}");
        let mut file = self.archive.by_name(name).map_err(|reason| error(reason.to_string()))?;
        if file.compression() != CompressionMethod::Stored {
            return Err(error(format!("expected it stored as it is, found {}", file.compression())));
        }
        self.unchecked_bytes = self
            .unchecked_bytes
            .checked_sub(file.size())
            .ok_or_else(|| error("overlaps with others: more bytes than the archive has".into()))?;
        // Reading to the end checks the CRC-32.
        let read = io::copy(&mut file, &mut io::sink()).map_err(|reason| error(reason.to_string()))?;
        let range = file.data_start().and_then(|start| {
            Some(usize::try_from(start).ok()?..usize::try_from(start.checked_add(read)?).ok()?)
        });
        let bytes = range.and_then(|range| self.bytes.get(range));
        let bytes = bytes.ok_or_else(|| error("lies beyond the archive's end".into()))?;
        self.checked.insert(name.to_owned(), bytes);
        Ok(bytes)
    }
}
