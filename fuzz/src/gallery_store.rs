//! A gallery's file, as it is and with length and checksum put right. What is read must be written and
//! read again as the same.

use facerec::gallery::store::{decode, encode};
use sha2::{Digest, Sha256};

const HEADER_LEN: usize = 20;
const CHECKSUM_LEN: usize = 32;

/// Runs the target.
pub fn run(file: &[u8]) {
    drop(decode(file));
    let Some(sealed) = sealed(file) else { return };
    let Ok(gallery) = decode(&sealed) else { return };
    gallery.prepare();
    let written = encode(&gallery).expect("what was read can be written");
    assert!(decode(&written).as_ref() == Ok(&gallery), "what was written is read as something else");
}

/// The file with the length and the checksum that its body has.
fn sealed(file: &[u8]) -> Option<Vec<u8>> {
    let body_len = file.len().checked_sub(HEADER_LEN + CHECKSUM_LEN)?;
    let mut sealed = file[..HEADER_LEN + body_len].to_vec();
    sealed[HEADER_LEN - 8..HEADER_LEN].copy_from_slice(&(body_len as u64).to_le_bytes());
    let checksum = Sha256::digest(&sealed);
    sealed.extend_from_slice(&checksum);
    Some(sealed)
}
