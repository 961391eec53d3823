//! The file of a cohort: safetensors, so that any tool can read it.
//!
//! Tensors, float32, for `d` dimensions and `K` components: `basis` d x 512, `center` d, `weight` K, `mean` K x d,
//! `covariance` K x d(d+1)/2 (upper triangle, row by row). The metadata are strings: `format` is `facerec-strangers`,
//! `version` is `1`; `model`, `margin_px`, `source`, `people`, `photos`; `common_place`, `common_scale`, `shift`, `spread`,
//! `photos_spread`; and `sha256`, the checksum of the tensors' bytes in the order of their names.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};
use sha2::{Digest, Sha256};

use super::mixture::{Component, LocationScale, MAX_COMPONENTS, Mixture};
use super::{Calibration, Cohort, Origin, Projection};
use crate::atomic_file;
use crate::error::{DataError, Operation, Result};
use crate::hex::to_hex;
use crate::nn::EMBEDDING_LEN;

/// What the file is, in its metadata.
const FORMAT: &str = "facerec-strangers";
/// The version written, and the only one read.
const VERSION: &str = "1";
/// Largest file that is read, bytes; 64 components of 512 dimensions have 35 MB.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Longest text of the metadata, bytes.
const MAX_TEXT_BYTES: usize = 1024;
const NAMES: [&str; 5] = ["basis", "center", "covariance", "mean", "weight"];

/// Reads a cohort.
///
/// # Errors
/// [`crate::error::Error::Data`] when the file is missing, altered, or of another kind; it says what was expected and
/// found.
pub fn read(path: &Path) -> Result<Cohort> {
    let what = format!("the statistics of strangers {}", path.display());
    let io = DataError::io(&what, Operation::Read);
    let file = File::open(path).map_err(&io)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(&io)?;
    decode(&bytes).map_err(|reason| DataError::content(&what, Operation::Read, reason))
}

/// Replaces the file at `path`; on the disk when this returns.
///
/// # Errors
/// [`crate::error::Error::Data`] when it can't be written.
pub fn write(path: &Path, cohort: &Cohort) -> Result<()> {
    let what = format!("the statistics of strangers {}", path.display());
    let bytes = encode(cohort).map_err(|reason| DataError::content(&what, Operation::Write, reason))?;
    let written = atomic_file::replace(path, |to| to.write_all(&bytes));
    written.map(drop).map_err(DataError::io(&what, Operation::Write))
}

/// The cohort in a file's bytes.
///
/// # Errors
/// What was expected and found.
pub fn decode(bytes: &[u8]) -> std::result::Result<Cohort, String> {
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("expected at most {MAX_FILE_BYTES} bytes, found more"));
    }
    let unreadable = |error| format!("expected a safetensors file, found another one: {error}");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(unreadable)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(unreadable)?;
    let metadata = Metadata(header.metadata().as_ref().ok_or("expected metadata, found none")?);
    metadata.check_kind()?;
    let views = views(&tensors)?;
    metadata.check_sum(&views)?;
    let [basis, center, covariance, mean, weight] = &views;
    let (dims, components) = (center.shape().iter().product(), weight.shape().iter().product());
    check_shapes(&views, dims, components)?;
    let origin = Origin {
        model: metadata.text("model")?.to_owned(),
        margin_px: metadata.number("margin_px")?,
        source: metadata.text("source")?.to_owned(),
        people: metadata.number("people")?,
        photos: metadata.number("photos")?,
    };
    let calibration = Calibration {
        common: LocationScale {
            location: metadata.number("common_place")?,
            scale: metadata.number("common_scale")?,
        },
        shift: metadata.number("shift")?,
        spread: metadata.number("spread")?,
        photos_spread: metadata.number("photos_spread")?,
    };
    let (mean, covariance) = (numbers(mean), numbers(covariance));
    let parts = numbers(weight).into_iter().zip(mean.chunks_exact(dims));
    let parts = parts.zip(covariance.chunks_exact(triangle_len(dims)));
    let component = |((weight, mean), triangle): ((f32, &[f32]), &[f32])| Component {
        weight: f64::from(weight),
        mean: mean.to_vec(),
        covariance: symmetric(triangle, dims),
    };
    let mixture = Mixture::new(parts.map(component).collect())?;
    Cohort::new(origin, Projection::new(&numbers(basis), numbers(center))?, mixture, calibration)
}

