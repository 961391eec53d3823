//! The defence against hostile .xlsx files: zip archives of XML whose sizes calamine trusts. The
//! archive is unpacked once within limits, and whatever would make calamine allocate more than the
//! archive holds is refused.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::error::{Error, InputError, Result};

/// Largest workbook file taken, bytes: about half a million rows.
pub(super) const MAX_FILE_BYTES: usize = 16 << 20;
/// Most that all parts of a workbook may unpack to, bytes.
const MAX_UNPACKED_BYTES: u64 = 64 << 20;
/// Most shared strings: four for each row of the largest sheet. Each takes 24 bytes of memory, even
/// where it has but 5 in the file.
const MAX_STRINGS: usize = 4 << 20;

/// The error for a file that is no usable workbook.
pub(super) fn not_a_workbook(found: &str) -> Error {
    InputError::InvalidWorkbook(format!("expected an .xlsx workbook, found: {found}")).into()
}

/// Checks the size of the file and that it is a zip archive, and unpacks it once, keeping nothing.
///
/// # Errors
/// [`InputError::InvalidWorkbook`] saying what was found.
pub(super) fn check(bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_FILE_BYTES {
        let found = format!("{} bytes, more than {MAX_FILE_BYTES}", bytes.len());
        return Err(not_a_workbook(&found));
    }
    // A zip archive may have anything before it. calamine looks there for an old workbook with a
    // password, and follows a chain of sectors that may be a ring, gathering them for ever.
    if !bytes.starts_with(b"PK") {
        return Err(not_a_workbook(kind_of(bytes)));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| not_a_workbook(kind_of(bytes)))?;
    let too_large = || {
        let found = format!("a zip archive that unpacks to more than {} MiB", MAX_UNPACKED_BYTES >> 20);
        not_a_workbook(&found)
    };
    // What the directory claims, before anything is unpacked ...
    let mut claimed: u64 = 0;
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at).map_err(|error| not_a_workbook(&error.to_string()))?;
        claimed = claimed.saturating_add(entry.size());
    }
    if claimed > MAX_UNPACKED_BYTES {
        return Err(too_large());
    }
    // ... and what it really unpacks to, since a directory can lie (the zip crate notices that, too).
    let mut left = MAX_UNPACKED_BYTES;
    let mut part = Vec::new();
    for at in 0..archive.len() {
        part.clear();
        let entry = archive.by_index(at).map_err(|error| not_a_workbook(&error.to_string()))?;
        let name = entry.name_raw().to_ascii_lowercase();
        let unpacked = entry
            .take(left + 1)
            .read_to_end(&mut part)
            .map_err(|error| not_a_workbook(&error.to_string()))?;
        left = left.checked_sub(unpacked as u64).ok_or_else(too_large)?;
        if let Some(found) = what_is_refused(&name, &part) {
            return Err(not_a_workbook(found));
        }
    }
    Ok(())
}

/// What bytes that are no zip archive look like.
fn kind_of(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "an empty file",
        [0xd0, 0xcf, 0x11, 0xe0, ..] => "an old .xls workbook, or one with a password",
        [b'P', b'K', ..] => "a damaged or truncated zip archive",
        _ if std::str::from_utf8(bytes).is_ok() => "a text file",
        _ => "a file of another kind",
    }
}

/// What in a part of the archive would cost calamine more than the part's size; `None` for nothing.
fn what_is_refused(lower_case_name: &[u8], part: &[u8]) -> Option<&'static str> {
    // XML has no zero bytes, unless it is in UTF-16, which no spreadsheet program writes.
    let is_xml = [&b".xml"[..], b".rels"].iter().any(|ending| lower_case_name.ends_with(ending));
    if is_xml && part.contains(&0) {
        return Some("a part that should be XML in UTF-8, with zero bytes in it");
    }
    // Whatever it is called or looks like: the workbook says which part is which, and quick-xml
    // passes over what stands before the first tag.
    if claims_too_many_strings(part) {
        return Some("a table of shared strings that claims more strings than it can hold");
    }
    let is_string = |window: &&[u8]| {
        matches!(window, [b'<' | b':', b's', b'i', b'>' | b'/' | b' ' | b'\t' | b'\n' | b'\r'])
    };
    let strings = part.windows(4).filter(is_string).count();
    (strings > MAX_STRINGS).then_some("a table of more than 4194304 shared strings")
}

/// calamine reserves memory for `uniqueCount` strings before it reads one. A string takes at least
/// the 5 bytes of `<si/>`. calamine doesn't decode UTF-16 or the like: where the attribute isn't seen
/// here, it isn't seen there.
fn claims_too_many_strings(part: &[u8]) -> bool {
    const COUNT: &[u8] = b"uniqueCount";
    let most = MAX_STRINGS.min(part.len() / b"<si/>".len()) as u64;
    part.windows(COUNT.len())
        .enumerate()
        .filter(|(_, window)| *window == COUNT)
        .any(|(at, _)| claimed_count(part, at + COUNT.len()).is_none_or(|claimed| claimed > most))
}

/// The number that follows at `at`: 0 where the tag ends before one comes, `None` where neither is
/// near. A part may name the attribute millions of times: little is looked at for each.
fn claimed_count(part: &[u8], at: usize) -> Option<u64> {
    const NEAR: usize = 64;
    let near = part.get(at..part.len().min(at + NEAR))?;
    let start = near.iter().position(|byte| byte.is_ascii_digit() || *byte == b'>')?;
    let value = near.get(start..)?;
    let end = value.iter().position(|byte| !byte.is_ascii_digit())?;
    let add = |sum: u64, digit: &u8| sum.saturating_mul(10).saturating_add(u64::from(*digit - b'0'));
    Some(value.get(..end)?.iter().fold(0, add))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_strings_is_limited_by_what_it_can_hold_and_by_a_number() {
        let refused = |part: &str| what_is_refused(b"xl/sharedstrings.xml", part.as_bytes());
        let holding = |strings: usize, claimed: usize| {
            let part = format!("<sst uniqueCount=\"{claimed}\">{}</sst>", "<si/>".repeat(strings));
            refused(&part)
        };
        assert_eq!(holding(MAX_STRINGS, MAX_STRINGS), None);
        let claims = Some("a table of shared strings that claims more strings than it can hold");
        assert_eq!(holding(100, 200), claims);
        assert_eq!(holding(MAX_STRINGS, MAX_STRINGS + 1), claims);
        let many = Some("a table of more than 4194304 shared strings");
        assert_eq!(holding(MAX_STRINGS + 1, 1), many);
        assert_eq!(refused(&"<x:si></x:si>".repeat(MAX_STRINGS + 1)), many);
    }
}
