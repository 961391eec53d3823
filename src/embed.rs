//! Face embedding: standardises crops and runs FaceNet.

use crate::align::AlignedCrop;
use crate::error::{ModelError, Result};
use crate::nn::{EMBEDDING_LEN, FaceInput, FaceNet};

/// The embedding of a face: 512 floats of L2 norm 1. Embeddings of different models are not comparable.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(pub(crate) Vec<f32>);

impl Embedding {
    /// Scales 512 finite floats to L2 norm 1. `None` for another length, for NaN or infinity, and for a norm below
    /// 1e-6.
    #[must_use]
    pub fn new(values: Vec<f32>) -> Option<Self> {
        let norm = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if values.len() != EMBEDDING_LEN || !norm.is_finite() || norm < 1e-6 {
            return None;
        }
        Some(Self(values.into_iter().map(|v| (f64::from(v) / norm) as f32).collect()))
    }

    /// The 512 floats.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Cosine distance, `1 - a.b`: 0 for the same direction, 1 for orthogonal, 2 for opposite.
    #[must_use]
    pub fn cosine_distance(&self, other: &Self) -> f32 {
        1.0 - self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum::<f32>()
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
