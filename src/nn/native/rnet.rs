//! R-Net in two passes. Few of its candidates are faces: most lie far below the threshold. A first pass of 16-bit integers,
//! which take half the time of floats, finds them; the others are computed in floats, so that scores and boxes are those
//! of floats to the last bit.

use super::crop_net::{CropNet, part};
use super::kernels::{Isa, Kernels};
use super::pnet::logistic;
use super::precision::Precision;
use crate::error::Result;
use crate::imaging::{RgbView, Window};
use crate::nn::Refinement;

/// Largest difference from the logit of floats that is allowed for: candidates further below the threshold are dropped. It is
/// ten times the largest measured: 0.018 on the 10,782 candidates of 18 photos and 0.019 on 80,000 windows of 160 others (root
/// mean square 0.002 to 0.003), 0.029 on 24,000 windows of noise, patterns of full contrast and flat colours (0.002 to 0.004).
const BOUND: f32 = 0.3;

/// R-Net, weights packed.
#[derive(Debug)]
pub(super) struct RNet {
    floats: CropNet,
    /// None without kernels of integers.
    first_pass: Option<CropNet>,
}

impl RNet {
    /// Reads the ONNX file.
    pub(super) fn load(isa: Isa, onnx: &[u8]) -> Result<Self> {
        let integers = Precision::fastest(isa) == Precision::Int16;
        let first_pass = integers.then(|| CropNet::load_rnet(onnx, Precision::Int16)).transpose()?;
        Ok(Self { floats: CropNet::load_rnet(onnx, Precision::F32)?, first_pass })
    }

    /// The same network, which computes all candidates in floats: the results are the same.
    pub(super) fn without_first_pass(self) -> Self {
        Self { first_pass: None, ..self }
    }

    /// The output for each window, in order; none where the score is not above the threshold.
    pub(super) fn run(
        &self,
        kernels: Kernels,
        photo: RgbView<'_>,
        windows: &[Window],
        threshold: f32,
    ) -> Vec<Option<Refinement>> {
        let mut left: Vec<usize> = (0..windows.len()).collect();
        if let Some(first_pass) = &self.first_pass {
            let below = least_logit(threshold) - BOUND;
            let logits = first_pass.run(kernels, photo, windows, logit);
            // A logit that is no number does not prove anything.
            left.retain(|&index| logits[index].is_nan() || logits[index] >= below);
        }
        let chosen: Vec<Window> = left.iter().map(|&index| windows[index]).collect();
        let mut outputs = vec![None; windows.len()];
        for (index, output) in left.into_iter().zip(self.floats.run(kernels, photo, &chosen, refinement)) {
            outputs[index] = Some(output).filter(|output| output.score > threshold);
        }
        outputs
    }
}

/// A lower bound of the logits whose score is above the threshold. The margin is for rounding; scores of logits above 8 are
/// too near to 1 to tell apart.
fn least_logit(threshold: f32) -> f32 {
    let threshold = threshold.clamp(0.0, 1.0);
    (threshold / (1.0 - threshold)).ln().min(8.0) - 1e-3
}

/// The logit of "face" minus that of "no face".
fn logit(values: &[f32]) -> f32 {
    values[1] - values[0]
}

fn refinement(values: &[f32]) -> Refinement {
    Refinement { score: logistic(logit(values)), regression: part(values, 2) }
}

#[cfg(test)]
mod tests;
