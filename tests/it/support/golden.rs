//! `tests/golden/reference.json`: what facenet-pytorch answered, stage by stage.

use std::collections::HashMap;

use facerec::embed::Embedding;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Photo {
    #[serde(rename = "photo")]
    pub file: String,
    pub width: usize,
    pub height: usize,
    pub rnet_candidates: usize,
    pub onet_candidates: usize,
    pub faces: Vec<Face>,
}

#[derive(Deserialize)]
pub struct Face {
    /// x1, y1, x2, y2
    #[serde(rename = "box")]
    pub bbox: [f32; 4],
    pub probability: f32,
    pub landmarks: [[f32; 2]; 5],
    /// x0, y0, x1, y1
    pub crop_box: [usize; 4],
    pub crop_mean_rgb: [f64; 3],
    /// By model; empty below a probability of 0.9.
    #[serde(default)]
    pub embeddings: HashMap<String, Embeddings>,
}

#[derive(Deserialize)]
pub struct Embeddings {
    pub standard: Vec<f32>,
    pub flask: Vec<f32>,
}

impl Photo {
    /// Whether decoding is lossless, so that both sides saw the same pixels.
    pub fn is_lossless(&self) -> bool {
        std::path::Path::new(&self.file).extension().is_some_and(|extension| extension == "png")
    }
}

/// All photos of the reference.
pub fn reference() -> Vec<Photo> {
    serde_json::from_slice(&super::golden_bytes("reference.json")).expect("reference.json has this shape")
}

/// The reference's embedding of a face by `model`.
pub fn reference_embedding_of(photos: &[Photo], file: &str, face: usize, model: &str) -> Embedding {
    let photo = photos.iter().find(|photo| photo.file == file).unwrap();
    Embedding::new(photo.faces[face].embeddings[model].standard.clone()).unwrap()
}
