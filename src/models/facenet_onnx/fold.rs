//! Batch normalisation at inference is a factor and an addend per channel; both go into the layer
//! before it.

use crate::error::{ModelError, Result};
use crate::models::checkpoint::Checkpoint;

/// `eps` of every batch normalisation in `InceptionResnetV1`.
const EPSILON: f64 = 0.001;

/// `(x - mean) / sqrt(var + eps) * weight + bias` as `x * factor + addend`, one of each per channel.
pub(super) struct BatchNorm {
    pub(super) factors: Vec<f64>,
    pub(super) addends: Vec<f32>,
}

impl BatchNorm {
    /// The batch normalisation `name` over so many channels.
    pub(super) fn read(checkpoint: &mut Checkpoint<'_>, name: &str, channels: usize) -> Result<Self> {
        let mut of = |part: &str| finite(checkpoint, &format!("{name}.{part}"), &[channels]);
        let (weight, bias) = (of("weight")?, of("bias")?);
        let (mean, variance) = (of("running_mean")?, of("running_var")?);
        if let Some(negative) = variance.iter().find(|variance| **variance < 0.0) {
            let (tensor, reason) =
                (format!("{name}.running_var"), format!("expected variances, found {negative}"));
            return Err(ModelError::Tensor { tensor, reason }.into());
        }
        let factors: Vec<f64> = weight
            .iter()
            .zip(&variance)
            .map(|(weight, variance)| f64::from(*weight) / (f64::from(*variance) + EPSILON).sqrt())
            .collect();
        let addends = bias
            .iter()
            .zip(mean.iter().zip(&factors))
            .map(|(bias, (mean, factor))| (f64::from(*bias) - f64::from(*mean) * factor) as f32)
            .collect();
        Ok(Self { factors, addends })
    }
}

/// The numbers of a tensor, all finite.
pub(super) fn finite(checkpoint: &mut Checkpoint<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let numbers = checkpoint.tensor(name, shape)?;
    match numbers.iter().find(|number| !number.is_finite()) {
        None => Ok(numbers),
        Some(number) => {
            let reason = format!("expected finite numbers, found {number}");
            Err(ModelError::Tensor { tensor: name.to_owned(), reason }.into())
        }
    }
}