/// The bytes of a cohort's file.
///
/// # Errors
/// What the format can't hold.
pub fn encode(cohort: &Cohort) -> std::result::Result<Vec<u8>, String> {
    let (dims, components) = (cohort.dims(), cohort.mixture.components().collect::<Vec<_>>());
    let bytes =
        |values: &mut dyn Iterator<Item = f32>| values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
    let triangles = components.iter().flat_map(|component| triangle(&component.covariance, dims));
    let tensors = [
        (vec![dims, EMBEDDING_LEN], bytes(&mut cohort.projection.rows())),
        (vec![dims], bytes(&mut cohort.projection.center.iter().copied())),
        (vec![components.len(), triangle_len(dims)], bytes(&mut triangles.into_iter())),
        (vec![components.len(), dims], bytes(&mut components.iter().flat_map(|c| c.mean.iter().copied()))),
        (vec![components.len()], bytes(&mut components.iter().map(|c| c.weight as f32))),
    ];
    let sha256 = checksum(tensors.iter().map(|(_, data)| data.as_slice()));
    let Origin { model, margin_px, source, people, photos } = &cohort.origin;
    let Calibration { common, shift, spread, photos_spread } = cohort.calibration;
    let metadata = [
        ("format", FORMAT.to_owned()),
        ("version", VERSION.to_owned()),
        ("model", model.clone()),
        ("margin_px", margin_px.to_string()),
        ("source", source.clone()),
        ("people", people.to_string()),
        ("photos", photos.to_string()),
        ("common_place", common.location.to_string()),
        ("common_scale", common.scale.to_string()),
        ("shift", shift.to_string()),
        ("spread", spread.to_string()),
        ("photos_spread", photos_spread.to_string()),
        ("sha256", sha256),
    ];
    let metadata = metadata.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let views = NAMES.iter().zip(&tensors).map(|(name, (shape, data))| {
        TensorView::new(Dtype::F32, shape.clone(), data).map(|view| (*name, view)).map_err(|e| e.to_string())
    });
    let views: Vec<_> = views.collect::<std::result::Result<_, _>>()?;
    serialize(views, Some(metadata)).map_err(|error| error.to_string())
}

struct Metadata<'a>(&'a HashMap<String, String>);

impl Metadata<'_> {
    fn text(&self, key: &str) -> std::result::Result<&str, String> {
        let text = self.0.get(key).ok_or_else(|| format!("expected {key:?} in the metadata, found none"))?;
        if text.is_empty() || text.len() > MAX_TEXT_BYTES || text.contains(char::is_control) {
            return Err(format!(
                "expected 1 to {MAX_TEXT_BYTES} printable characters as {key:?}, found others"
            ));
        }
        Ok(text)
    }

    fn number<T: FromStr>(&self, key: &str) -> std::result::Result<T, String> {
        let text = self.text(key)?;
        text.parse().map_err(|_| format!("expected a number as {key:?}, found {text:?}"))
    }

    fn check_kind(&self) -> std::result::Result<(), String> {
        let (format, version) = (self.text("format")?, self.text("version")?);
        if (format, version) == (FORMAT, VERSION) {
            return Ok(());
        }
        Err(format!("expected {FORMAT} of version {VERSION}, found {format} of version {version}"))
    }

    fn check_sum(&self, views: &[TensorView<'_>]) -> std::result::Result<(), String> {
        let (expected, found) = (self.text("sha256")?, checksum(views.iter().map(TensorView::data)));
        if expected == found {
            return Ok(());
        }
        Err(format!("it was altered: expected tensors with SHA-256 {expected}, found {found}"))
    }
}

fn views<'a>(tensors: &SafeTensors<'a>) -> std::result::Result<[TensorView<'a>; 5], String> {
    let mut views = Vec::with_capacity(NAMES.len());
    for name in NAMES {
        let view = tensors.tensor(name).map_err(|error| error.to_string())?;
        if view.dtype() != Dtype::F32 {
            return Err(format!("expected {name} as float32, found {:?}", view.dtype()));
        }
        views.push(view);
    }
    <[_; 5]>::try_from(views).map_err(|_| "expected five tensors, found others".to_owned())
}

