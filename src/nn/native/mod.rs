//! The native engine: the networks on the project's own SIMD kernels. It is the default, several times as fast as
//! [`super::tract`], and agrees with it to a few parts in a million.
//!
//! Weights are read from the same ONNX files (`onnx`, `layers`) and packed once for the GEMM microkernel (`conv`,
//! `kernels`). All feature maps are channels last (NHWC). P-Net is fused with the image pyramid (`pnet`); R-Net and
//! O-Net (`crop_net`, R-Net's first pass `rnet`) and `FaceNet` (`facenet`) run over batches. Work runs in the caller's rayon pool; results do
//! not depend on its number of threads.

mod conv;
mod crop_net;
mod facenet;
mod gemm;
mod kernels;
mod layers;
mod onnx;
mod pnet;
mod points;
mod precision;
mod quantised;
mod resample;
mod rnet;
mod winograd;

use crop_net::{CropNet, part};
use facenet::{InceptionResnetV1, Method};
pub use kernels::Isa;
use kernels::{CHANNELS, Kernels};
use pnet::{PNet, logistic};
pub use precision::Precision;
use resample::{AreaRows, RowBuffers};
use rnet::RNet;

use super::{DetectorNets, FaceInput, FaceNet, LevelSize, OnetOutput, Proposal, Refinement};
use crate::error::Result;
use crate::imaging::{RgbView, Window};

/// MTCNN on the native engine.
#[derive(Debug)]
pub struct NativeDetector {
    kernels: Kernels,
    pnet: PNet,
    rnet: RNet,
    onet: CropNet,
}

impl NativeDetector {
    /// Reads the three ONNX files, for the fastest instruction set of the CPU.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when a file is not that network.
    pub fn load(pnet: &[u8], rnet: &[u8], onet: &[u8]) -> Result<Self> {
        Self::load_with(Isa::detect(), pnet, rnet, onet)
    }

    /// Reads the three ONNX files, for a given instruction set.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when a file is not that network, or when the CPU lacks the instruction set.
    pub fn load_with(isa: Isa, pnet: &[u8], rnet: &[u8], onet: &[u8]) -> Result<Self> {
        Ok(Self {
            kernels: Kernels::new(isa)?,
            pnet: PNet::load(pnet)?,
            rnet: RNet::load(isa, rnet)?,
            onet: CropNet::load_onet(onet)?,
        })
    }

    /// The same detector, whose P-Net and R-Net compute all cells and candidates directly, without the first passes that
    /// leave most of them out. The results are the same: for tests and benches.
    #[must_use]
    pub fn without_first_pass(self) -> Self {
        Self { pnet: self.pnet.without_first_pass(), rnet: self.rnet.without_first_pass(), ..self }
    }

    /// The instruction set in use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.kernels.isa()
    }
}

impl DetectorNets for NativeDetector {
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>> {
        Ok(self.pnet.run(self.kernels, photo, levels, threshold))
    }

    fn rnet(
        &self,
        photo: RgbView<'_>,
        windows: &[Window],
        threshold: f32,
    ) -> Result<Vec<Option<Refinement>>> {
        Ok(self.rnet.run(self.kernels, photo, windows, threshold))
    }

    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        let decode = |values: &[f32]| OnetOutput {
            score: logistic(values[1] - values[0]),
            regression: part(values, 2),
            landmarks: part(values, 6),
        };
        Ok(self.onet.run(self.kernels, photo, windows, decode))
    }
}

/// Area-resamples `window` of `photo` with the detector's kernels. `out` receives `out_height x out_width x 3` floats
/// (height, width, channel), standardised to `(mean - 127.5) * 0.0078125`. For tests and benches: the detector itself
/// stores a few rows only.
///
/// # Errors
/// [`crate::error::Error::Model`] when the CPU lacks the instruction set.
pub fn area_resample(
    isa: Isa,
    photo: RgbView<'_>,
    window: Window,
    out_width: usize,
    out_height: usize,
    out: &mut Vec<f32>,
) -> Result<()> {
    let kernels = Kernels::new(isa)?;
    let source = AreaRows::new(photo, window, out_width, out_height);
    let (row, mut buffers) = (out_width * CHANNELS, RowBuffers::default());
    out.resize(out_height * row + 1, 0.0);
    for y in 0..out_height {
        source.row(kernels, y, &mut buffers, &mut out[y * row..]);
    }
    out.truncate(out_height * row);
    Ok(())
}

/// InceptionResnetV1 on the native engine.
#[derive(Debug)]
pub struct NativeFaceNet {
    kernels: Kernels,
    precision: Precision,
    network: InceptionResnetV1,
}

impl NativeFaceNet {
    /// Reads the ONNX file, for the fastest instruction set of the CPU, in floats.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the file is not an InceptionResnetV1.
    pub fn load(onnx: &[u8]) -> Result<Self> {
        Self::load_with(Isa::detect(), Precision::F32, onnx)
    }

    /// Reads the ONNX file, for a given instruction set and precision.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the file is not an InceptionResnetV1, or when the CPU lacks the instruction set.
    pub fn load_with(isa: Isa, precision: Precision, onnx: &[u8]) -> Result<Self> {
        Self::load_by(isa, precision, Method::from(precision), onnx)
    }

    /// Reads the ONNX file, for a given instruction set, to compute in floats by the direct sums, without Winograd's minimal
    /// filtering. The embeddings differ by rounding: for tests and benches.
    ///
    /// # Errors
    /// As [`Self::load_with`].
    pub fn load_direct(isa: Isa, onnx: &[u8]) -> Result<Self> {
        Self::load_by(isa, Precision::F32, Method::Direct, onnx)
    }

    fn load_by(isa: Isa, precision: Precision, method: Method, onnx: &[u8]) -> Result<Self> {
        let network = InceptionResnetV1::load(onnx, method)?;
        Ok(Self { kernels: Kernels::new(isa)?, precision, network })
    }

    /// The instruction set in use.
    #[must_use]
    pub fn isa(&self) -> Isa {
        self.kernels.isa()
    }

    /// The precision in use.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }
}

impl FaceNet for NativeFaceNet {
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        self.network.embed(self.kernels, faces)
    }
}

#[cfg(test)]
mod tests;
