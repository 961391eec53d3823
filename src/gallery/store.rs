//! The gallery on the disk, `gallery.bin`; the only user of bincode.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic, `FACEREC` and a zero |
//! | 4 | format version: 1, or 2 where a photo is weak, or 3 where a person expires, or 4 where a photo has a file name |
//! | 8 | length of the body |
//! | | body, in bincode: recipe and number of people; then each person, followed by its photos |
//! | 32 | SHA-256 of all that |
//!
//! Numbers are little-endian and of fixed width; text is UTF-8 behind its length in 8 bytes;
//! embeddings are 512 floats of 4 bytes.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::{BorrowDecode, Encode};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::people::MAX_RUN;
use super::{EnrolledPhoto, Gallery, Person, Recipe};
use crate::atomic_file;
use crate::embed::Embedding;
use crate::error::{DataError, Operation, Result};
use crate::file_name::FileName;
use crate::hex::short_hex;
use crate::local_file;
use crate::nn::EMBEDDING_LEN;
use crate::person_name::PersonName;
use crate::student_id::StudentId;

/// Name of the file in the data directory.
pub const FILE_NAME: &str = "gallery.bin";
/// The version of galleries without weak photos. All versions are read; the lowest that holds the gallery is written,
/// so that older versions of facerec read what they can.
pub const FORMAT_VERSION: u32 = 1;
/// The version in which each photo says whether it is weak.
pub const WEAK_PHOTOS_VERSION: u32 = 2;
/// The version in which also each person says on which day it expires.
pub const EXPIRY_VERSION: u32 = 3;
/// The version in which also each photo says what its file was called.
pub const FILE_NAMES_VERSION: u32 = 4;

const MAGIC: [u8; 8] = *b"FACEREC\0";
const HEADER_LEN: usize = MAGIC.len() + 4 + 8;
const CHECKSUM_LEN: usize = 32;
/// Largest file that is read, and so the largest that is written, bytes: two million photos.
const MAX_FILE_BYTES: u64 = 4 << 30;
/// How far from 1 the norm of a stored embedding may be. They are written with norm 1 in float32.
const NORM_TOLERANCE: f64 = 1e-3;

/// Largest single record, bytes; the longest names and IDs stay well below it. bincode checks it
/// against each length that it reads, and all text is borrowed: nothing is allocated for a claim.
const MAX_RECORD_BYTES: usize = 64 << 10;
const CONFIG: Configuration<LittleEndian, Fixint, Limit<MAX_RECORD_BYTES>> =
    bincode::config::legacy().with_limit::<MAX_RECORD_BYTES>();

#[derive(Encode, BorrowDecode)]
struct RecipeRecord<'a> {
    model: &'a str,
    model_sha256: Option<[u8; 32]>,
    margin_px: u32,
    standardisation: StandardisationRecord,
    people: u64,
}

/// Galleries are always standardised once; the file says so, that a reader need not assume it.
#[derive(Encode, BorrowDecode)]
enum StandardisationRecord {
    /// `(v - 127.5) / 128`.
    Once,
}

#[derive(Encode, BorrowDecode)]
struct PersonRecord<'a> {
    id: &'a str,
    name: &'a str,
    student_id: Option<StudentIdRecord<'a>>,
    photos: u64,
}

#[derive(Encode, BorrowDecode)]
enum StudentIdRecord<'a> {
    Integer(i64),
    Number(f64),
    Text(&'a str),
}

#[derive(Encode, BorrowDecode)]
struct PhotoRecord<'a> {
    id: &'a str,
    source_sha256: Option<[u8; 32]>,
    embedding: [f32; EMBEDDING_LEN],
}

/// Follows each person in version 3.
#[derive(Encode, BorrowDecode)]
struct ExpiryRecord {
    expires: Option<DateRecord>,
}

/// A day of the Gregorian calendar.
#[derive(Encode, BorrowDecode)]
struct DateRecord {
    year: i16,
    month: i8,
    day: i8,
}

/// Follows each photo from version 2 on.
#[derive(Encode, BorrowDecode)]
struct WeaknessRecord {
    weak: bool,
}

/// Follows that in version 4.
#[derive(Encode, BorrowDecode)]
struct FileNameRecord<'a> {
    file_name: Option<&'a str>,
}

