//! From a crop to an embedding: standardise, run FaceNet.
use crate::align::AlignedCrop;
use crate::error::Result;
use crate::nn::FaceNet;

/// What a face looks like to FaceNet: 512 floats of L2 norm 1. Only comparable with embeddings of
/// the same model.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(pub(crate) Vec<f32>);

impl Embedding {
    /// Takes 512 finite floats and scales them to norm 1. `None` for another length, for NaN or
    /// infinity, and for a vector too short to have a direction.
    #[must_use]
    pub fn new(values: Vec<f32>) -> Option<Self> {
        let norm = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
        if values.len() != crate::nn::EMBEDDING_LEN || !norm.is_finite() || norm < 1e-6 {
            return None;
        }
        Some(Self(values.into_iter().map(|v| (f64::from(v) / norm) as f32).collect()))
    }

    /// The numbers.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// `1 - a.b`: 0 for the same direction, 1 for unrelated, 2 for opposite.
    #[must_use]
    pub fn cosine_distance(&self, other: &Self) -> f32 {
        1.0 - self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum::<f32>()
    }
}

/// How pixels become the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standardisation {
    /// `(v - 127.5) / 128`, facenet-pytorch's `fixed_image_standardization`.
    Once,
    /// That, and then `(v - 0.5) / 0.5` on top: what the Flask service did to probes by mistake.
    Twice,
}

/// The embedding of each crop, in order.
///
/// # Errors
/// [`crate::error::Error::Model`] when the network can't be run.
pub fn embed(_net: &dyn FaceNet, _crops: &[AlignedCrop], _how: Standardisation) -> Result<Vec<Embedding>> {
    todo!()
}
