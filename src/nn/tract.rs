//! The networks on tract: slower than [`super::native`], and the reference for its tests.
//!
//! Tensors are `batch x channel x height x width` (NCHW), RGB, float32.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use tract_onnx::prelude::*;

use super::{
    DetectorNets, EMBEDDING_LEN, FACENET_SIDE, FaceInput, FaceNet, LevelSize, ONET_SIDE, OnetOutput,
    Proposal, RNET_SIDE, Refinement,
};
use crate::error::{ModelError, Result};
use crate::imaging::resample::area_resample;
use crate::imaging::{RgbView, Window};

type Plan = Arc<TypedSimplePlan>;

/// Capacity of the cache of P-Net plans, one per level size. A plan is small (26 KB of weights) but takes milliseconds
/// to build; a camera sends photos of few sizes, each with up to 20 levels.
const PLANS_KEPT: usize = 64;

/// Reads an ONNX file, fixes its input to `shape` (NCHW) and optimises it. Output shapes declared in the file are
/// ignored: their batch axis is symbolic.
fn plan(name: &str, onnx: &[u8], shape: [usize; 4]) -> Result<Plan> {
    let build = || -> TractResult<Plan> {
        tract_onnx::onnx()
            .with_ignore_output_shapes(true)
            .model_for_read(&mut &*onnx)?
            .with_input_fact(0, f32::fact(shape).into())?
            .into_optimized()?
            .into_runnable()
    };
    build().map_err(|e| ModelError::NotOnnx { network: name.to_owned(), reason: format!("{e:#}") }.into())
}

fn run(name: &str, plan: &Plan, input: Tensor) -> Result<TVec<TValue>> {
    plan.run(tvec!(input.into())).map_err(|e| ModelError::Run(format!("{name} can't be run: {e:#}")).into())
}

/// The values of output `index`, checked to be `len` float32.
fn numbers<'a>(name: &str, outputs: &'a [TValue], index: usize, len: usize) -> Result<&'a [f32]> {
    let view = outputs.get(index).and_then(|value| value.to_plain_array_view::<f32>().ok());
    let found = view.and_then(|view| view.to_slice());
    match found {
        Some(values) if values.len() == len => Ok(values),
        _ => Err(ModelError::Run(format!(
            "expected {len} float32 values in output {index} of {name}, found {}",
            found.map_or(0, <[f32]>::len)
        ))
        .into()),
    }
}

/// Converts `height x width x 3` floats to a `1 x 3 x height x width` tensor, applying `f` to each value.
fn planes(hwc: &[f32], height: usize, width: usize, f: impl Fn(f32) -> f32) -> Tensor {
    let pixel = |(_, c, y, x): (usize, usize, usize, usize)| f(hwc[(y * width + x) * 3 + c]);
    ndarray::Array4::from_shape_fn((1, 3, height, width), pixel).into_tensor()
}

/// MTCNN's standardisation, `(v - 127.5) * 0.0078125`, from facenet-pytorch's `detect_face`.
fn standardise(v: f32) -> f32 {
    (v - 127.5) * 0.007_812_5
}

/// MTCNN on tract.
pub struct TractDetector {
    pnet: Vec<u8>,
    pnet_plans: Mutex<HashMap<LevelSizeKey, Plan>>,
    rnet: Plan,
    onet: Plan,
}

type LevelSizeKey = (usize, usize);

impl TractDetector {
    /// Reads the three ONNX files.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when a file is not that network.
    pub fn load(pnet: &[u8], rnet: &[u8], onet: &[u8]) -> Result<Self> {
        let detector = Self {
            pnet: pnet.to_vec(),
            pnet_plans: Mutex::default(),
            rnet: plan("R-Net", rnet, [1, 3, RNET_SIDE, RNET_SIDE])?,
            onet: plan("O-Net", onet, [1, 3, ONET_SIDE, ONET_SIDE])?,
        };
        detector.pnet_plan(LevelSize { width: 12, height: 12 })?;
        Ok(detector)
    }

