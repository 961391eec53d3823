//! The networks on kernels of our own: the default engine, several times as fast as [`super::tract`],
//! with which it agrees to a few parts in a million.
//!
//! Weights come out of the same ONNX files (`graph`) and are packed once for the inner kernel
//! (`conv`, `kernels`). All feature maps are channels last. P-Net is fused with the image pyramid
//! (`pnet`); R-Net and O-Net (`refine`) and `FaceNet` (`facenet`) run over batches. Work is spread
//! over the rayon pool that the caller runs in; answers don't depend on how it is spread.

mod conv;
mod crop_net;
mod facenet;
mod kernels;
mod layers;
mod onnx;
mod pnet;
mod resample;

use crop_net::CropNet;
use facenet::InceptionResnetV1;
pub use kernels::Isa;
use kernels::{CHANNELS, Kernels};
use pnet::{PNet, logistic};
use resample::{AreaRows, RowBuffers};

use super::{DetectorNets, FaceInput, FaceNet, LevelSize, OnetOutput, Proposal, Refinement};
use crate::error::Result;
use crate::imaging::{RgbView, Window};

/// MTCNN on own kernels.
#[derive(Debug)]
pub struct NativeDetector {
    kernels: Kernels,
    pnet: PNet,
    rnet: CropNet,
    onet: CropNet,
}

impl NativeDetector {
    /// Reads the three ONNX files, for the fastest kernel that the CPU can run.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when one is no such network.
    pub fn load(pnet: &[u8], rnet: &[u8], onet: &[u8]) -> Result<Self> {
        Self::load_with(Isa::detect(), pnet, rnet, onet)
    }

    /// Reads the three ONNX files, for a given kernel.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when one is no such network, or when the CPU can't run the kernel.
    pub fn load_with(kernel: Isa, pnet: &[u8], rnet: &[u8], onet: &[u8]) -> Result<Self> {
        Ok(Self {
            kernels: Kernels::new(kernel)?,
            pnet: PNet::load(pnet)?,
            rnet: CropNet::load_rnet(rnet)?,
            onet: CropNet::load_onet(onet)?,
        })
    }

    /// The kernel in use.
    #[must_use]
    pub fn kernel(&self) -> Isa {
        self.kernels.kernel()
    }
}

impl DetectorNets for NativeDetector {
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>> {
        Ok(self.pnet.run(self.kernels, photo, levels, threshold))
    }

    fn rnet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<Refinement>> {
        let answer = |values: &[f32]| Refinement {
            score: logistic(values[1] - values[0]),
            regression: part(values, 2),
        };
        Ok(self.rnet.run(self.kernels, photo, windows, answer))
    }

    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        let answer = |values: &[f32]| OnetOutput {
            score: logistic(values[1] - values[0]),
            regression: part(values, 2),
            landmarks: part(values, 6),
        };
        Ok(self.onet.run(self.kernels, photo, windows, answer))
    }
}

/// `N` numbers from `start` on, which the network is known to answer.
fn part<const N: usize>(values: &[f32], start: usize) -> [f32; N] {
    std::array::from_fn(|i| values[start + i])
}

/// Area-resamples `window` of `photo` as the detector does it, row by row: `out_height x out_width x 3`
/// floats (height, width, channel), standardised to `(mean - 127.5) * 0.0078125`, written to `out`. For
/// tests and measurements: the detector itself never holds more than a few rows.
///
/// # Errors
/// [`crate::error::Error::Model`] when the CPU can't run the kernel.
pub fn area_resample(
    kernel: Isa,
    photo: RgbView<'_>,
    window: Window,
    out_width: usize,
    out_height: usize,
    out: &mut Vec<f32>,
) -> Result<()> {
    let kernels = Kernels::new(kernel)?;
    let source = AreaRows::new(photo, window, out_width, out_height);
    let (row, mut buffers) = (out_width * CHANNELS, RowBuffers::default());
    out.resize(out_height * row + 1, 0.0);
    for y in 0..out_height {
        source.row(kernels, y, &mut buffers, &mut out[y * row..]);
    }
    out.truncate(out_height * row);
    Ok(())
}

/// InceptionResnetV1 on own kernels.
#[derive(Debug)]
pub struct NativeFaceNet {
    kernels: Kernels,
    network: InceptionResnetV1,
}

impl NativeFaceNet {
    /// Reads the ONNX file, for the fastest kernel that the CPU can run.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when it is no InceptionResnetV1.
    pub fn load(onnx: &[u8]) -> Result<Self> {
        Self::load_with(Isa::detect(), onnx)
    }

    /// Reads the ONNX file, for a given kernel.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when it is no InceptionResnetV1, or when the CPU can't run the kernel.
    pub fn load_with(kernel: Isa, onnx: &[u8]) -> Result<Self> {
        Ok(Self { kernels: Kernels::new(kernel)?, network: InceptionResnetV1::load(onnx)? })
    }

    /// The kernel in use.
    #[must_use]
    pub fn kernel(&self) -> Isa {
        self.kernels.kernel()
    }
}

impl FaceNet for NativeFaceNet {
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        self.network.embed(self.kernels, faces)
    }
}

#[cfg(test)]
mod tests;
