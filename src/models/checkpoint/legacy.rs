//! The format before PyTorch 1.6: five pickles in a row (magic number, protocol version, facts about
//! the machine, the state dict, the storages' keys), then the storages, each as its length and its
//! elements. `_legacy_load` of `torch/serialization.py` reads the same.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;

use super::state_dict::{RULES, tensors};
use super::storage::{StorageRef, TensorView};
use crate::pickle::{Pickle, Rules, Value};

/// `MAGIC_NUMBER` of `torch/serialization.py`.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// `PROTOCOL_VERSION` of the same.
const PROTOCOL: i64 = 1001;
/// How the pickled magic number begins: protocol 2, an integer of ten bytes.
const START: &[u8] = &[0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

const NO_GLOBALS: Rules<'static, Infallible> =
    Rules { resolve: &|_, _| None, expected: "plain data in its head", persistent_ids: false };

pub(super) fn has_magic(bytes: &[u8]) -> bool {
    bytes.starts_with(START)
}

pub(super) fn open(bytes: &[u8]) -> Result<(BTreeMap<String, TensorView>, Storages<'_>), String> {
    let mut rest = bytes;
    plain(&mut rest, "the magic number", |value| (value.big_int() == Some(MAGIC)).then_some(()))?;
    plain(&mut rest, "protocol version 1001", |value| (value.int() == Some(PROTOCOL)).then_some(()))?;
    plain(&mut rest, "a little-endian machine", |value| {
        let mut facts = value.pairs()?;
        facts
            .any(|(key, value)| key.text() == Some("little_endian") && value.bool() == Some(true))
            .then_some(())
    })?;
    let pickle =
        Pickle::read(rest, &RULES).map_err(|reason| format!("the state dict is refused {reason}"))?;
    let tensors = tensors(&pickle)?;
    rest = rest.get(pickle.len()..).unwrap_or_default();
    let keys: Vec<String> = plain(&mut rest, "the storages' keys", |value| {
        value.items()?.map(|key| key.text().map(str::to_owned)).collect()
    })?;
    let storages = Storages::read(rest, &keys, &tensors)?;
    Ok((tensors, storages))
}

/// Reads a pickle of plain data from the front of `rest`.
fn plain<T>(
    rest: &mut &[u8],
    expected: &str,
    read: impl FnOnce(Value<'_, '_, Infallible>) -> Option<T>,
) -> Result<T, String> {
    let pickle = Pickle::read(rest, &NO_GLOBALS).map_err(|reason| format!("its head is refused {reason}"))?;
    let read = read(pickle.root()).ok_or_else(|| format!("expected {expected}, found something else"))?;
    *rest = rest.get(pickle.len()..).unwrap_or_default();
    Ok(read)
}

/// The storages, borrowed from the file.
#[derive(Debug)]
pub(super) struct Storages<'f> {
    by_key: HashMap<String, &'f [u8]>,
}

impl<'f> Storages<'f> {
    fn read(
        mut rest: &'f [u8],
        keys: &[String],
        tensors: &BTreeMap<String, TensorView>,
    ) -> Result<Self, String> {
        let refs: HashMap<&str, &StorageRef> =
            tensors.values().map(|tensor| (tensor.storage.key.as_str(), &tensor.storage)).collect();
        let mut by_key = HashMap::new();
        for key in keys {
            let storage =
                refs.get(key.as_str()).ok_or_else(|| format!("storage {key:.40} belongs to no tensor"))?;
            let (len, after) = rest
                .split_first_chunk::<8>()
                .ok_or_else(|| format!("storage {key:.40}: truncated before its length"))?;
            let len = i64::from_le_bytes(*len);
            if usize::try_from(len) != Ok(storage.len) {
                return Err(format!("storage {key:.40}: expected {} elements, found {len}", storage.len));
            }
            let elements = storage.byte_len().and_then(|len| after.split_at_checked(len));
            let (elements, after) = elements.ok_or_else(|| {
                format!("storage {key:.40}: expected {len} elements, found {} bytes: truncated", after.len())
            })?;
            by_key.insert(key.clone(), elements);
            rest = after;
        }
        Ok(Self { by_key })
    }

    pub(super) fn get(&self, storage: &StorageRef) -> Result<&'f [u8], String> {
        let bytes = self.by_key.get(&storage.key).copied();
        let bytes = bytes.ok_or_else(|| format!("its storage {:.40} is not in the file", storage.key))?;
        if storage.byte_len() != Some(bytes.len()) {
            return Err(format!("its storage {:.40} is said to have two lengths", storage.key));
        }
        Ok(bytes)
    }
}
