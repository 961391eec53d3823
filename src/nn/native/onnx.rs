//! Reads ONNX files: nodes and float32 constants, from the protobuf messages that tract defines. The file is not
//! trusted: every size is checked against the data.

use std::collections::{HashMap, HashSet};

use prost::Message;
use tract_onnx::pb::{AttributeProto, ModelProto, NodeProto, TensorProto};

use super::conv::RawConv;
use super::kernels::ConvParams;
use crate::error::{Error, ModelError, Result};

/// Values of ONNX's `TensorProto.DataType`.
const FLOAT: i32 = 1;
const FLOAT16: i32 = 10;

/// An ONNX graph with its constants by name.
#[derive(Debug)]
pub(crate) struct OnnxReader {
    /// Name of the network, for messages.
    name: &'static str,
    /// Nodes that depend on the input, in topological order, which is that of the file.
    pub(crate) nodes: Vec<NodeProto>,
    /// Name of the input tensor.
    pub(crate) input: String,
    /// Initialisers and `Constant` nodes, by name.
    constants: HashMap<String, TensorProto>,
    /// Outputs of `Cast` and `Identity` nodes of constants: the name of the constant.
    aliases: HashMap<String, String>,
}

impl OnnxReader {
    /// Reads an ONNX file with one input.
    pub(crate) fn read(name: &'static str, onnx: &[u8]) -> Result<Self> {
        let model = ModelProto::decode(onnx)
            .map_err(|e| ModelError::NotOnnx { network: name.to_owned(), reason: e.to_string() })?;
        let graph = model.graph.ok_or_else(|| ModelError::NotOnnx {
            network: name.to_owned(),
            reason: "it holds no graph".to_owned(),
        })?;
        let mut constants: HashMap<_, _> =
            graph.initializer.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        let mut inputs = graph.input.into_iter().filter(|input| !constants.contains_key(&input.name));
        let (Some(input), None) = (inputs.next(), inputs.next()) else {
            let reason = "expected one input".to_owned();
            return Err(ModelError::Structure { network: name.to_owned(), reason }.into());
        };
        check_names(name, constants.keys().chain([&input.name]), &graph.node)?;
        let mut aliases = HashMap::new();
        let mut nodes = Vec::new();
        for mut node in graph.node {
            let (first_input, output) = (node.input.first().cloned(), node.output.first().cloned());
            let Some(output) = output else { continue };
            let is_constant = |name: &String| constants.contains_key(name) || aliases.contains_key(name);
            match (node.op_type.as_str(), first_input) {
                ("Constant", _) => {
                    let value = node.attribute.iter_mut().find_map(|attribute| attribute.t.take());
                    constants.extend(value.map(|tensor| (output, tensor)));
                }
                ("Cast" | "Identity", Some(input)) if is_constant(&input) => {
                    aliases.insert(output, input);
                }
                _ => nodes.push(node),
            }
        }
        Ok(Self { name, nodes, input: input.name, constants, aliases })
    }

    /// An error about this network.
    pub(crate) fn error(&self, what: impl std::fmt::Display) -> Error {
        ModelError::Structure { network: self.name.to_owned(), reason: what.to_string() }.into()
    }

    fn resolve<'a>(&'a self, mut name: &'a str) -> &'a str {
        // An alias refers to an earlier tensor, and names are unique (`check_names`), so the chain ends.
        while let Some(other) = self.aliases.get(name) {
            name = other;
        }
        name
    }

    /// Whether the tensor is a constant.
    pub(crate) fn is_constant(&self, name: &str) -> bool {
        self.constants.contains_key(self.resolve(name))
    }

    /// Shape of a constant.
    pub(crate) fn dimensions(&self, name: &str) -> Result<Vec<usize>> {
        let tensor = self.constants.get(self.resolve(name));
        let tensor = tensor.ok_or_else(|| self.error(format_args!("{name} is not a constant")))?;
        let dimension = |&dim: &i64| usize::try_from(dim).ok();
        let dims: Option<Vec<usize>> = tensor.dims.iter().map(dimension).collect();
        dims.ok_or_else(|| self.error(format_args!("{name} has the dimensions {:?}", tensor.dims)))
    }

    /// Shape and values of a constant, as float32.
    pub(crate) fn numbers(&self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let dims = self.dimensions(name)?;
        let tensor = &self.constants[self.resolve(name)]; // `dimensions` has found it
        let raw = &tensor.raw_data;
        let values: Vec<f32> = match tensor.data_type {
            FLOAT if raw.is_empty() => tensor.float_data.clone(),
            FLOAT => raw.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            FLOAT16 if raw.is_empty() => {
                tensor.int32_data.iter().map(|&bits| half::f16::from_bits(bits as u16).to_f32()).collect()
            }
            FLOAT16 => {
                raw.as_chunks().0.iter().map(|bytes| half::f16::from_le_bytes(*bytes).to_f32()).collect()
            }
            other => return Err(self.error(format_args!("{name} is of ONNX data type {other}"))),
        };
        let expected = dims.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
        if expected != Some(values.len()) {
            return Err(
                self.error(format_args!("{name} has {} numbers for dimensions {dims:?}", values.len()))
            );
        }
        Ok((dims, values))
    }

    /// As [`Self::numbers`], and frees the constant.
    pub(crate) fn take_numbers(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
        let numbers = self.numbers(name)?;
        let resolved = self.resolve(name).to_owned();
        self.constants
            .get_mut(&resolved)
            .map(|tensor| (std::mem::take(&mut tensor.raw_data), std::mem::take(&mut tensor.float_data)));
        Ok(numbers)
    }

