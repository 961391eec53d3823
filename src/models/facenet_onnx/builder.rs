//! Builds an ONNX graph, node by node, with the weights from a checkpoint.

use prost::Message as _;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::type_proto::{Tensor as TensorType, Value as TypeValue};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto,
};

use super::fold::{BatchNorm, finite};
use crate::error::Result;
use crate::models::checkpoint::Checkpoint;
use crate::nn::{EMBEDDING_LEN, FACENET_SIDE};

/// ONNX file format and operator set; those of the files that PyTorch 2.2 exports.
const IR_VERSION: i64 = 7;
const OPSET: i64 = 13;
/// Shortest vector that is divided by its norm; `eps` of `torch.nn.functional.normalize`.
const MIN_NORM: f32 = 1e-12;

/// Kernel size, stride and padding of a convolution, rows and columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvShape {
    pub(super) kernel: [usize; 2],
    pub(super) stride: usize,
    pub(super) pad: [usize; 2],
}

/// `kernel_size=k, stride=s, padding=p`.
pub(super) const fn square(kernel: usize, stride: usize, pad: usize) -> ConvShape {
    ConvShape { kernel: [kernel; 2], stride, pad: [pad; 2] }
}

/// A kernel of rows x columns that keeps the size.
pub(super) const fn same(rows: usize, columns: usize) -> ConvShape {
    ConvShape { kernel: [rows, columns], stride: 1, pad: [rows / 2, columns / 2] }
}

/// A value that flows through the graph: its name and its number of channels.
#[derive(Debug, Clone)]
pub(super) struct Value {
    name: String,
    pub(super) channels: usize,
}

/// The graph so far. Values are `n x channels x height x width`.
pub(super) struct OnnxBuilder<'c, 'f> {
    checkpoint: &'c mut Checkpoint<'f>,
    graph: GraphProto,
}

impl<'c, 'f> OnnxBuilder<'c, 'f> {
    pub(super) fn new(checkpoint: &'c mut Checkpoint<'f>) -> Self {
        Self { checkpoint, graph: GraphProto { name: "InceptionResnetV1".into(), ..GraphProto::default() } }
    }

    /// The crops, n x 3 x 160 x 160.
    pub(super) fn input(&mut self) -> Value {
        let shape = [3, FACENET_SIDE, FACENET_SIDE];
        self.graph.input.push(value_info("input", &shape));
        Value { name: "input".into(), channels: 3 }
    }

    /// `BasicConv2d` without its `ReLU`: the convolution `NAME.conv` with `NAME.bn` folded in.
    pub(super) fn basic_conv(
        &mut self,
        name: &str,
        x: &Value,
        channels: usize,
        shape: ConvShape,
    ) -> Result<Value> {
        let conv = format!("{name}.conv");
        let dims = [channels, x.channels, shape.kernel[0], shape.kernel[1]];
        let mut weight = finite(self.checkpoint, &format!("{conv}.weight"), &dims)?;
        let norm = BatchNorm::read(self.checkpoint, &format!("{name}.bn"), channels)?;
        let per_channel = x.channels * shape.kernel[0] * shape.kernel[1];
        for (weights, factor) in weight.chunks_exact_mut(per_channel).zip(&norm.factors) {
            scale_all(weights.iter_mut(), *factor);
        }
        Ok(self.convolve(&conv, x, &dims, (&weight, &norm.addends), shape))
    }

    /// A convolution with a bias of its own.
    pub(super) fn conv(&mut self, name: &str, x: &Value, channels: usize, shape: ConvShape) -> Result<Value> {
        let dims = [channels, x.channels, shape.kernel[0], shape.kernel[1]];
        let weight = finite(self.checkpoint, &format!("{name}.weight"), &dims)?;
        let bias = finite(self.checkpoint, &format!("{name}.bias"), &[channels])?;
        Ok(self.convolve(name, x, &dims, (&weight, &bias), shape))
    }

    fn convolve(
        &mut self,
        name: &str,
        x: &Value,
        dims: &[usize; 4],
        (weight, bias): (&[f32], &[f32]),
        shape: ConvShape,
    ) -> Value {
        let weight = self.constant(&format!("{name}.weight"), dims, weight);
        let bias = self.constant(&format!("{name}.bias"), &dims[..1], bias);
        let [rows, columns] = shape.pad;
        let attributes = vec![
            ints("dilations", &[1, 1]),
            int("group", 1),
            ints("kernel_shape", &shape.kernel),
            ints("pads", &[rows, columns, rows, columns]),
            ints("strides", &[shape.stride; 2]),
        ];
        self.node("Conv", name, vec![x.name.clone(), weight, bias], attributes, dims[0])
    }

    /// A linear layer without bias, with a batch normalisation folded in. `x` is n x channels x 1 x 1,
    /// the result n x `outputs`.
    pub(super) fn linear(&mut self, name: &str, norm: &str, x: &Value, outputs: usize) -> Result<Value> {
        let inputs = x.channels;
        let mut weight = finite(self.checkpoint, &format!("{name}.weight"), &[outputs, inputs])?;
        let norm = BatchNorm::read(self.checkpoint, norm, outputs)?;
        for (weights, factor) in weight.chunks_exact_mut(inputs).zip(&norm.factors) {
            scale_all(weights.iter_mut(), *factor);
        }
        let flat = self.node(
            "Flatten",
            &format!("{name}.flatten"),
            vec![x.name.clone()],
            vec![int("axis", 1)],
            inputs,
        );
        let weight = self.constant(&format!("{name}.weight"), &[outputs, inputs], &weight);
        let bias = self.constant(&format!("{name}.bias"), &[outputs], &norm.addends);
        Ok(self.node("Gemm", name, vec![flat.name, weight, bias], vec![int("transB", 1)], outputs))
    }