/// Reads a gallery and lays it out for searching.
///
/// # Errors
/// [`crate::error::Error::Data`] when the file is missing, truncated, altered, of another kind or of a newer
/// version; it says what was expected and what was found.
pub fn read(path: &Path) -> Result<Gallery> {
    let file = format!("the gallery {}", path.display());
    let bytes = read_bounded(path).map_err(DataError::io(&file, Operation::Read))?;
    let gallery = decode(&bytes).map_err(|reason| DataError::content(&file, Operation::Read, reason))?;
    gallery.prepare();
    Ok(gallery)
}

/// Replaces the file at `path` by `gallery`; on the disk when this returns. The returned file is
/// the new one.
///
/// # Errors
/// [`crate::error::Error::Data`] when it can't be written; which file is in place then, [`atomic_file::replace`] says.
pub fn write(path: &Path, gallery: &Gallery) -> Result<File> {
    let file = format!("the gallery {}", path.display());
    let layout = Layout::of(gallery, MAX_FILE_BYTES)
        .map_err(|reason| DataError::content(&file, Operation::Write, reason))?;
    atomic_file::replace(path, |to| layout.write(to)).map_err(DataError::io(&file, Operation::Write))
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("expected a file, found a directory or a device"));
    }
    local_file::read(path, MAX_FILE_BYTES)
}

/// The bytes of a gallery's file.
///
/// # Errors
/// What can't be encoded: a record over its limit, or more than a file may have.
pub fn encode(gallery: &Gallery) -> std::result::Result<Vec<u8>, String> {
    encode_within(gallery, MAX_FILE_BYTES)
}

fn encode_within(gallery: &Gallery, max_bytes: u64) -> std::result::Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    Layout::of(gallery, max_bytes)?.write(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// A gallery whose file has a known size: the header holds it, before the records are written one by one.
struct Layout<'a> {
    gallery: &'a Gallery,
    body_len: u64,
}

impl<'a> Layout<'a> {
    /// Encodes each record once to measure it.
    fn of(gallery: &'a Gallery, max_bytes: u64) -> std::result::Result<Self, String> {
        let mut body_len = 0;
        encode_records(gallery, |record| {
            body_len += record.len() as u64;
            Ok(())
        })
        .map_err(|error| error.to_string())?;
        // It could be written, but never read again.
        if body_len + (HEADER_LEN + CHECKSUM_LEN) as u64 > max_bytes {
            let photos = gallery.photo_count();
            return Err(format!("expected at most {max_bytes} bytes, found more, for {photos} photos"));
        }
        Ok(Self { gallery, body_len })
    }

    /// Writes the whole file. Memory for one record is all that it needs.
    fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut sha256 = Sha256::new();
        let mut write = |bytes: &[u8]| {
            sha256.update(bytes);
            to.write_all(bytes)
        };
        write(&MAGIC)?;
        write(&version(self.gallery).to_le_bytes())?;
        write(&self.body_len.to_le_bytes())?;
        encode_records(self.gallery, write)?;
        to.write_all(&sha256.finalize())
    }
}

/// The lowest version that holds the gallery.
fn version(gallery: &Gallery) -> u32 {
    let any = |has: fn(&Person) -> bool| gallery.people().iter().any(|person| has(person));
    if any(|person| person.photos.iter().any(|photo| photo.file_name.is_some())) {
        FILE_NAMES_VERSION
    } else if any(|person| person.expires.is_some()) {
        EXPIRY_VERSION
    } else if any(|person| person.weak_photos() > 0) {
        WEAK_PHOTOS_VERSION
    } else {
        FORMAT_VERSION
    }
}

/// Calls `sink` with each record of the body, in order.
fn encode_records(gallery: &Gallery, mut sink: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = Vec::new();
    let version = version(gallery);
    let Recipe { model, model_sha256, margin_px } = gallery.recipe();
    let recipe = RecipeRecord {
        model,
        model_sha256: *model_sha256,
        margin_px: *margin_px,
        standardisation: StandardisationRecord::Once,
        people: gallery.len() as u64,
    };
    sink(encode_record(&mut buffer, &recipe)?)?;
    for person in gallery.people() {
        let Person { id, name, student_id, expires, photos } = &**person;
        let student_id = student_id.as_ref().map(|id| match id {
            StudentId::Integer(number) => StudentIdRecord::Integer(*number),
            StudentId::Number(number) => StudentIdRecord::Number(*number),
            StudentId::Text(text) => StudentIdRecord::Text(text),
        });
        let record = PersonRecord { id, name: name.as_str(), student_id, photos: photos.len() as u64 };
        sink(encode_record(&mut buffer, &record)?)?;
        if version >= EXPIRY_VERSION {
            let date = |date: Date| DateRecord { year: date.year(), month: date.month(), day: date.day() };
            sink(encode_record(&mut buffer, &ExpiryRecord { expires: expires.map(date) })?)?;
        }
        for EnrolledPhoto { id, embedding, source_sha256, weak, file_name } in photos {
            let mut values = [0.0; EMBEDDING_LEN];
            embedding.copy_to(&mut values);
            let record = PhotoRecord { id, source_sha256: *source_sha256, embedding: values };
            sink(encode_record(&mut buffer, &record)?)?;
            if version >= WEAK_PHOTOS_VERSION {
                sink(encode_record(&mut buffer, &WeaknessRecord { weak: *weak })?)?;
            }
            if version >= FILE_NAMES_VERSION {
                let file_name = file_name.as_ref().map(FileName::as_str);
                sink(encode_record(&mut buffer, &FileNameRecord { file_name })?)?;
            }
        }
    }
    Ok(())
}

