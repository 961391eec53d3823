//! InceptionResnetV1 as a static execution plan: [`plan`] converts the ONNX graph to steps ([`steps`]), [`memory`]
//! assigns feature maps to buffers, and this file runs the steps.

mod memory;
mod plan;
mod steps;

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::conv::Target;
use super::kernels::{CHANNELS, Kernels, Maps, PoolInput, SourceLayout};
use super::quantised::IntegerMaps;
use crate::error::{ModelError, Result};
use crate::nn::{EMBEDDING_LEN, FACENET_SIDE, FaceInput};

use memory::Assignment;
pub(crate) use steps::Method;
use steps::{Layer, MapId, MapSize, Plan, Step};

/// Number of floats of a face.
const INPUT_LEN: usize = FACENET_SIDE * FACENET_SIDE * CHANNELS;
/// Largest batch. The faces of a batch share each read of the weights; the buffers take 2.9 MB per face.
const MAX_BATCH: usize = 3;
/// Lower bound of the norm that an embedding is divided by; `eps` of `torch.nn.functional.normalize`.
const MIN_NORM: f32 = 1e-12;

/// The network, ready to run.
#[derive(Debug)]
pub(crate) struct InceptionResnetV1 {
    plan: Plan,
    memory: Assignment,
    /// Of each step, whether its map is complete after it and is multiplied as integers.
    quantised: Vec<bool>,
    /// Buffers not in use: at most `max_idle` sets, one a thread.
    idle: Mutex<Vec<Buffers>>,
    max_idle: usize,
}

/// Buffers for a batch of faces: of each buffer of the plan the floats, and the integers where layers multiply them.
#[derive(Debug, Default)]
struct Buffers {
    floats: Vec<Vec<f32>>,
    integers: Vec<IntegerMaps>,
}

/// Of each step, whether a later one multiplies its map as integers and it is the last to write it.
fn quantised(steps: &[Step]) -> Vec<bool> {
    let is_last = |index: usize, map: MapId| steps[index + 1..].iter().all(|step| step.to().map != map);
    let is_read = |map: MapId| steps.iter().any(|step| step.reads_integers() == Some(map));
    let of = |(index, step): (usize, &Step)| is_read(step.to().map) && is_last(index, step.to().map);
    steps.iter().enumerate().map(of).collect()
}

impl InceptionResnetV1 {
    /// Reads an ONNX file and packs its weights.
    pub(crate) fn load(onnx: &[u8], method: Method) -> Result<Self> {
        let plan = plan::plan(onnx, method)?;
        let memory = memory::assign(&plan.maps, &plan.steps, plan.last);
        let quantised = quantised(&plan.steps);
        Ok(Self { plan, memory, quantised, idle: Mutex::default(), max_idle: rayon::current_num_threads() })
    }

    /// The embedding of each face, in order.
    pub(crate) fn embed(&self, kernels: Kernels, faces: &[FaceInput]) -> Result<Vec<Vec<f32>>> {
        if let Some(face) = faces.iter().find(|face| face.0.len() != INPUT_LEN) {
            let found = face.0.len();
            let message = format!("expected {INPUT_LEN} floats per face, found {found}");
            return Err(ModelError::Run(message).into());
        }
        let threads = rayon::current_num_threads();
        let batch = faces.len().div_ceil(threads).clamp(1, MAX_BATCH);
        let parallel = faces.len().div_ceil(batch) < threads;
        let groups: Vec<Vec<Vec<f32>>> =
            faces.par_chunks(batch).map(|faces| self.embed_batch(kernels, faces, parallel)).collect();
        Ok(groups.into_iter().flatten().collect())
    }

