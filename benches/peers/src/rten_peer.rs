//! The networks on rten.

use std::hint::black_box;
use std::sync::Arc;

use facerec::nn::FaceNet;
use rten::{Model, ModelOptions, RunOptions, ThreadPool, Value};
use rten_tensor::NdTensorView;
use rten_tensor::prelude::*;

use crate::inputs::{self, Batch, Inputs, Stage};

/// Smallest cosine similarity of rten's embeddings to those of the native engine.
const MIN_COSINE: f32 = 0.9999;

/// The networks, weights packed, and a pool of one thread.
pub(crate) struct Networks {
    models: Vec<Model>,
    options: RunOptions,
}

impl Networks {
    pub(crate) fn load() -> Self {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let load = |stage: Stage| options.load(inputs::model(stage.file())).expect("rten loads the network");
        let pool = ThreadPool::with_num_threads(1);
        Self {
            models: Stage::ALL.into_iter().map(load).collect(),
            options: RunOptions::default().with_thread_pool(Some(Arc::new(pool))),
        }
    }

    fn run_batch(&self, stage: Stage, batch: &Batch) -> Vec<Value> {
        let model = &self.models[stage as usize];
        let input = NdTensorView::from_data(batch.shape, batch.data.as_slice());
        let inputs = vec![(model.input_ids()[0], input.into())];
        model.run(inputs, model.output_ids(), Some(self.options.clone())).expect("rten runs the network")
    }

    /// Runs one pass of a stage.
    pub(crate) fn run(&self, stage: Stage, inputs: &Inputs) {
        for batch in inputs.batches(stage) {
            black_box(self.run_batch(stage, batch));
        }
    }

    /// Checks that rten computes the same network: its embeddings agree with those of `facenet`.
    pub(crate) fn check(&self, inputs: &Inputs, facenet: &dyn FaceNet) {
        let expected = facenet.embed(&inputs.faces).expect("FaceNet runs");
        let mut outputs = self.run_batch(Stage::FaceNet6, &inputs.batches(Stage::FaceNet6)[0]);
        let found: rten_tensor::Tensor<f32> = outputs.remove(0).try_into().expect("float32 embeddings");
        for (found, expected) in found.to_vec().chunks(expected[0].len()).zip(&expected) {
            let cosine: f32 = found.iter().zip(expected).map(|(a, b)| a * b).sum();
            assert!(
                cosine >= MIN_COSINE,
                "expected rten's embedding at cosine {MIN_COSINE} or more, found {cosine}"
            );
        }
    }
}
