//! Reads the old service's `face_model.pkl`: a dict from name to a list of numpy arrays, each the
//! embedding of one enrolled face.
//!
//! The numbers may be float16, 32 or 64, of either byte order; the arrays flat, `(1, 512)` or
//! `(n, 512)`, in C or Fortran order, written by numpy 1 or 2 in any pickle protocol.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use half::f16;

use super::{EnrolledPhoto, Gallery, Person, Recipe};
use crate::embed::Embedding;
use crate::error::{Error, Result};
use crate::nn::EMBEDDING_LEN;
use crate::pickle::{Pickle, Rules, Value};

/// Largest file that is read, bytes. A quarter of a million enrolled faces.
pub const MAX_FILE_BYTES: u64 = 1 << 30;
/// How far from 1 a stored embedding's norm may be for its numbers to be kept as they are. Float32
/// arithmetic leaves about 1e-7; anything beyond this was never normalised.
const NORM_TOLERANCE: f64 = 1e-3;
/// Shortest way to write an embedding, bytes: 512 numbers of float16.
const MIN_EMBEDDING_BYTES: usize = EMBEDDING_LEN * 2;

/// The functions and classes with which numpy's arrays are pickled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numpy {
    /// `numpy.core.multiarray._reconstruct`: an empty array, filled through its state.
    Reconstruct,
    /// `numpy.core.numeric._frombuffer`: an array from bytes (protocol 5).
    FromBuffer,
    /// `numpy.ndarray`.
    NdArray,
    /// `numpy.dtype`.
    DType,
    /// `_codecs.encode`: how protocols below 3 write bytes.
    Encode,
}

fn resolve(module: &str, name: &str) -> Option<Numpy> {
    Some(match (module, name) {
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Numpy::Reconstruct,
        ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Numpy::FromBuffer,
        ("numpy", "ndarray") => Numpy::NdArray,
        ("numpy", "dtype") => Numpy::DType,
        ("_codecs", "encode") => Numpy::Encode,
        _ => return None,
    })
}

/// An enrolled name and its embeddings, in the order of the file.
pub type NamedEmbeddings = (String, Vec<Embedding>);

/// Reads the pickle at `path` as a gallery.
///
/// # Errors
/// [`Error::Data`] naming the file, when it can't be read, is larger than [`MAX_FILE_BYTES`], or
/// for what [`import`] refuses.
pub fn import_file(path: &Path) -> Result<Gallery> {
    let error = |reason: String| Error::Data(format!("{} can't be imported: {reason}", path.display()));
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|reason| error(reason.to_string()))?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|reason| error(reason.to_string()))?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(error(format!("expected at most {MAX_FILE_BYTES} bytes, found more")));
    }
    import(&bytes).map_err(|reason| error(reason.to_string()))
}

/// The gallery in a pickle. Its recipe is the old service's: vggface2, no margin. Names without a
/// single embedding, which the old enrolment wrote where it found no face, are left out.
///
/// # Errors
/// [`Error::Data`] for what [`read`] refuses, and for a pickle without any embedding.
pub fn import(bytes: &[u8]) -> Result<Gallery> {
    let mut people = Vec::new();
    for (name, embeddings) in read(bytes)? {
        let photos: Vec<_> =
            embeddings.into_iter().map(|embedding| EnrolledPhoto::new(embedding, None)).collect();
        if !photos.is_empty() {
            people.push(Person::new(&name, None, photos)?);
        }
    }
    if people.is_empty() {
        return Err(Error::Data("expected at least one enrolled face, found none".into()));
    }
    let recipe = Recipe { model: "vggface2".into(), model_sha256: None, margin_px: 0 };
    Gallery::new(recipe, people)
}

/// The names and embeddings in a pickle. Nothing in it is run; every global but numpy's array
/// constructors is refused by name. Numbers of norm 1 are kept bit for bit, others are scaled.
///
/// # Errors
/// [`Error::Data`] saying what was expected and what was found.
pub fn read(bytes: &[u8]) -> Result<Vec<NamedEmbeddings>> {
    let rules = Rules {
        resolve: &resolve,
        expected: "numpy's array constructors (numpy.ndarray, numpy.dtype, _reconstruct, _frombuffer, \
                   _codecs.encode)",
        persistent_ids: false,
    };
    let pickle = Pickle::read(bytes, &rules)
        .map_err(|reason| Error::Data(format!("the pickle is refused {reason}")))?;
    let root = pickle.root();
    let people = root
        .pairs()
        .ok_or_else(|| Error::Data(format!("expected a dict from name to arrays, found {}", root.kind())))?;
    // An array can be referred to from many places at two bytes each, so copies are counted.
    let mut room = bytes.len() / MIN_EMBEDDING_BYTES + 1;
    let mut names = HashSet::new();
    let mut named = Vec::new();
    for (key, value) in people {
        let name = key
            .text()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Error::Data(format!("expected a name as the dict's key, found {}", key.kind())))?;
        if !names.insert(name) {
            return Err(Error::Data(format!(
                "the name \"{}\" stands twice in the dict",
                name.escape_debug()
            )));
        }
        let embeddings = embeddings(value, &mut room)
            .map_err(|reason| Error::Data(format!("\"{}\": {reason}", name.escape_debug())))?;
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
    if (norm - 1.0).abs() <= NORM_TOLERANCE {
        return Ok(Embedding(values));
    }
    Embedding::new(values).ok_or_else(|| format!("expected a vector of norm 1, found norm {norm}"))
}

/// A number's type.
#[derive(Debug, Clone, Copy)]
struct DType {
    /// Bytes of one number: 2, 4 or 8.
    size: usize,
    big_endian: bool,
}

