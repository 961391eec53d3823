//! Reads the old service's `face_model.pkl`: a dict from name to a list of numpy arrays, each the
//! embedding of one enrolled face.
//!
//! The numbers may be float16, 32 or 64, of either byte order; the arrays flat, `(1, 512)` or
//! `(n, 512)`, in C or Fortran order, written by numpy 1 or 2 in any pickle protocol.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{EnrolledPhoto, Gallery, Person, Recipe};
use crate::embed::Embedding;
use crate::error::{DataError, Operation, Result};
use crate::nn::EMBEDDING_LEN;
use crate::person_name::PersonName;
use crate::pickle::{Pickle, Rules, Value};
use numpy::{Numpy, NumpyArray, resolve};

mod kind;
mod numpy;

/// Largest file that is read, bytes. More enrolled faces than a pickle may hold
/// ([`crate::pickle::MAX_OBJECTS`]), unless they are float64.
pub const MAX_FILE_BYTES: u64 = 1 << 29;
/// How far from 1 a stored embedding's norm may be for its numbers to be kept as they are. Float32
/// arithmetic leaves about 1e-7; anything beyond this was never normalised.
const NORM_TOLERANCE: f64 = 1e-3;
/// Shortest way to write an embedding, bytes: 512 numbers of float16.
const MIN_EMBEDDING_BYTES: usize = EMBEDDING_LEN * 2;

/// Most of a name that can't be used that a message shows, characters.
const MAX_SHOWN_CHARS: usize = 60;

/// An enrolled name and its embeddings, in the order of the file.
pub type NamedEmbeddings = (String, Vec<Embedding>);

/// Reads the pickle at `path` as a gallery.
///
/// # Errors
/// [`crate::error::Error::Data`] naming the file, when it can't be read, is larger than [`MAX_FILE_BYTES`], or
/// for what [`import`] refuses.
pub fn import_file(path: &Path) -> Result<Gallery> {
    let failed = DataError::io_at(path, Operation::Import);
    let refused = |reason: &dyn Display| DataError::content(path.display(), Operation::Import, reason);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(&failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(&failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(refused(&format_args!("expected at most {MAX_FILE_BYTES} bytes, found more")));
    }
    import(&bytes).map_err(|error| match kind::looks_like(&bytes) {
        Some(kind) => refused(&format_args!("expected the Flask service's pickle, found {kind}")),
        None => refused(&error),
    })
}

/// The gallery in a pickle. Its recipe is the old service's: vggface2, no margin. Names without a
/// single embedding, which the old enrolment wrote where it found no face, are left out.
///
/// # Errors
/// [`crate::error::Error::Data`] for what [`read`] refuses, and for a pickle without any embedding.
pub fn import(bytes: &[u8]) -> Result<Gallery> {
    let mut people = Vec::new();
    for (name, embeddings) in read(bytes)? {
        let photos: Vec<_> =
            embeddings.into_iter().map(|embedding| EnrolledPhoto::new(embedding, None)).collect();
        if !photos.is_empty() {
            people.push(Person::new(parse_name(&name)?, None, photos));
        }
    }
    if people.is_empty() {
        return Err(DataError::Invalid("expected at least one enrolled face, found none".into()).into());
    }
    let recipe = Recipe { model: "vggface2".into(), model_sha256: None, margin_px: 0 };
    Gallery::new(recipe, people)
}

fn parse_name(name: &str) -> Result<PersonName> {
    let refused = |error| {
        let start: String = name.chars().take(MAX_SHOWN_CHARS).collect();
        DataError::Invalid(format!("\"{}\": {error}", start.escape_debug()))
    };
    Ok(PersonName::parse(name).map_err(refused)?)
}

/// The names and embeddings in a pickle. Nothing in it is run; every global but numpy's array
/// constructors is refused by name. Numbers of norm 1 are kept bit for bit, others are scaled.
///
/// # Errors
/// [`crate::error::Error::Data`] saying what was expected and what was found.
pub fn read(bytes: &[u8]) -> Result<Vec<NamedEmbeddings>> {
    let rules = Rules {
        resolve: &resolve,
        expected: "numpy's array constructors (numpy.ndarray, numpy.dtype, _reconstruct, _frombuffer, \
                   _codecs.encode)",
        persistent_ids: false,
    };
    let pickle = Pickle::read(bytes, &rules)
        .map_err(|reason| DataError::Invalid(format!("the pickle is refused {reason}")))?;
    let root = pickle.root();
    let people = root.pairs().ok_or_else(|| {
        DataError::Invalid(format!("expected a dict from name to arrays, found {}", root.kind()))
    })?;
    // An array can be referred to from many places at two bytes each, so copies are counted.
    let mut room = bytes.len() / MIN_EMBEDDING_BYTES + 1;
    let mut names = HashSet::new();
    let mut named = Vec::new();
    for (key, value) in people {
        let name = key.text().filter(|name| !name.is_empty()).ok_or_else(|| {
            DataError::Invalid(format!("expected a name as the dict's key, found {}", key.kind()))
        })?;
        if !names.insert(name) {
            let message = format!("the name \"{}\" stands twice in the dict", name.escape_debug());
            return Err(DataError::Invalid(message).into());
        }
        let embeddings = embeddings(value, &mut room)
            .map_err(|reason| DataError::Invalid(format!("\"{}\": {reason}", name.escape_debug())))?;
        named.push((name.to_owned(), embeddings));
    }
    Ok(named)
}

/// A list of arrays, or one array.
fn embeddings(value: Value<'_, '_, Numpy>, room: &mut usize) -> Result<Vec<Embedding>, String> {
    let mut embeddings = Vec::new();
    match value.items() {
        Some(arrays) => {
            for (index, array) in arrays.enumerate() {
                append_rows(array, room, &mut embeddings)
                    .map_err(|reason| format!("array {}: {reason}", index + 1))?;
            }
        }
        None => append_rows(value, room, &mut embeddings)?,
    }
    Ok(embeddings)
}

fn append_rows(
    value: Value<'_, '_, Numpy>,
    room: &mut usize,
    embeddings: &mut Vec<Embedding>,
) -> Result<(), String> {
    let array = NumpyArray::from_value(value)?;
    let rows = array.rows()?;
    *room = room.checked_sub(rows).ok_or("more embeddings than a file of this size can hold")?;
    let bytes = array.bytes()?;
    for row in 0..rows {
        let values = (0..EMBEDDING_LEN).map(|column| {
            array.number(
                &bytes,
                if array.fortran { column * rows + row } else { row * EMBEDDING_LEN + column },
            )
        });
        let values =
            values.collect::<Option<Vec<_>>>().ok_or("the array has fewer numbers than its shape says")?;
        embeddings.push(embedding(values)?);
    }
    Ok(())
}

fn embedding(values: Vec<f32>) -> Result<Embedding, String> {
    let norm = values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if let (Ok(unit), true) = (values.as_slice().try_into(), (norm - 1.0).abs() <= NORM_TOLERANCE) {
        return Ok(Embedding::of_unit(unit));
    }
    Embedding::new(values).ok_or_else(|| format!("expected a vector of norm 1, found norm {norm}"))
}