    /// Takes the weights of a convolution: `out x in x height x width`, and the bias, zero if it has none.
    pub(crate) fn take_conv(&mut self, node: &NodeProto) -> Result<RawConv> {
        let (params, [out_channels, in_channels]) = self.conv_shape(node)?;
        let (_, weights) = self.take_numbers(argument(node, 1))?;
        let bias = match argument(node, 2) {
            "" => vec![0.0; out_channels],
            name => self.take_numbers(name)?.1,
        };
        if bias.len() != out_channels {
            let found = bias.len();
            return Err(
                self.error(format_args!("{} has {found} biases for {out_channels} channels", node.name))
            );
        }
        Ok(RawConv { weights, bias, out_channels, in_channels, params })
    }

    /// Parameters of a convolution, and its output and input channels.
    pub(crate) fn conv_shape(&self, node: &NodeProto) -> Result<(ConvParams, [usize; 2])> {
        let dims = self.dimensions(argument(node, 1))?;
        let &[out_channels, in_channels, height, width] = dims.as_slice() else {
            return Err(self.error(format_args!("a convolution's weights have the dimensions {dims:?}")));
        };
        let strides = integers(node, "strides", &[1, 1]);
        let pads = integers(node, "pads", &[0, 0, 0, 0]);
        let plain = integers(node, "dilations", &[1, 1]) == [1, 1] && integers(node, "group", &[1]) == [1];
        match (strides.as_slice(), pads.as_slice()) {
            (&[down, across], &[top, left, bottom, right])
                if plain && down == across && (1..=2).contains(&down) && top == bottom && left == right
                    && (0..height as i64).contains(&top) && (0..width as i64).contains(&left) =>
            {
                let (stride, pad_height, pad_width) = (down as usize, top as usize, left as usize);
                Ok((ConvParams { height, width, stride, pad_height, pad_width }, [out_channels, in_channels]))
            }
            _ => Err(self.error(format_args!(
                "a convolution has strides {strides:?}, pads {pads:?}, dilations or groups that are not supported"
            ))),
        }
    }
}

/// Checks that tensor names are unique.
fn check_names<'a>(
    network: &str,
    given: impl Iterator<Item = &'a String>,
    nodes: &'a [NodeProto],
) -> Result<()> {
    let mut taken: HashSet<&String> = given.collect();
    // An empty name means an omitted optional output.
    let mut outputs = nodes.iter().flat_map(|node| &node.output).filter(|output| !output.is_empty());
    match outputs.find(|output| !taken.insert(output)) {
        None => Ok(()),
        Some(twice) => {
            let reason = format!("two of its tensors are named {twice:?}, when names must differ");
            Err(ModelError::Structure { network: network.to_owned(), reason }.into())
        }
    }
}

/// Name of a node's input; empty if it is omitted.
pub(crate) fn argument(node: &NodeProto, index: usize) -> &str {
    node.input.get(index).map_or("", String::as_str)
}

/// A node's attribute.
pub(crate) fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == name)
}

/// Values of an integer attribute, or `default`.
pub(crate) fn integers(node: &NodeProto, name: &str, default: &[i64]) -> Vec<i64> {
    match attribute(node, name) {
        Some(found) if found.ints.is_empty() => vec![found.i],
        Some(found) => found.ints.clone(),
        None => default.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use tract_onnx::pb::{GraphProto, ValueInfoProto};

    use super::*;

    /// A network with the input `x`, the constant `a` and these nodes of one input and one output.
    fn network(nodes: &[(&str, &str, &str)]) -> Result<OnnxReader> {
        let node = |&(op, input, output): &(&str, &str, &str)| NodeProto {
            op_type: op.into(),
            input: vec![input.into()],
            output: vec![output.into()],
            ..NodeProto::default()
        };
        let constant =
            TensorProto { name: "a".into(), dims: vec![2], data_type: FLOAT, ..TensorProto::default() };
        let graph = GraphProto {
            input: vec![ValueInfoProto { name: "x".into(), ..ValueInfoProto::default() }],
            initializer: vec![TensorProto { float_data: vec![1.0, 2.0], ..constant }],
            node: nodes.iter().map(node).collect(),
            ..GraphProto::default()
        };
        let model = ModelProto { graph: Some(graph), ..ModelProto::default() };
        OnnxReader::read("the network", &model.encode_to_vec())
    }

    #[test]
    fn a_constant_is_found_by_its_aliases() {
        let graph = network(&[("Identity", "a", "b"), ("Cast", "b", "c"), ("Relu", "x", "y")]).unwrap();
        assert_eq!(graph.numbers("c").unwrap(), (vec![2], vec![1.0, 2.0]));
        assert!(!graph.is_constant("y"));
    }

    #[test]
    fn duplicate_tensor_names_are_refused() {
        // The first two would be alias cycles.
        for (nodes, twice) in [
            (vec![("Identity", "a", "a")], "a"),
            (vec![("Identity", "a", "b"), ("Identity", "b", "a")], "a"),
            (vec![("Identity", "a", "b"), ("Relu", "x", "b")], "b"),
            (vec![("Relu", "x", "x")], "x"),
        ] {
            let message = network(&nodes).unwrap_err().to_string();
            let expected = format!("two of its tensors are named {twice:?}, when names must differ");
            assert!(message.ends_with(&expected), "{message}");
        }
        assert!(
            network(&[("Relu", "x", ""), ("Relu", "x", "")]).is_ok(),
            "omitted outputs are not duplicates"
        );
    }
}