/// A numpy array as pickled.
struct NumpyArray<'p, 'f> {
    shape: Vec<usize>,
    dtype: DType,
    fortran: bool,
    data: Value<'p, 'f, Numpy>,
}

impl<'p, 'f> NumpyArray<'p, 'f> {
    fn from_value(value: Value<'p, 'f, Numpy>) -> Result<Self, String> {
        let not_an_array = || format!("expected a numpy array, found {}", value.kind());
        let call = value.call().ok_or_else(not_an_array)?;
        let (shape, dtype, fortran, data) = match call.callable {
            Numpy::Reconstruct => {
                // `ndarray.__setstate__((version, shape, dtype, is_fortran, data))`
                let state = call.state.ok_or("expected an array with its content, found it without")?;
                let [_, shape, dtype, fortran, data] =
                    state.tuple().ok_or("expected an array's state of five parts")?;
                (shape, dtype, fortran.bool().ok_or("expected the array's order as a bool")?, data)
            }
            Numpy::FromBuffer => {
                let [data, dtype, shape, order] =
                    call.args.tuple().ok_or("expected _frombuffer with four arguments")?;
                let fortran = match order.text() {
                    Some("C") => false,
                    Some("F") => true,
                    _ => return Err("expected the array's order as C or F".into()),
                };
                (shape, dtype, fortran, data)
            }
            Numpy::NdArray | Numpy::DType | Numpy::Encode => return Err(not_an_array()),
        };
        let shape = shape.sizes().ok_or("expected an array's shape as a tuple of sizes")?;
        Ok(Self { shape, dtype: DType::from_value(dtype)?, fortran, data })
    }

    /// How many embeddings the shape holds.
    fn rows(&self) -> Result<usize, String> {
        let rows = match self.shape.as_slice() {
            [EMBEDDING_LEN] => Some(1),
            [rows, EMBEDDING_LEN] => Some(*rows),
            _ => None,
        };
        rows.ok_or_else(|| {
            format!(
                "expected an array of {EMBEDDING_LEN} or n x {EMBEDDING_LEN} numbers, found {:?}",
                self.shape
            )
        })
    }

    /// The array's memory, after its length was compared with the shape.
    fn bytes(&self) -> Result<Cow<'p, [u8]>, String> {
        let expected = self.shape.iter().try_fold(self.dtype.size, |len, side| len.checked_mul(*side));
        let wrong_len = |found: usize| {
            let expected = expected.map_or_else(|| "too many".into(), |len| len.to_string());
            format!("expected {expected} bytes for the shape {:?}, found {found}", self.shape)
        };
        if let Some(bytes) = self.data.bytes() {
            return if Some(bytes.len()) == expected {
                Ok(bytes.into())
            } else {
                Err(wrong_len(bytes.len()))
            };
        }
        let encode = self.data.call().filter(|call| call.callable == Numpy::Encode);
        let [text, encoding] =
            encode.and_then(|call| call.args.tuple()).ok_or("expected the array's content as bytes")?;
        let (Some(text), Some("latin1" | "latin-1")) = (text.text(), encoding.text()) else {
            return Err("expected _codecs.encode of text to latin1".into());
        };
        // Latin-1 characters take one or two bytes of UTF-8.
        if expected.is_none_or(|len| text.len() < len || text.len() / 2 > len) {
            return Err(wrong_len(text.len()));
        }
        let bytes = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<_>>>();
        let bytes = bytes.ok_or("expected only characters of latin1 in the array's content")?;
        if Some(bytes.len()) == expected { Ok(bytes.into()) } else { Err(wrong_len(bytes.len())) }
    }

    /// The number at `index` of the array's memory.
    fn number(&self, bytes: &[u8], index: usize) -> Option<f32> {
        let big = self.dtype.big_endian;
        Some(match self.dtype.size {
            2 => f16::from_le_bytes(little_endian(bytes, index, big)?).to_f32(),
            4 => f32::from_le_bytes(little_endian(bytes, index, big)?),
            _ => f64::from_le_bytes(little_endian(bytes, index, big)?) as f32,
        })
    }
}

/// The `index`th group of `N` bytes, least significant byte first.
fn little_endian<const N: usize>(bytes: &[u8], index: usize, big_endian: bool) -> Option<[u8; N]> {
    let mut number = *bytes.as_chunks().0.get(index)?;
    if big_endian {
        number.reverse();
    }
    Some(number)
}

impl DType {
    /// `numpy.dtype("f4", ...)` with the state `(version, byte order, ...)`.
    fn from_value(value: Value<'_, '_, Numpy>) -> Result<Self, String> {
        let call = value.call().filter(|call| call.callable == Numpy::DType);
        let call = call.ok_or_else(|| format!("expected a numpy dtype, found {}", value.kind()))?;
        let name = call.args.tuple_item(0).and_then(Value::text).ok_or("expected a dtype's name as text")?;
        let order = match call.state {
            Some(state) => {
                state.tuple_item(1).and_then(Value::text).ok_or("expected a dtype's byte order")?
            }
            None => "<",
        };
        let size = match name {
            "f2" => 2,
            "f4" => 4,
            "f8" => 8,
            _ => {
                let shown: String = name.chars().take(20).flat_map(char::escape_debug).collect();
                return Err(format!("expected numbers of type f2, f4 or f8, found \"{shown}\""));
            }
        };
        match order {
            "<" | "=" => Ok(Self { size, big_endian: false }),
            ">" => Ok(Self { size, big_endian: true }),
            _ => Err("expected the byte order < or >".into()),
        }
    }
}
