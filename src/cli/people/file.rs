//! The file of exported people: JSON with the gallery's recipe, and each photo's embedding in base64.

use std::path::Path;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::output::printable;
use crate::embed::Embedding;
use crate::file_name::FileName;
use crate::gallery::store::unit_embedding;
use crate::gallery::{EnrolledPhoto, Gallery, Person, Recipe};
use crate::hex::{sha256_from_hex, to_hex};
use crate::local_file;
use crate::nn::EMBEDDING_LEN;
use crate::person_name::PersonName;
use crate::presentation::json_id::JsonId;
use crate::student_id::StudentId;

/// What stands in `format`.
const FORMAT: &str = "facerec-people";
/// What stands in `version`.
const VERSION: u32 = 1;
/// Largest file that is read, bytes: 350,000 photos.
const MAX_FILE_BYTES: u64 = 1 << 30;

#[derive(Serialize, Deserialize)]
struct PeopleFile {
    format: String,
    version: u32,
    model: String,
    model_sha256: Option<String>,
    margin_px: u32,
    people: Vec<PersonRecord>,
}

#[derive(Serialize, Deserialize)]
struct PersonRecord {
    id: String,
    name: String,
    student_id: Option<Value>,
    expires: Option<String>,
    photos: Vec<PhotoRecord>,
}

#[derive(Serialize, Deserialize)]
struct PhotoRecord {
    id: String,
    weak: bool,
    source_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file_name: Option<String>,
    /// 512 floats of 4 bytes, little-endian, in base64.
    embedding: String,
}

/// The people of a gallery as the text of a file.
///
/// # Errors
/// When JSON can't hold them.
pub(super) fn to_json(gallery: &Gallery) -> anyhow::Result<String> {
    let Recipe { model, model_sha256, margin_px } = gallery.recipe();
    let people =
        gallery.people().iter().map(|person| person_record(person)).collect::<anyhow::Result<Vec<_>>>()?;
    let file = PeopleFile {
        format: FORMAT.to_owned(),
        version: VERSION,
        model: model.clone(),
        model_sha256: model_sha256.as_ref().map(|sha256| to_hex(sha256)),
        margin_px: *margin_px,
        people,
    };
    Ok(serde_json::to_string_pretty(&file)? + "\n")
}

fn person_record(person: &Person) -> anyhow::Result<PersonRecord> {
    let student_id = person.student_id.as_ref().map(|id| serde_json::to_value(JsonId::from(id)));
    Ok(PersonRecord {
        id: person.id.clone(),
        name: person.name.to_string(),
        student_id: student_id.transpose()?,
        expires: person.expires.map(|day| day.to_string()),
        photos: person.photos.iter().map(photo_record).collect(),
    })
}

fn photo_record(photo: &EnrolledPhoto) -> PhotoRecord {
    let bytes: Vec<u8> = photo.embedding.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    PhotoRecord {
        id: photo.id.to_string(),
        weak: photo.weak,
        source_sha256: photo.source_sha256.as_ref().map(|sha256| to_hex(sha256)),
        file_name: photo.file_name.as_ref().map(|name| name.as_str().to_owned()),
        embedding: BASE64.encode(bytes),
    }
}

/// Reads a file of exported people.
///
/// # Errors
/// When it can't be read, is of another kind, or holds what no gallery may.
pub(super) fn read(path: &Path) -> anyhow::Result<Gallery> {
    let shown = printable(path);
    let bytes = local_file::read(path, MAX_FILE_BYTES).with_context(|| format!("{shown} can't be read"))?;
    from_json(&bytes).with_context(|| shown.clone())
}

fn from_json(bytes: &[u8]) -> anyhow::Result<Gallery> {
    let file: PeopleFile = serde_json::from_slice(bytes).map_err(|error| {
        anyhow::anyhow!("expected a file that `facerec people export` wrote, found {error}")
    })?;
    ensure!(
        (file.format.as_str(), file.version) == (FORMAT, VERSION),
        "expected format {FORMAT:?} of version {VERSION}, found {:?} of version {}",
        file.format,
        file.version
    );
    let recipe = Recipe {
        model: file.model,
        model_sha256: file.model_sha256.as_deref().map(checksum).transpose()?,
        margin_px: file.margin_px,
    };
    let people = file.people.into_iter().map(|person| {
        let name = person.name.clone();
        person_of(person).with_context(|| name)
    });
    Ok(Gallery::new(recipe, people.collect::<anyhow::Result<Vec<_>>>()?)?)
}

fn person_of(person: PersonRecord) -> anyhow::Result<Person> {
    let student_id = person.student_id.as_ref().map(student_id).transpose()?;
    let expires = person.expires.map(|day| day.parse()).transpose().context("expected a day in `expires`")?;
    let photos = person.photos.into_iter().map(photo_of).collect::<anyhow::Result<_>>()?;
    Ok(Person { id: person.id, name: PersonName::parse(&person.name)?, student_id, expires, photos })
}

fn student_id(value: &Value) -> anyhow::Result<StudentId> {
    let id = JsonId::try_from(value).map_err(|expected| anyhow::anyhow!("expected as ID {expected}"))?;
    let id = match id {
        JsonId::Integer(number) => Some(StudentId::Integer(number)),
        JsonId::Number(number) => StudentId::from_number(number),
        JsonId::Text(text) => StudentId::from_text(&text),
    };
    id.context("expected an ID, found one that is empty or too long")
}

fn photo_of(photo: PhotoRecord) -> anyhow::Result<EnrolledPhoto> {
    Ok(EnrolledPhoto {
        id: photo.id.into(),
        embedding: embedding(&photo.embedding)?,
        source_sha256: photo.source_sha256.as_deref().map(checksum).transpose()?,
        weak: photo.weak,
        file_name: photo.file_name.as_deref().and_then(FileName::of),
    })
}

fn embedding(text: &str) -> anyhow::Result<Embedding> {
    let bytes = BASE64.decode(text).context("expected an embedding in base64")?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let found = values.len();
    let values: [f32; EMBEDDING_LEN] = values
        .try_into()
        .ok()
        .filter(|_| rest.is_empty())
        .with_context(|| format!("expected embeddings of {EMBEDDING_LEN} numbers, found {found}"))?;
    unit_embedding(&values).map_err(anyhow::Error::msg)
}

fn checksum(text: &str) -> anyhow::Result<[u8; 32]> {
    sha256_from_hex(text)
        .with_context(|| format!("expected the 64 hexadecimal digits of a SHA-256, found {text:?}"))
}