    pub(super) fn relu(&mut self, name: &str, x: &Value) -> Value {
        let name = format!("{}.relu", name.trim_end_matches('.'));
        self.node("Relu", &name, vec![x.name.clone()], Vec::new(), x.channels)
    }

    /// `MaxPool2d(3, stride=2)`.
    pub(super) fn max_pool(&mut self, name: &str, x: &Value) -> Value {
        let attributes = vec![
            int("ceil_mode", 0),
            ints("kernel_shape", &[3, 3]),
            ints("pads", &[0; 4]),
            ints("strides", &[2, 2]),
        ];
        self.node("MaxPool", name, vec![x.name.clone()], attributes, x.channels)
    }

    pub(super) fn global_average_pool(&mut self, name: &str, x: &Value) -> Value {
        self.node("GlobalAveragePool", name, vec![x.name.clone()], Vec::new(), x.channels)
    }

    /// Along the channels.
    pub(super) fn concat(&mut self, block: &str, parts: &[Value]) -> Value {
        let channels = parts.iter().map(|part| part.channels).sum();
        let inputs = parts.iter().map(|part| part.name.clone()).collect();
        self.node("Concat", &format!("{block}cat"), inputs, vec![int("axis", 1)], channels)
    }

    pub(super) fn scale(&mut self, name: &str, x: &Value, factor: f32) -> Value {
        let factor = self.constant(&format!("{name}.scale.factor"), &[], &[factor]);
        self.node("Mul", &format!("{name}.scale"), vec![x.name.clone(), factor], Vec::new(), x.channels)
    }

    pub(super) fn add(&mut self, name: &str, x: &Value, to: &Value) -> Value {
        self.node(
            "Add",
            &format!("{name}.add"),
            vec![x.name.clone(), to.name.clone()],
            Vec::new(),
            x.channels,
        )
    }

    /// `F.normalize(x, p=2, dim=1)`, as the output `embedding`.
    pub(super) fn normalise(&mut self, x: &Value) {
        let attributes = vec![ints("axes", &[1]), int("keepdims", 1)];
        let norm = self.node("ReduceL2", "normalise.norm", vec![x.name.clone()], attributes, 1);
        let floor = self.constant("normalise.floor", &[], &[MIN_NORM]);
        let norm = self.node("Max", "normalise.max", vec![norm.name, floor], Vec::new(), 1);
        self.node("Div", "embedding", vec![x.name.clone(), norm.name], Vec::new(), x.channels);
        self.graph.output.push(value_info("embedding", &[EMBEDDING_LEN]));
    }

    /// The ONNX file.
    pub(super) fn finish(self) -> Vec<u8> {
        ModelProto {
            ir_version: IR_VERSION,
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            producer_name: env!("CARGO_PKG_NAME").into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.graph),
            ..ModelProto::default()
        }
        .encode_to_vec()
    }

    /// Adds a node whose only output has its name.
    fn node(
        &mut self,
        op: &str,
        name: &str,
        input: Vec<String>,
        attribute: Vec<AttributeProto>,
        channels: usize,
    ) -> Value {
        self.graph.node.push(NodeProto {
            input,
            output: vec![name.into()],
            name: name.into(),
            op_type: op.into(),
            attribute,
            ..NodeProto::default()
        });
        Value { name: name.into(), channels }
    }

    fn constant(&mut self, name: &str, dims: &[usize], numbers: &[f32]) -> String {
        self.graph.initializer.push(TensorProto {
            name: name.into(),
            dims: dims.iter().map(|side| *side as i64).collect(),
            data_type: DataType::Float as i32,
            raw_data: numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        name.into()
    }
}

fn scale_all<'w>(weights: impl Iterator<Item = &'w mut f32>, factor: f64) {
    for weight in weights {
        *weight = (f64::from(*weight) * factor) as f32;
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        i: value,
        r#type: AttributeType::Int as i32,
        ..AttributeProto::default()
    }
}

fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        ints: values.iter().map(|value| *value as i64).collect(),
        r#type: AttributeType::Ints as i32,
        ..AttributeProto::default()
    }
}

/// Float32, the batch axis `n` before the sides given.
fn value_info(name: &str, sides: &[usize]) -> ValueInfoProto {
    let dimension = |value| Dimension { value: Some(value), ..Dimension::default() };
    let batch = dimension(dimension::Value::DimParam("n".into()));
    let sides = sides.iter().map(|side| dimension(dimension::Value::DimValue(*side as i64)));
    let shape = TensorShapeProto { dim: std::iter::once(batch).chain(sides).collect() };
    let tensor = TensorType { elem_type: DataType::Float as i32, shape: Some(shape) };
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto { value: Some(TypeValue::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}
