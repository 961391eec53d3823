//! Numpy's arrays as they are pickled.

use std::borrow::Cow;

use half::f16;

use crate::nn::EMBEDDING_LEN;
use crate::pickle::Value;

/// The functions and classes with which numpy's arrays are pickled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numpy {
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

/// The marker of an allowed global.
pub(super) fn resolve(module: &str, name: &str) -> Option<Numpy> {
    Some(match (module, name) {
        ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Numpy::Reconstruct,
        ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Numpy::FromBuffer,
        ("numpy", "ndarray") => Numpy::NdArray,
        ("numpy", "dtype") => Numpy::DType,
        ("_codecs", "encode") => Numpy::Encode,
        _ => return None,
    })
}

/// A number's type.
#[derive(Debug, Clone, Copy)]
struct DType {
    /// Bytes of one number: 2, 4 or 8.
    size: usize,
    big_endian: bool,
}

/// A numpy array as pickled.
pub(super) struct NumpyArray<'p, 'f> {
    shape: Vec<usize>,
    dtype: DType,
    pub(super) fortran: bool,
    data: Value<'p, 'f, Numpy>,
}

impl<'p, 'f> NumpyArray<'p, 'f> {
    /// The array that a pickle holds.
    pub(super) fn from_value(value: Value<'p, 'f, Numpy>) -> Result<Self, String> {
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
    pub(super) fn rows(&self) -> Result<usize, String> {
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
    pub(super) fn bytes(&self) -> Result<Cow<'p, [u8]>, String> {
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
    pub(super) fn number(&self, bytes: &[u8], index: usize) -> Option<f32> {
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
