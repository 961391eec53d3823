//! PyTorch checkpoints of both formats: real ones, whole networks of FaceNet, and broken ones.

use std::fs;
use std::path::Path;

use facerec::embed::{Standardisation, embed};
use facerec::models::checkpoint::{Checkpoint, is_checkpoint};
use facerec::models::facenet_onnx::convert;
use facerec::nn::tract::TractFaceNet;
use proptest::prelude::*;
use prost::Message as _;
use tract_onnx::pb::ModelProto;
use zip::CompressionMethod;

use crate::support::checkpoint::{
    Tensor, archive, archive_of, crop, embedding, facenet, golden, legacy, state_dict,
};

fn refusal(bytes: &[u8]) -> String {
    Checkpoint::open(bytes).unwrap_err().to_string()
}

/// The float32 initialisers of a shipped ONNX file: name, shape, numbers.
fn initialisers(file: &str) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file);
    let model = ModelProto::decode(&*fs::read(path).unwrap()).unwrap();
    let initialisers = model.graph.unwrap().initializer.into_iter().map(|tensor| {
        let (numbers, rest) = tensor.raw_data.as_chunks();
        assert!(rest.is_empty() && !numbers.is_empty());
        let shape = tensor.dims.iter().map(|side| *side as usize).collect();
        (tensor.name, shape, numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    });
    initialisers.collect()
}

#[test]
fn the_real_checkpoints_of_facenet_pytorch_hold_the_numbers_of_the_shipped_networks() {
    for (net, count) in [("pnet", 13), ("rnet", 16), ("onet", 21)] {
        let bytes = fs::read(golden(&format!("{net}.pt"))).unwrap();
        let mut checkpoint = Checkpoint::open(&bytes).unwrap();
        assert_eq!(checkpoint.names().count(), count);
        // Export renames PReLU slopes after convolutions, and gives them shape [channels, 1, 1].
        let mut slopes = 1;
        for (name, shape, numbers) in initialisers(&format!("{net}.onnx")) {
            let (name, shape) = if name.starts_with("onnx::PRelu_") {
                slopes += 1;
                (format!("prelu{}.weight", slopes - 1), vec![shape[0]])
            } else {
                (name, shape)
            };
            assert_eq!(checkpoint.shape(&name), Some(&shape[..]), "{net} {name}");
            assert!(checkpoint.tensor(&name, &shape).unwrap() == numbers, "{net} {name}");
        }
    }
}

#[test]
fn views_and_other_types_written_by_pytorch_are_read() {
    let counting: Vec<f32> = (0..24u8).map(f32::from).collect();
    for file in ["odd_zip.pt", "odd_legacy.pt"] {
        let bytes = fs::read(golden(file)).unwrap();
        let mut checkpoint = Checkpoint::open(&bytes).unwrap();
        for name in ["half", "double", "bfloat16", "parameter"] {
            assert_eq!(checkpoint.tensor(name, &[2, 3, 4]).unwrap(), counting, "{file} {name}");
        }
        // Element (i, j, k) of the transposed tensor is element (k, j, i) of the counting one.
        let transposed: Vec<f32> = (0..4)
            .flat_map(|i| (0..3).flat_map(move |j| (0..2).map(move |k| (k * 12 + j * 4 + i) as f32)))
            .collect();
        assert_eq!(checkpoint.tensor("transposed", &[4, 3, 2]).unwrap(), transposed);
        assert_eq!(checkpoint.tensor("offset", &[2, 4]).unwrap(), counting[16..]);
        assert_eq!(checkpoint.tensor("scalar", &[]).unwrap(), [3.5]);
        assert!(checkpoint.tensor("empty", &[0, 3]).unwrap().is_empty());
        let error = |checkpoint: &mut Checkpoint<'_>, name, shape: &[usize]| {
            checkpoint.tensor(name, shape).unwrap_err().to_string()
        };
        assert_eq!(
            error(&mut checkpoint, "expanded", &[5]),
            "tensor expanded: expected at most the 1 elements of its storage, found shape [5]"
        );
        assert_eq!(
            error(&mut checkpoint, "long", &[3]),
            "tensor long: expected floating-point numbers, found integers of 8 bytes"
        );
        assert_eq!(
            error(&mut checkpoint, "half", &[24]),
            "tensor half: expected shape [24], found [2, 3, 4]"
        );
        assert_eq!(
            error(&mut checkpoint, "none", &[24]),
            "tensor none: expected one of shape [24], found none of that name"
        );
    }
}