    /// The plan of P-Net for one level size, from the cache or new.
    fn pnet_plan(&self, size: LevelSize) -> Result<Plan> {
        let key = (size.width, size.height);
        // No plan is built or run under the lock.
        let known = self.pnet_plans.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(plan) = known {
            return Ok(plan);
        }
        let built = plan("P-Net", &self.pnet, [1, 3, size.height, size.width])?;
        let mut plans = self.pnet_plans.lock().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= PLANS_KEPT {
            plans.clear();
        }
        plans.insert(key, built.clone());
        Ok(built)
    }

    fn pnet_level(&self, photo: RgbView<'_>, size: LevelSize, threshold: f32) -> Result<Vec<Proposal>> {
        let pixels = area_resample(photo, whole(photo), size.width, size.height);
        let input = planes(&pixels, size.height, size.width, standardise);
        let outputs = run("P-Net", &self.pnet_plan(size)?, input)?;
        let (columns, rows) = size.cells();
        let cells = columns * rows;
        let regressions = numbers("P-Net", &outputs, 0, 4 * cells)?;
        let faces = &numbers("P-Net", &outputs, 1, 2 * cells)?[cells..];
        let proposal = |cell: usize| Proposal {
            col: (cell % columns) as u32,
            row: (cell / columns) as u32,
            score: faces[cell],
            regression: std::array::from_fn(|i| regressions[i * cells + cell]),
        };
        Ok((0..cells).filter(|&cell| faces[cell] >= threshold).map(proposal).collect())
    }
}

/// The whole photo as a window.
fn whole(photo: RgbView<'_>) -> Window {
    Window { x0: 0, y0: 0, x1: photo.width, y1: photo.height }
}

/// Input tensor of R-Net or O-Net for one window of the photo.
fn candidate(photo: RgbView<'_>, window: Window, side: usize) -> Tensor {
    planes(&area_resample(photo, window, side, side), side, side, standardise)
}

/// The first `N` values of a slice, whose length the caller has checked.
fn head<const N: usize>(values: &[f32]) -> [f32; N] {
    std::array::from_fn(|i| values[i])
}

impl DetectorNets for TractDetector {
    fn pnet(&self, photo: RgbView<'_>, levels: &[LevelSize], threshold: f32) -> Result<Vec<Vec<Proposal>>> {
        levels.par_iter().map(|&size| self.pnet_level(photo, size, threshold)).collect()
    }

    fn rnet(
        &self,
        photo: RgbView<'_>,
        windows: &[Window],
        threshold: f32,
    ) -> Result<Vec<Option<Refinement>>> {
        let refine = |&window: &Window| {
            let outputs = run("R-Net", &self.rnet, candidate(photo, window, RNET_SIDE))?;
            let refinement = Refinement {
                regression: head(numbers("R-Net", &outputs, 0, 4)?),
                score: numbers("R-Net", &outputs, 1, 2)?[1],
            };
            Ok(Some(refinement).filter(|refinement| refinement.score > threshold))
        };
        windows.par_iter().map(refine).collect()
    }

    fn onet(&self, photo: RgbView<'_>, windows: &[Window]) -> Result<Vec<OnetOutput>> {
        let detail = |&window: &Window| {
            let outputs = run("O-Net", &self.onet, candidate(photo, window, ONET_SIDE))?;
            Ok(OnetOutput {
                regression: head(numbers("O-Net", &outputs, 0, 4)?),
                landmarks: head(numbers("O-Net", &outputs, 1, 10)?),
                score: numbers("O-Net", &outputs, 2, 2)?[1],
            })
        };
        windows.par_iter().map(detail).collect()
    }
}

/// InceptionResnetV1 on tract.
pub struct TractFaceNet {
    plan: Plan,
}

impl TractFaceNet {
    /// Reads the ONNX file.
    ///
    /// # Errors
    /// [`crate::error::Error::Model`] when the file is not that network.
    pub fn load(onnx: &[u8]) -> Result<Self> {
        Ok(Self { plan: plan("FaceNet", onnx, [1, 3, FACENET_SIDE, FACENET_SIDE])? })
    }
}

impl FaceNet for TractFaceNet {
    fn embed(&self, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        let embed = |face: &FaceInput| {
            let input = planes(&face.0, FACENET_SIDE, FACENET_SIDE, |v| v);
            let outputs = run("FaceNet", &self.plan, input)?;
            Ok(numbers("FaceNet", &outputs, 0, EMBEDDING_LEN)?.to_vec())
        };
        faces.par_iter().map(embed).collect()
    }
}