    fn embed_batch(&self, kernels: Kernels, faces: &[FaceInput], parallel: bool) -> Vec<Vec<f32>> {
        let mut buffers = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        buffers.floats.resize_with(self.memory.buffer_floats.len(), Vec::new);
        buffers.integers.resize_with(self.memory.buffer_floats.len(), IntegerMaps::default);
        for (buffer, floats) in buffers.floats.iter_mut().zip(&self.memory.buffer_floats) {
            if buffer.len() < floats * faces.len() {
                buffer.resize(floats * faces.len(), 0.0);
            }
        }
        for (step, &quantised) in self.plan.steps.iter().zip(&self.quantised) {
            let map = step.to().map;
            let buffer = self.memory.buffer_of[map];
            // The output buffer is taken out, so that the others can be borrowed.
            let mut out = std::mem::take(&mut buffers.floats[buffer]);
            self.run_step(kernels, step, faces, &buffers, &mut out, parallel);
            if quantised {
                let floats = self.plan.maps[map].floats();
                buffers.integers[buffer].quantise(kernels, &out, floats, faces.len());
            }
            buffers.floats[buffer] = out;
        }
        let means = self.means(faces.len(), &buffers.floats[self.memory.buffer_of[self.plan.last]]);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.max_idle {
            idle.push(buffers);
        }
        drop(idle);
        let channels = self.plan.maps[self.plan.last].channels;
        let maps = Maps { data: &means, height: 1, width: 1, channels, stride: channels };
        let mut embeddings = vec![0.0; faces.len() * EMBEDDING_LEN];
        let target = Target { data: &mut embeddings, stride: EMBEDDING_LEN, channel: 0 };
        self.plan.linear.run(kernels, maps, faces.len(), target, None, parallel);
        embeddings.chunks_exact(EMBEDDING_LEN).map(normalise).collect()
    }

    fn run_step(
        &self,
        kernels: Kernels,
        step: &Step,
        faces: &[FaceInput],
        buffers: &Buffers,
        out: &mut [f32],
        parallel: bool,
    ) {
        let size = self.plan.maps[step.to().map];
        let stride = size.channels;
        let channel = step.to().channel;
        match step {
            Step::Stem { conv, .. } => {
                for (face, data) in faces.iter().zip(out.chunks_mut(size.floats())) {
                    let side = FACENET_SIDE;
                    let maps = Maps {
                        data: &face.0,
                        height: side,
                        width: side,
                        channels: CHANNELS,
                        stride: CHANNELS,
                    };
                    conv.run_in_place(
                        kernels,
                        SourceLayout::RgbStride2,
                        maps,
                        Target { data, stride, channel },
                    );
                }
            }
            Step::Conv { conv, from, residual, .. } => {
                let residual = residual.map(|map| {
                    let data = buffers.floats[self.memory.buffer_of[map]].as_slice();
                    (data, self.plan.maps[map].channels)
                });
                let (batch, target) = (faces.len(), Target { data: out, stride, channel });
                let maps = self.input(*from, buffers);
                match conv {
                    Layer::Float(conv) => {
                        conv.run(kernels, maps, batch, target, residual, parallel);
                    }
                    Layer::Winograd(conv) => conv.run(kernels, maps, batch, target, parallel),
                    Layer::Integer(conv) => {
                        let integers = &buffers.integers[self.memory.buffer_of[*from]];
                        conv.run(kernels, integers.read_as(maps), batch, target, residual, parallel);
                    }
                }
            }
            Step::Pool { pool, from, .. } => {
                let Maps { data, height, width, channels, stride: from_stride } = self.input(*from, buffers);
                let maps = data.chunks_exact(self.plan.maps[*from].floats());
                for (data, out) in maps.zip(out.chunks_mut(size.floats())).take(faces.len()) {
                    let input = PoolInput { data, height, width, stride: from_stride, channels };
                    kernels.max_pool(input, *pool, &mut out[channel..], stride);
                }
            }
        }
    }

    fn input<'a>(&self, map: MapId, buffers: &'a Buffers) -> Maps<'a> {
        let MapSize { height, width, channels } = self.plan.maps[map];
        let data = &buffers.floats[self.memory.buffer_of[map]];
        Maps { data, height, width, channels, stride: channels }
    }

    /// Global average pooling of the last map: `batch x channels`.
    fn means(&self, batch: usize, data: &[f32]) -> Vec<f32> {
        let size = self.plan.maps[self.plan.last];
        let mut means = vec![0.0; batch * size.channels];
        for (means, map) in means.chunks_exact_mut(size.channels).zip(data.chunks_exact(size.floats())) {
            for pixel in map.chunks_exact(size.channels) {
                means.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value);
            }
            for sum in means {
                *sum /= size.pixels() as f32;
            }
        }
        means
    }
}

/// Scales an embedding to L2 norm 1.
fn normalise(embedding: &[f32]) -> Vec<f32> {
    let norm = embedding.iter().map(|v| v * v).sum::<f32>().sqrt().max(MIN_NORM);
    embedding.iter().map(|v| v / norm).collect()
}
