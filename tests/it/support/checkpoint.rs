//! Writes PyTorch checkpoints of both formats, and a whole FaceNet with weights made by a formula:
//! those of `tests/golden/checkpoints/make.py`.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use facerec::align::AlignedCrop;
use facerec::imaging::Window;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A file of `tests/golden/checkpoints`.
pub fn golden(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/checkpoints").join(file)
}

/// A tensor to be written.
#[derive(Clone)]
pub struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
    /// `None` for the one int64 number of `num_batches_tracked`.
    pub numbers: Option<Vec<f32>>,
}

impl Tensor {
    fn class(&self) -> &'static str {
        if self.numbers.is_some() { "FloatStorage" } else { "LongStorage" }
    }

    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn bytes(&self) -> Vec<u8> {
        match &self.numbers {
            Some(numbers) => numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            None => 0i64.to_le_bytes().to_vec(),
        }
    }
}

/// The format before PyTorch 1.6.
pub fn legacy(tensors: &[Tensor]) -> Vec<u8> {
    let mut bytes = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.".to_vec();
    bytes.extend(b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s.");
    bytes.extend(state_dict(tensors, true));
    bytes.extend(b"\x80\x02](");
    for key in 0..tensors.len() {
        text(&mut bytes, &key.to_string());
    }
    bytes.extend(b"e.");
    for tensor in tensors {
        bytes.extend((tensor.len() as u64).to_le_bytes());
        bytes.extend(tensor.bytes());
    }
    bytes
}

/// The zip archive.
pub fn archive(tensors: &[Tensor]) -> Vec<u8> {
    let files = tensors.iter().enumerate().map(|(key, tensor)| (format!("data/{key}"), tensor.bytes()));
    archive_of(
        [("data.pkl".to_owned(), state_dict(tensors, false))].into_iter().chain(files),
        CompressionMethod::Stored,
    )
}

/// A zip archive of files in one folder.
pub fn archive_of(files: impl Iterator<Item = (String, Vec<u8>)>, method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        zip.start_file(format!("archive/{name}"), options).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'X');
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.bytes());
}

fn int(bytes: &mut Vec<u8>, value: usize) {
    bytes.push(b'J');
    bytes.extend((value as i32).to_le_bytes());
}

/// The pickle of an `OrderedDict` of tensors, each with a storage of its own; keys count from 0.
pub fn state_dict(tensors: &[Tensor], legacy: bool) -> Vec<u8> {
    let mut bytes = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, tensor) in tensors.iter().enumerate() {
        text(&mut bytes, &tensor.name);
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut bytes, "storage");
        bytes.extend(format!("ctorch\n{}\n", tensor.class()).bytes());
        text(&mut bytes, &key.to_string());
        text(&mut bytes, "cpu");
        int(&mut bytes, tensor.len());
        bytes.extend(if legacy { &b"NtQ"[..] } else { b"tQ" });
        int(&mut bytes, 0);
        bytes.push(b'(');
        tensor.shape.iter().for_each(|side| int(&mut bytes, *side));
        bytes.extend(b"t(");
        // Strides of a contiguous tensor: products of the sides behind.
        let mut stride = tensor.len();
        for side in &tensor.shape {
            stride /= side;
            int(&mut bytes, stride);
        }
        bytes.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    bytes.extend(b"u.");
    bytes
}

/// `count` numbers of [0, 1): the upper 24 bits of splitmix64 of `(stream << 32) + index`.
fn uniform(stream: u64, count: usize) -> impl Iterator<Item = f32> {
    (0..count as u64).map(move |index| {
        let mut z = ((stream << 32) + index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 40) as f32 / 16_777_216.0
    })
}

fn weights(stream: u64, name: &str, shape: &[usize]) -> Vec<f32> {
    let numbers = uniform(stream, shape.iter().product());
    if shape.len() > 1 {
        let inputs: usize = shape[1..].iter().product();
        let bound = (6.0 / inputs as f64).sqrt() as f32;
        numbers.map(|u| (u * 2.0 - 1.0) * bound).collect()
    } else if name.ends_with("conv2d.bias") || name.ends_with("logits.bias") {
        numbers.map(|u| (u * 2.0 - 1.0) * 0.1).collect()
    } else if name.ends_with("bias") || name.ends_with("running_mean") {
        numbers.map(|u| (u * 2.0 - 1.0) * 0.2).collect()
    } else {
        numbers.map(|u| 0.5 + u).collect()
    }
}

/// `facenet.json`: names and shapes of the state dict, and what facenet-pytorch answers.
#[derive(serde::Deserialize)]
struct Golden {
    tensors: Vec<(String, Vec<usize>)>,
    embedding: Vec<f32>,
}

static GOLDEN: LazyLock<Golden> =
    LazyLock::new(|| serde_json::from_slice(&fs::read(golden("facenet.json")).unwrap()).unwrap());

/// The whole state dict of `InceptionResnetV1` with the formula's weights.
pub fn facenet() -> Vec<Tensor> {
    let tensors = GOLDEN.tensors.iter().enumerate().map(|(stream, (name, shape))| Tensor {
        numbers: (!name.ends_with("num_batches_tracked")).then(|| weights(stream as u64, name, shape)),
        name: name.clone(),
        shape: shape.clone(),
    });
    tensors.collect()
}

/// The formula's crop.
pub fn crop() -> AlignedCrop {
    let pixels = uniform(1 << 31, 160 * 160 * 3).map(|u| (u * 256.0).floor() as u8).collect();
    AlignedCrop { pixels, window: Window { x0: 0, y0: 0, x1: 160, y1: 160 } }
}

/// The embedding of that crop by facenet-pytorch with these weights.
pub fn embedding() -> &'static [f32] {
    &GOLDEN.embedding
}