fn encode_record<'a>(buffer: &'a mut Vec<u8>, record: &impl Encode) -> io::Result<&'a [u8]> {
    buffer.clear();
    bincode::encode_into_std_write(record, buffer, CONFIG).map_err(io::Error::other)?;
    Ok(buffer)
}

/// The gallery in a file's bytes, not yet laid out for searching ([`Gallery::prepare`]).
///
/// # Errors
/// What is wrong with them, as [`read`] says it.
pub fn decode(bytes: &[u8]) -> std::result::Result<Gallery, String> {
    let (version, body) = checked_body(bytes)?;
    let mut rest = body;
    let recipe: RecipeRecord<'_> = next(&mut rest)?;
    let StandardisationRecord::Once = recipe.standardisation;
    let mut people: Vec<Person> = Vec::new(); // grows with what is read, not with what is claimed
    for at in 1..=recipe.people as usize {
        people.push(next_person(&mut rest, version)?);
        if at.is_multiple_of(MAX_RUN) {
            Person::pack(&mut people[at - MAX_RUN..]);
        }
    }
    if !rest.is_empty() {
        return Err(format!("{} bytes are left over after the last person", rest.len()));
    }
    let recipe = Recipe {
        model: recipe.model.to_owned(),
        model_sha256: recipe.model_sha256,
        margin_px: recipe.margin_px,
    };
    Gallery::new(recipe, people).map_err(|error| error.to_string())
}

/// The version and the body.
fn checked_body(bytes: &[u8]) -> std::result::Result<(u32, &[u8]), String> {
    let truncated =
        |expected: u64| format!("it is truncated: expected {expected} bytes, found {}", bytes.len());
    let Some((magic, after_magic)) = bytes.split_first_chunk::<8>() else {
        return Err(if MAGIC.starts_with(bytes) { truncated(HEADER_LEN as u64) } else { foreign(bytes) });
    };
    if *magic != MAGIC {
        return Err(foreign(bytes));
    }
    let fields = after_magic.split_first_chunk::<4>().and_then(|(version, after)| {
        let (body_len, after) = after.split_first_chunk::<8>()?;
        Some((u32::from_le_bytes(*version), u64::from_le_bytes(*body_len), after))
    });
    let Some((version, body_len, after_header)) = fields else {
        return Err(truncated((HEADER_LEN + CHECKSUM_LEN) as u64));
    };
    if !(FORMAT_VERSION..=FILE_NAMES_VERSION).contains(&version) {
        return Err(format!(
            "expected a format version from {FORMAT_VERSION} to {FILE_NAMES_VERSION}, found {version}: another facerec wrote it"
        ));
    }
    let expected = body_len.saturating_add((HEADER_LEN + CHECKSUM_LEN) as u64);
    match expected.cmp(&(bytes.len() as u64)) {
        std::cmp::Ordering::Greater => return Err(truncated(expected)),
        std::cmp::Ordering::Less => {
            return Err(format!("it is too long: expected {expected} bytes, found {}", bytes.len()));
        }
        std::cmp::Ordering::Equal => {}
    }
    let (body, stored) =
        after_header.split_at_checked(body_len as usize).ok_or_else(|| truncated(expected))?;
    let (summed, _) =
        bytes.split_at_checked(bytes.len() - CHECKSUM_LEN).ok_or_else(|| truncated(expected))?;
    let computed = Sha256::digest(summed);
    if computed.as_slice() != stored {
        let (expected, found) = (short_hex(stored), short_hex(&computed));
        return Err(format!(
            "it was altered: expected checksum {expected}..., found {found}...; restore it from a backup, or enrol again"
        ));
    }
    Ok((version, body))
}