fn check_shapes(
    views: &[TensorView<'_>; 5],
    dims: usize,
    components: usize,
) -> std::result::Result<(), String> {
    if !(1..=EMBEDDING_LEN).contains(&dims) || !(1..=MAX_COMPONENTS).contains(&components) {
        return Err(format!(
            "expected 1 to {EMBEDDING_LEN} dimensions and 1 to {MAX_COMPONENTS} components, found {dims} and {components}"
        ));
    }
    let shapes = [
        vec![dims, EMBEDDING_LEN],
        vec![dims],
        vec![components, triangle_len(dims)],
        vec![components, dims],
        vec![components],
    ];
    for ((name, view), shape) in NAMES.iter().zip(views).zip(shapes) {
        if view.shape() != shape {
            return Err(format!("expected {name} of shape {shape:?}, found {:?}", view.shape()));
        }
    }
    Ok(())
}

fn numbers(view: &TensorView<'_>) -> Vec<f32> {
    let (values, _) = view.data().as_chunks::<4>();
    values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn checksum<'a>(tensors: impl Iterator<Item = &'a [u8]>) -> String {
    let mut sum = Sha256::new();
    tensors.for_each(|data| sum.update(data));
    to_hex(&sum.finalize())
}

/// How many numbers the upper triangle of a `dims x dims` matrix has.
fn triangle_len(dims: usize) -> usize {
    dims * (dims + 1) / 2
}

/// The upper triangle of a symmetric matrix, row by row.
fn triangle(matrix: &[f32], dims: usize) -> Vec<f32> {
    let rows = matrix.chunks_exact(dims).enumerate();
    rows.flat_map(|(at, row)| row.iter().skip(at).copied()).collect()
}

/// The symmetric matrix with this upper triangle.
fn symmetric(triangle: &[f32], dims: usize) -> Vec<f32> {
    let mut matrix = vec![0.0; dims * dims];
    let places = (0..dims).flat_map(|row| (row..dims).map(move |column| (row, column)));
    for ((row, column), value) in places.zip(triangle) {
        matrix[row * dims + column] = *value;
        matrix[column * dims + row] = *value;
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::super::tests::{plain, uncorrected};
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let cohort = plain(Calibration { shift: -0.25, spread: 1.125, photos_spread: 0.04, ..uncorrected() });
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("strangers.safetensors");
        write(&path, &cohort).unwrap();
        assert_eq!(read(&path).unwrap(), cohort);
    }

    #[test]
    fn a_matrix_is_its_upper_triangle() {
        let matrix = symmetric(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
        assert_eq!(matrix, [1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0]);
        assert_eq!(triangle(&matrix, 3), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn an_altered_or_truncated_file_is_refused_wherever_the_damage_is() {
        let bytes = encode(&plain(uncorrected())).unwrap();
        assert!(decode(&bytes).is_ok());
        for len in [0, 1, 7, 8, 100, bytes.len() - 1] {
            assert!(decode(&bytes[..len]).is_err(), "{len} bytes");
        }
        let tensors = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        for at in [tensors, bytes.len() / 2, bytes.len() - 1] {
            let mut altered = bytes.clone();
            altered[at] ^= 0x40;
            let message = decode(&altered).unwrap_err();
            assert!(message.starts_with("it was altered: expected tensors with SHA-256"), "{at}: {message}");
        }
    }

    #[test]
    fn another_format_and_another_version_are_named() {
        let bytes = encode(&plain(uncorrected())).unwrap();
        let with = |from: &str, to: &str| {
            let text = String::from_utf8_lossy(&bytes[..]).into_owned();
            let at = text.find(from).unwrap();
            let mut changed = bytes.clone();
            changed[at..at + to.len()].copy_from_slice(to.as_bytes());
            decode(&changed).unwrap_err()
        };
        assert_eq!(
            with("\"version\":\"1\"", "\"version\":\"2\""),
            "expected facerec-strangers of version 1, found facerec-strangers of version 2"
        );
        assert!(with("facerec-strangers", "facerec-attackers").contains("found facerec-attackers"));
        assert!(decode(b"FACEREC\0").unwrap_err().starts_with("expected a safetensors file"));
    }
}