/// Largest difference of the converted network's embedding from facenet-pytorch's.
fn difference(checkpoint: &[u8]) -> f32 {
    let onnx = convert(&mut Checkpoint::open(checkpoint).unwrap()).unwrap();
    let net = TractFaceNet::load(&onnx).unwrap();
    let found = embed(&net, &[crop()], Standardisation::FixedImage).unwrap();
    found[0].values().iter().zip(embedding()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_whole_facenet_of_either_format_answers_as_facenet_pytorch_does() {
    let tensors = facenet();
    let (old, new) = (legacy(&tensors), archive(&tensors));
    assert!(is_checkpoint(&old) && is_checkpoint(&new));
    let found = difference(&old);
    assert!(found < 2e-6, "largest difference of a component: {found}");
    let convert = |bytes: &[u8]| convert(&mut Checkpoint::open(bytes).unwrap()).unwrap();
    assert!(convert(&old) == convert(&new), "the two formats give different networks");
}

#[test]
fn a_wrong_network_is_refused_by_the_tensor_that_is_wrong() {
    let refused = |tensors: &[Tensor]| {
        let bytes = legacy(tensors);
        let mut checkpoint = Checkpoint::open(&bytes).unwrap();
        convert(&mut checkpoint).unwrap_err().to_string()
    };
    let mut tensors = facenet();
    tensors.retain(|tensor| !tensor.name.starts_with("logits."));
    let index =
        tensors.iter().position(|tensor| tensor.name == "repeat_2.3.branch1.1.bn.running_var").unwrap();
    let name = "tensor repeat_2.3.branch1.1.bn.running_var:";
    let altered = |alter: &dyn Fn(&mut Tensor)| {
        let mut tensors = tensors.clone();
        alter(&mut tensors[index]);
        refused(&tensors)
    };
    assert_eq!(
        altered(&|tensor| tensor.name = "other".into()),
        format!("{name} expected one of shape [128], found none of that name")
    );
    assert_eq!(
        altered(&|tensor| tensor.shape = vec![2, 64]),
        format!("{name} expected shape [128], found [2, 64]")
    );
    let first = |value: f32| altered(&|tensor| tensor.numbers.as_mut().unwrap()[0] = value);
    assert_eq!(first(f32::NAN), format!("{name} expected finite numbers, found NaN"));
    assert_eq!(first(-1.0), format!("{name} expected variances, found -1"));
    assert!(convert(&mut Checkpoint::open(&fs::read(golden("pnet.pt")).unwrap()).unwrap()).is_err());
}

fn small() -> Vec<Tensor> {
    let tensor = |name: &str, shape: &[usize]| Tensor {
        name: name.into(),
        shape: shape.to_vec(),
        numbers: Some((0..shape.iter().product::<usize>()).map(|n| n as f32).collect()),
    };
    vec![tensor("a.weight", &[2, 3]), tensor("a.bias", &[2]), tensor("b", &[4, 1, 1])]
}

#[test]
fn what_is_no_checkpoint_is_refused_with_what_was_found() {
    assert!(refusal(b"").contains("expected the magic number of either format, found neither"));
    assert!(refusal(b"<html>404</html>").contains("expected the magic number"));
    assert!(refusal(b"PK\x03\x04 and no more").contains("zip archive"));
    let stored = |name: &str, bytes: &[u8]| {
        archive_of([(name.to_owned(), bytes.to_vec())].into_iter(), CompressionMethod::Stored)
    };
    assert!(refusal(&stored("x", b"")).contains("expected a file data.pkl"));
    assert!(refusal(&stored("data.pkl", b"N.")).contains("expected a state dict, found None"));
    assert!(refusal(&stored("data.pkl", b"(Va\nI1\nd.")).contains("tensor a: expected a tensor, found int"));
    let compressed = archive_of(
        [("data.pkl".to_owned(), state_dict(&small(), false))].into_iter(),
        CompressionMethod::Deflated,
    );
    assert!(refusal(&compressed).contains("expected it stored as it is, found Deflate"));
    let mut big_endian = legacy(&small());
    let flag = big_endian.windows(8).position(|bytes| bytes == b"endian\x88s").unwrap() + 6;
    big_endian[flag] = 0x89;
    assert!(refusal(&big_endian).contains("expected a little-endian machine"));
    let twice = [small(), small()].concat();
    assert!(refusal(&legacy(&twice)).contains("the name a.weight stands twice"));
}

#[test]
fn a_checkpoint_that_names_anything_else_is_refused_by_name_and_nothing_runs() {
    let hostile = b"cposix\nsystem\n(Vtouch pwned\ntR.".to_vec();
    let zip = archive_of([("data.pkl".to_owned(), hostile.clone())].into_iter(), CompressionMethod::Stored);
    let old = legacy(&[]);
    let state = old.windows(9).position(|bytes| bytes == b"\x80\x02ccollec").unwrap();
    // The magic number takes 15 bytes; the state dict follows the three pickles of the head.
    let [in_head, in_state] = [15, state].map(|at| [&old[..at], &hostile].concat());
    for bytes in [zip, in_head, in_state] {
        let message = refusal(&bytes);
        assert!(message.contains("names the global posix.system"), "{message}");
    }
    assert!(!Path::new("pwned").exists());
    // A whole pickled module names its classes.
    let module = archive_of(
        [("data.pkl".to_owned(), b"ctorch.nn.modules.linear\nLinear\n)\x81.".to_vec())].into_iter(),
        CompressionMethod::Stored,
    );
    assert!(
        refusal(&module)
            .contains("names the global torch.nn.modules.linear.Linear; expected only what a state dict")
    );
}

#[test]
fn an_altered_storage_is_noticed_in_the_archive() {
    let mut bytes = archive(&small());
    let at = bytes.windows(4).position(|bytes| bytes == 5.0f32.to_le_bytes()).unwrap();
    bytes[at] ^= 1;
    let message = Checkpoint::open(&bytes).unwrap().tensor("a.weight", &[2, 3]).unwrap_err().to_string();
    assert!(message.contains("archive/data/0"), "{message}");
}

/// Asks for every tensor, by the shape it says it has.
fn read_all(bytes: &[u8]) -> Result<usize, facerec::error::Error> {
    let mut checkpoint = Checkpoint::open(bytes)?;
    let names: Vec<_> = checkpoint.names().map(str::to_owned).collect();
    let mut count = 0;
    for name in names {
        let shape = checkpoint.shape(&name).unwrap().to_vec();
        count += checkpoint.tensor(&name, &shape)?.len();
    }
    Ok(count)
}

#[test]
fn every_truncation_is_refused() {
    for bytes in [legacy(&small()), archive(&small())] {
        assert_eq!(read_all(&bytes).unwrap(), 12);
        for len in 0..bytes.len() {
            assert!(read_all(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
        }
    }
    let bytes = fs::read(golden("rnet.pt")).unwrap();
    for len in (0..bytes.len()).step_by(4999) {
        assert!(read_all(&bytes[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn offsets_and_strides_beyond_the_storage_are_refused() {
    // _rebuild_tensor_v2(storage of 4, offset, size, stride, ...)
    let tensor = |view: &str| {
        let pickle = format!(
            "(Vt\nctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI4\ntQ{view}I00\nNtRd."
        );
        let files = [("data.pkl".to_owned(), pickle.into_bytes()), ("data/0".to_owned(), vec![0; 16])];
        read_all(&archive_of(files.into_iter(), CompressionMethod::Stored))
            .map_err(|reason| reason.to_string())
    };
    assert_eq!(tensor("I0\n(I2\nI2\nt(I2\nI1\nt"), Ok(4));
    assert_eq!(tensor("I0\n(I1\nI4\nt(I9223372036854775807\nI1\nt"), Ok(4));
    for (view, expected) in [
        ("I1\n(I2\nI2\nt(I2\nI1\nt", "expected to lie within its storage of 4 elements"),
        ("I0\n(I2\nI2\nt(I9223372036854775807\nI1\nt", "expected to lie within its storage"),
        ("I9223372036854775807\n(I1\nt(I1\nt", "expected to lie within its storage"),
        ("I0\n(I8\nt(I0\nt", "expected at most the 4 elements"),
        ("I0\n(I9223372036854775807\nI9223372036854775807\nt(I0\nI0\nt", "expected at most the 4 elements"),
        ("I-1\n(I1\nt(I1\nt", "expected a tensor's offset as an integer"),
        ("I0\n(I2\nt(I-1\nt", "expected a tensor's stride"),
        ("I0\n(I2\nt(t", "expected a stride for each of 1 dimensions, found 0"),
    ] {
        let message = tensor(view).unwrap_err();
        assert!(message.contains(expected), "{view}: {message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn altered_checkpoints_are_read_or_refused(
        zipped in any::<bool>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = if zipped { archive(&small()) } else { legacy(&small()) };
        for (index, byte) in edits {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        // Views of one storage may overlap, but each is within it.
        if let Ok(count) = read_all(&bytes) {
            prop_assert!(count <= 3 * 6);
        }
    }

    #[test]
    fn any_bytes_after_the_magic_number_are_refused(zipped in any::<bool>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut file = if zipped { b"PK\x03\x04".to_vec() } else { legacy(&[])[..15].to_vec() };
        file.extend(bytes);
        prop_assert!(Checkpoint::open(&file).is_err());
    }
}