fn foreign(bytes: &[u8]) -> String {
    let found: Cow<'_, str> = match bytes {
        [] => "an empty file".into(),
        [0x80, 0..=5, ..] => "a Python pickle (facerec import-pickle takes those)".into(),
        // Not its bytes: a file that was linked here by mistake may hold secrets.
        _ => format!("a file of {} bytes that starts otherwise", bytes.len()).into(),
    };
    format!("expected a gallery, which starts with \"FACEREC\", found {found}")
}

/// Takes the next record off `rest`.
fn next<'a, R: BorrowDecode<'a, ()>>(rest: &mut &'a [u8]) -> std::result::Result<R, String> {
    let (record, used) = bincode::borrow_decode_from_slice(rest, CONFIG)
        .map_err(|error| format!("a record is broken: {error}"))?;
    *rest = rest.get(used..).unwrap_or_default();
    Ok(record)
}

fn next_person(rest: &mut &[u8], version: u32) -> std::result::Result<Person, String> {
    let person: PersonRecord<'_> = next(rest)?;
    let student_id = match person.student_id {
        None => None,
        Some(StudentIdRecord::Integer(number)) => Some(StudentId::Integer(number)),
        Some(StudentIdRecord::Number(number)) if number.is_finite() => Some(StudentId::Number(number)),
        Some(StudentIdRecord::Number(number)) => return Err(format!("expected a finite ID, found {number}")),
        Some(StudentIdRecord::Text(text)) => {
            Some(StudentId::from_text(text).ok_or_else(|| "a person's ID is empty or too long".to_owned())?)
        }
    };
    let expires = if version >= EXPIRY_VERSION { next::<ExpiryRecord>(rest)?.expires } else { None };
    let expires = expires.map(|DateRecord { year, month, day }| {
        Date::new(year, month, day).map_err(|_| format!("expected a day, found {year}-{month}-{day}"))
    });
    let expires = expires.transpose()?;
    let mut photos = Vec::new();
    for _ in 0..person.photos {
        let photo: PhotoRecord<'_> = next(rest)?;
        let weak = version >= WEAK_PHOTOS_VERSION && next::<WeaknessRecord>(rest)?.weak;
        let file_name =
            if version >= FILE_NAMES_VERSION { next::<FileNameRecord<'_>>(rest)?.file_name } else { None };
        photos.push(EnrolledPhoto {
            id: photo.id.into(),
            embedding: unit_embedding(&photo.embedding)?,
            source_sha256: photo.source_sha256,
            weak,
            file_name: file_name.and_then(FileName::of),
        });
    }
    let name = PersonName::parse(person.name).map_err(|error| error.to_string())?;
    Ok(Person { id: person.id.to_owned(), name, student_id, expires, photos })
}

/// The numbers as they were written: [`Embedding::new`] would scale them again and move last bits.
pub(crate) fn unit_embedding(values: &[f32; EMBEDDING_LEN]) -> std::result::Result<Embedding, String> {
    // Side by side, since each sum alone waits for the one before.
    let mut squares = [0.0; 8];
    for values in values.as_chunks::<8>().0 {
        squares.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value).powi(2));
    }
    let norm = squares.iter().sum::<f64>().sqrt();
    if norm.is_nan() || (norm - 1.0).abs() > NORM_TOLERANCE {
        return Err(format!("expected embeddings of norm 1, found {norm}"));
    }
    Ok(Embedding::of_unit(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let recipe = Recipe { model: "casia".to_owned(), model_sha256: None, margin_px: 0 };
        let embedding = Embedding::new(vec![1.0; EMBEDDING_LEN]).unwrap();
        let person = Person {
            id: "1".to_owned(),
            name: PersonName::parse("Ada").unwrap(),
            student_id: None,
            expires: None,
            photos: vec![EnrolledPhoto::new(embedding, None)],
        };
        let gallery = Gallery::new(recipe, vec![person]).unwrap();
        let bytes = encode(&gallery).unwrap();
        let fits = bytes.len() as u64;
        assert_eq!(encode_within(&gallery, fits).unwrap(), bytes);
        let expected = format!("expected at most {} bytes, found more, for 1 photos", fits - 1);
        assert_eq!(encode_within(&gallery, fits - 1).unwrap_err(), expected);
    }
}
