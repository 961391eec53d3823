//! Face embedding: standardises crops and runs FaceNet.

use std::borrow::Cow;
use std::sync::Arc;

use crate::align::AlignedCrop;
use crate::error::{ModelError, Result};
use crate::nn::{EMBEDDING_LEN, FaceInput, FaceNet};

mod packed;

pub(crate) use packed::{Bounds, FACES_A_PASS, Packed, PackedFace};

/// The embedding of a face: 512 floats of L2 norm 1. Embeddings of different models are not comparable.
///
/// Those of a person's enrolled photos lie side by side, laid out for searching; the numbers stay the same.
#[derive(Debug, Clone)]
pub struct Embedding(Place);

#[derive(Debug, Clone)]
enum Place {
    /// Behind one pointer, which keeps a photo small.
    Own(Box<[f32; EMBEDDING_LEN]>),
    /// Together with others, at this index.
    Packed(Arc<Packed>, u32),
}

impl Embedding {
    /// Scales 512 finite floats to L2 norm 1. `None` for another length, for NaN or infinity, and for a norm below
    /// 1e-6.
    #[must_use]
    pub fn new(values: Vec<f32>) -> Option<Self> {
        let norm = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if !norm.is_finite() || norm < 1e-6 {
            return None;
        }
        let unit: Vec<f32> = values.into_iter().map(|v| (f64::from(v) / norm) as f32).collect();
        Some(Self(Place::Own(unit.try_into().ok()?)))
    }

    /// Numbers of norm 1, kept to the last bit.
    pub(crate) fn of_unit(values: &[f32; EMBEDDING_LEN]) -> Self {
        Self(Place::Own(Box::new(*values)))
    }

    /// The 512 floats.
    #[must_use]
    pub fn values(&self) -> Cow<'_, [f32]> {
        match &self.0 {
            Place::Own(values) => Cow::Borrowed(values.as_slice()),
            Place::Packed(..) => {
                let mut values = [0.0; EMBEDDING_LEN];
                self.copy_to(&mut values);
                Cow::Owned(values.to_vec())
            }
        }
    }

    /// Copies the floats, without an allocation.
    pub(crate) fn copy_to(&self, to: &mut [f32; EMBEDDING_LEN]) {
        match &self.0 {
            Place::Own(values) => *to = **values,
            Place::Packed(packed, at) => packed.copy_to(*at as usize, to),
        }
    }

    /// Cosine distance, `1 - a.b`: 0 for the same direction, 1 for orthogonal, 2 for opposite.
    #[must_use]
    pub fn cosine_distance(&self, other: &Self) -> f32 {
        let (mut a, mut b) = ([0.0; EMBEDDING_LEN], [0.0; EMBEDDING_LEN]);
        self.copy_to(&mut a);
        other.copy_to(&mut b);
        1.0 - a.iter().zip(&b).map(|(a, b)| a * b).sum::<f32>()
    }

    /// What these embeddings, in this order, are packed in, if that holds no others.
    pub(crate) fn packed<'a>(
        mut embeddings: impl ExactSizeIterator<Item = &'a Self>,
    ) -> Option<&'a Arc<Packed>> {
        let count = embeddings.len();
        let Place::Packed(first, 0) = &embeddings.next()?.0 else { return None };
        let is_next = |(expected, embedding): (u32, &Self)| matches!(&embedding.0, Place::Packed(packed, at) if *at == expected && Arc::ptr_eq(packed, first));
        ((1..).zip(embeddings).all(is_next) && first.len() == count).then_some(first)
    }

    /// Lays the embeddings of each of these people out side by side, for [`crate::gallery`].
    pub(crate) fn pack(people: &mut [Vec<&mut Self>]) {
        let packed =
            Packed::of_people(people.iter().map(|own| own.iter().map(|embedding| embedding.values())));
        for (own, packed) in people.iter_mut().zip(packed) {
            let packed = Arc::new(packed);
            for (at, embedding) in (0..).zip(own) {
                embedding.0 = Place::Packed(Arc::clone(&packed), at);
            }
        }
    }
}

impl PartialEq for Embedding {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Place::Packed(a, a_at), Place::Packed(b, b_at)) if a_at == b_at && Arc::ptr_eq(a, b) => true,
            _ => self.values() == other.values(),
        }
    }
}

/// Pixel standardisation of FaceNet's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standardisation {
    /// `(v - 127.5) / 128`, facenet-pytorch's `fixed_image_standardization`.
    FixedImage,
    /// [`Self::FixedImage`], then `(v - 0.5) / 0.5`: what the Flask service applied to probes (not to enrolled photos)
    /// by mistake. For compatible distances only.
    FlaskDoubled,
}

impl Standardisation {
    fn apply(self, byte: u8) -> f32 {
        let once = (f32::from(byte) - 127.5) / 128.0;
        match self {
            Self::FixedImage => once,
            Self::FlaskDoubled => (once - 0.5) / 0.5,
        }
    }
}

/// Computes the embedding of each crop, in order.
///
/// # Errors
/// [`crate::error::Error::Model`] when the network can't be run, or its output is not an embedding.
pub fn embed(net: &dyn FaceNet, crops: &[AlignedCrop], how: Standardisation) -> Result<Vec<Embedding>> {
    let inputs: Vec<FaceInput> = crops
        .iter()
        .map(|crop| FaceInput(crop.pixels.iter().map(|&byte| how.apply(byte)).collect()))
        .collect();
    net.embed(&inputs)?.into_iter().map(checked).collect()
}

fn checked(values: Vec<f32>) -> Result<Embedding> {
    let len = values.len();
    Embedding::new(values).ok_or_else(|| {
        let message = format!(
            "expected {EMBEDDING_LEN} finite floats from FaceNet, found {len} that are not an embedding"
        );
        ModelError::Run(message).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standardising_twice_is_not_standardising_once() {
        assert_eq!(Standardisation::FixedImage.apply(255), 127.5 / 128.0);
        assert_eq!(Standardisation::FixedImage.apply(0), -127.5 / 128.0);
        assert_eq!(Standardisation::FlaskDoubled.apply(0), (-127.5 / 128.0 - 0.5) / 0.5);
    }

    #[test]
    fn an_embedding_has_norm_one_or_is_none() {
        let embedding = Embedding::new(vec![2.0; EMBEDDING_LEN]).unwrap();
        assert!((embedding.cosine_distance(&embedding)).abs() < 1e-6);
        assert!(Embedding::new(vec![1.0; 511]).is_none());
        assert!(Embedding::new(vec![0.0; EMBEDDING_LEN]).is_none());
        let mut values = vec![1.0; EMBEDDING_LEN];
        values[7] = f32::NAN;
        assert!(Embedding::new(values).is_none());
    }
}
