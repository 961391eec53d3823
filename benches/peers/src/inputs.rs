//! The stages, and what goes into the networks at each: the same for all runtimes.

use std::path::{Path, PathBuf};

use facerec::detect::pyramid::levels;
use facerec::imaging::decode::{DecodeLimits, decode};
use facerec::imaging::resample::area_resample;
use facerec::imaging::{OrientedRgb, Window};
use facerec::nn::{FACENET_SIDE, FaceInput, LevelSize, ONET_SIDE, RNET_SIDE};

/// The embedder that is compared: its file is in the repository.
pub(crate) const FACENET: &str = "facenet-casia-f16.onnx";

/// A network and the number of its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// P-Net over the pyramid of a photo of 12 megapixels.
    Pnet,
    /// R-Net over 120 windows.
    Rnet,
    /// O-Net over 24 windows.
    Onet,
    /// FaceNet over one face.
    FaceNet1,
    /// FaceNet over six faces.
    FaceNet6,
}

impl Stage {
    pub(crate) const ALL: [Self; 5] = [Self::Pnet, Self::Rnet, Self::Onet, Self::FaceNet1, Self::FaceNet6];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pnet => "pnet",
            Self::Rnet => "rnet-120",
            Self::Onet => "onet-24",
            Self::FaceNet1 => "facenet-1",
            Self::FaceNet6 => "facenet-6",
        }
    }

    pub(crate) fn is_facenet(self) -> bool {
        matches!(self, Self::FaceNet1 | Self::FaceNet6)
    }

    /// The ONNX file of the stage.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Pnet => "pnet.onnx",
            Self::Rnet => "rnet.onnx",
            Self::Onet => "onet.onnx",
            Self::FaceNet1 | Self::FaceNet6 => FACENET,
        }
    }
}

/// A batch of images, standardised: `batch x 3 x height x width` floats (NCHW).
pub(crate) struct Batch {
    pub(crate) shape: [usize; 4],
    pub(crate) data: Vec<f32>,
}

/// The inputs of all stages.
pub(crate) struct Inputs {
    large: OrientedRgb,
    small: OrientedRgb,
    pub(crate) levels: Vec<LevelSize>,
    pub(crate) rnet_windows: Vec<Window>,
    pub(crate) onet_windows: Vec<Window>,
    pub(crate) faces: Vec<FaceInput>,
    /// The same as tensors, for runtimes that take those. P-Net has one for each level.
    batches: [Vec<Batch>; 5],
}

impl Inputs {
    pub(crate) fn load() -> Self {
        let (large, small) = (photo("group_12mp.jpg"), photo("group.png"));
        let levels: Vec<LevelSize> =
            levels(large.width(), large.height(), 15.0, 0.709).iter().map(|level| level.size).collect();
        let (rnet_windows, onet_windows) = (windows(&small, 120), windows(&small, 24));
        let value = |face: usize, i: usize| ((i * 37 + face * 11) % 255) as f32 / 128.0 - 1.0;
        let face = |face| FaceInput((0..FACENET_SIDE * FACENET_SIDE * 3).map(|i| value(face, i)).collect());
        let faces: Vec<FaceInput> = (0..6).map(face).collect();
        let whole = Window { x0: 0, y0: 0, x1: large.width(), y1: large.height() };
        let pnet = levels.iter().map(|size| resampled(&large, &[whole], size.width, size.height)).collect();
        let facenet = |count: usize| {
            let pixels: Vec<&[f32]> = faces[..count].iter().map(|face| face.0.as_slice()).collect();
            vec![batch(&pixels, FACENET_SIDE, FACENET_SIDE)]
        };
        let batches = [
            pnet,
            vec![resampled(&small, &rnet_windows, RNET_SIDE, RNET_SIDE)],
            vec![resampled(&small, &onet_windows, ONET_SIDE, ONET_SIDE)],
            facenet(1),
            facenet(6),
        ];
        Self { large, small, levels, rnet_windows, onet_windows, faces, batches }
    }

    /// The photo of a stage.
    pub(crate) fn photo(&self, stage: Stage) -> &OrientedRgb {
        if stage == Stage::Pnet { &self.large } else { &self.small }
    }

    /// The tensors of a stage.
    pub(crate) fn batches(&self, stage: Stage) -> &[Batch] {
        &self.batches[stage as usize]
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Path of an ONNX file in `models/`.
pub(crate) fn model_path(file: &str) -> PathBuf {
    root().join("models").join(file)
}

/// Content of an ONNX file in `models/`.
pub(crate) fn model(file: &str) -> Vec<u8> {
    std::fs::read(model_path(file)).expect("the model is there")
}

fn photo(file: &str) -> OrientedRgb {
    let bytes = std::fs::read(root().join("tests/golden/photos").join(file)).expect("the photo is there");
    let pixels = decode(&bytes, DecodeLimits { max_megapixels: 50 }).expect("an image");
    OrientedRgb::from_upright(pixels.width, pixels.height, pixels.data).expect("an RGB photo")
}

/// Square windows of many sizes, as P-Net proposes them.
fn windows(photo: &OrientedRgb, count: usize) -> Vec<Window> {
    let window = |i: usize| {
        let side = 20 + i * 7 % 180;
        let (x0, y0) = (i * 97 % (photo.width() - side), i * 61 % (photo.height() - side));
        Window { x0, y0, x1: x0 + side, y1: y0 + side }
    };
    (0..count).map(window).collect()
}

/// The windows of a photo at the size of a network's input, standardised for MTCNN.
fn resampled(photo: &OrientedRgb, windows: &[Window], width: usize, height: usize) -> Batch {
    let standardised = |window: &Window| -> Vec<f32> {
        let pixels = area_resample(photo.view(), *window, width, height);
        pixels.into_iter().map(|v| (v - 127.5) * 0.007_812_5).collect()
    };
    let images: Vec<Vec<f32>> = windows.iter().map(standardised).collect();
    batch(&images.iter().map(Vec::as_slice).collect::<Vec<_>>(), width, height)
}

/// From images of `height x width x 3` floats to one tensor.
fn batch(images: &[&[f32]], width: usize, height: usize) -> Batch {
    let mut data = Vec::with_capacity(images.len() * 3 * width * height);
    for image in images {
        for channel in 0..3 {
            data.extend(image.iter().skip(channel).step_by(3));
        }
    }
    Batch { shape: [images.len(), 3, height, width], data }
}
