//! Converts the ONNX graph of InceptionResnetV1 to an execution plan. Exporters write the same network in different
//! ways: batch normalisation folded or not, scales as left or right operands, several forms of the final L2 norm.
//! So the nodes are visited in order, and each convolution is fused with the scales, shifts, residual addition and
//! activation that follow it.

use std::collections::HashMap;

use tract_onnx::pb::NodeProto;

use super::super::conv::{Conv, LayerActivation, RawConv};
use super::super::kernels::{CHANNELS, ConvParams, LANES, Pool};
use super::super::onnx::{OnnxReader, argument, attribute, integers};
use super::steps::{Layer, MapId, MapSize, MapSlice, Method, Plan, Step};
use crate::error::Result;
use crate::nn::{EMBEDDING_LEN, FACENET_SIDE};

/// Numbers of convolutions, max-poolings and residual additions of InceptionResnetV1.
const LAYERS: [usize; 3] = [132, 3, 21];
/// Channels of the last feature map.
const LAST_CHANNELS: usize = 1792;
/// Operators that may follow the last linear layer: those of the L2 norm.
const NORM_OPS: [&str; 17] = [
    "ReduceL2",
    "LpNormalization",
    "ReduceSum",
    "ReduceSumSquare",
    "Pow",
    "Mul",
    "Max",
    "Clip",
    "Sqrt",
    "Reciprocal",
    "Div",
    "Expand",
    "Shape",
    "Identity",
    "Unsqueeze",
    "Add",
    "Abs",
];

/// State of the conversion from ONNX nodes to steps.
struct Planner {
    method: Method,
    graph: OnnxReader,
    /// Nodes that read each tensor.
    readers: HashMap<String, Vec<usize>>,
    /// Size of each feature map, by tensor name.
    sizes: HashMap<String, MapSize>,
    /// Where each computed tensor is stored.
    slices: HashMap<String, MapSlice>,
    done: Vec<bool>,
    maps: Vec<MapSize>,
    steps: Vec<Step>,
}

/// Scale and shift per channel.
struct Affine {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Reads the graph and packs the weights.
pub(super) fn plan(onnx: &[u8], method: Method) -> Result<Plan> {
    let graph = OnnxReader::read("FaceNet", onnx)?;
    let mut readers: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, node) in graph.nodes.iter().enumerate() {
        for input in &node.input {
            readers.entry(input.clone()).or_default().push(index);
        }
    }
    let done = vec![false; graph.nodes.len()];
    let (sizes, slices) = (HashMap::new(), HashMap::new());
    let mut planner =
        Planner { method, graph, readers, sizes, slices, done, maps: Vec::new(), steps: Vec::new() };
    planner.infer_sizes();
    let mut end = None;
    for index in 0..planner.graph.nodes.len() {
        if planner.done[index] {
            continue;
        }
        planner.done[index] = true;
        let node = planner.graph.nodes[index].clone();
        match node.op_type.as_str() {
            "Conv" => planner.conv(&node)?,
            "MaxPool" => planner.pool(&node)?,
            "Concat" => planner.concat(&node)?,
            "Identity" => planner.identity(&node),
            "AveragePool" | "GlobalAveragePool" | "ReduceMean" => {
                end = Some(planner.end(&node)?);
                break;
            }
            other => {
                return Err(planner
                    .graph
                    .error(format_args!("{other} where a convolution or pooling belongs")));
            }
        }
    }
    let Some((last, linear)) = end else {
        return Err(planner.graph.error("it ends without the mean over the last feature map"));
    };
    planner.finish(last, linear)
}

impl Planner {
    /// Shape inference: the sizes of all feature maps that follow from the input. Other nodes are reported as errors
    /// when they are converted.
    fn infer_sizes(&mut self) {
        let input = MapSize { height: FACENET_SIDE, width: FACENET_SIDE, channels: CHANNELS };
        self.sizes.insert(self.graph.input.clone(), input);
        for node in &self.graph.nodes {
            let Some(output) = node.output.first() else { continue };
            let known: Vec<MapSize> =
                node.input.iter().filter_map(|name| self.sizes.get(name).copied()).collect();
            let Some(&first) = known.first() else { continue };
            let size = match node.op_type.as_str() {
                "Conv" => self.graph.conv_shape(node).ok().map(|(params, [channels, _])| {
                    let (height, width) = params.output(first.height, first.width);
                    MapSize { height, width, channels }
                }),
                "MaxPool" => max_pool(node).map(|pool| MapSize {
                    height: pool.output(first.height),
                    width: pool.output(first.width),
                    ..first
                }),
                "Concat" if known.len() == node.input.len() => {
                    Some(MapSize { channels: known.iter().map(|map| map.channels).sum(), ..first })
                }
                "Relu" | "Mul" | "Add" | "Identity" | "BatchNormalization" => Some(first),
                _ => None,
            };
            if let Some(size) = size {
                self.sizes.insert(output.clone(), size);
            }
        }
    }

    fn size(&self, name: &str) -> Result<MapSize> {
        let size = self.sizes.get(name).copied();
        size.ok_or_else(|| self.graph.error(format_args!("the size of {name} is not known")))
    }

    /// The node that reads `name`, if there is exactly one.
    fn only_reader(&self, name: &str) -> Option<(usize, NodeProto)> {
        match self.readers.get(name).map(Vec::as_slice) {
            Some(&[index]) => Some((index, self.graph.nodes[index].clone())),
            _ => None,
        }
    }

    /// The other operand of a binary node.
    fn other<'a>(node: &'a NodeProto, name: &str) -> &'a str {
        if argument(node, 0) == name { argument(node, 1) } else { argument(node, 0) }
    }

    /// The map of `name`, which must be a whole map.
    fn whole(&self, name: &str) -> Result<MapId> {
        match self.slices.get(name) {
            Some(&MapSlice { map, channel: 0 }) if self.maps[map] == self.size(name)? => Ok(map),
            _ => Err(self.graph.error(format_args!("{name} is not a whole feature map"))),
        }
    }

    /// Allocates `name`: a slice of the output map if its only reader is a concatenation, else a map of its own.
    fn place(&mut self, name: &str) -> Result<MapSlice> {
        let mut place = (name.to_owned(), 0);
        if let Some((_, node)) = self.only_reader(name).filter(|(_, node)| node.op_type == "Concat") {
            let before: Result<Vec<MapSize>> =
                node.input.iter().take_while(|input| *input != name).map(|input| self.size(input)).collect();
            let channel = before?.iter().map(|size| size.channels).sum();
            place = (argument_out(&node).to_owned(), channel);
        }
        let (whole, channel) = place;
        let size = self.size(&whole)?;
        let part = self.size(name)?;
        if !is_whole(part.channels)
            || !is_whole(size.channels)
            || (part.height, part.width) != (size.height, size.width)
        {
            return Err(self.graph.error(format_args!("{name} is {part:?}, a part of {size:?}")));
        }
        let map = if let Some(slice) = self.slices.get(&whole) {
            slice.map
        } else {
            self.maps.push(size);
            self.slices.insert(whole.clone(), MapSlice { map: self.maps.len() - 1, channel: 0 });
            self.maps.len() - 1
        };
        let slice = MapSlice { map, channel };
        self.slices.insert(name.to_owned(), slice);
        Ok(slice)
    }

    /// Converts a convolution, fused with the scales, shifts, residual addition and ReLU that follow it.
    fn conv(&mut self, node: &NodeProto) -> Result<()> {
        let mut raw = self.graph.take_conv(node)?;
        let input = argument(node, 0);
        let from = self.size(input)?;
        if from.channels != raw.in_channels {
            return Err(self.graph.error(format_args!("{} channels go into {:?}", from.channels, node.name)));
        }
        let (mut name, mut residual, mut activation) =
            (argument_out(node).to_owned(), None, LayerActivation::None);
        while let Some((index, next)) = self.only_reader(&name) {
            match next.op_type.as_str() {
                "Relu" => activation = LayerActivation::Relu,
                "Add" if residual.is_none() && self.slices.contains_key(Self::other(&next, &name)) => {
                    residual = Some(self.whole(Self::other(&next, &name))?);
                }
                "Mul" | "Add" | "BatchNormalization" if residual.is_none() => {
                    match self.affine(&next, &name, raw.out_channels)? {
                        Some(affine) => scale_conv(&mut raw, &affine),
                        None => break,
                    }
                }
                "Identity" => {}
                _ => break,
            }
            self.done[index] = true;
            argument_out(&next).clone_into(&mut name);
            if activation == LayerActivation::Relu {
                break;
            }
        }
        let to = self.place(&name)?;
        if residual.is_some_and(|map| self.maps[map] != self.maps[to.map] || to.channel != 0) {
            return Err(self.graph.error(format_args!("{name} is added to a map of another size")));
        }
        let params = raw.params;
        let step = if input == self.graph.input {
            let expected = ConvParams { height: 3, width: 3, stride: 2, pad_height: 0, pad_width: 0 };
            if params != expected || residual.is_some() {
                return Err(self
                    .graph
                    .error(format_args!("its first layer is {params:?}; expected {expected:?}")));
            }
            Step::Stem { conv: Conv::new(&raw, activation), to }
        } else {
            let conv = Layer::new(self.method, &raw, activation, residual.is_some());
            Step::Conv { conv, from: self.whole(input)?, to, residual }
        };
        self.steps.push(step);
        Ok(())
    }

    /// The scale and shift of a node that applies constants per channel; `None` for any other node.
    fn affine(&self, node: &NodeProto, name: &str, channels: usize) -> Result<Option<Affine>> {
        let spread = |values: Vec<f32>| match values.len() {
            1 => Ok(vec![values[0]; channels]),
            len if len == channels => Ok(values),
            len => Err(self.graph.error(format_args!("{len} numbers scale {channels} channels"))),
        };
        let (zeros, ones) = (vec![0.0; channels], vec![1.0; channels]);
        if node.op_type == "BatchNormalization" {
            let numbers = |index: usize| spread(self.graph.numbers(argument(node, index))?.1);
            let (gamma, beta, mean, variance) = (numbers(1)?, numbers(2)?, numbers(3)?, numbers(4)?);
            let epsilon = attribute(node, "epsilon").map_or(1e-5, |attribute| attribute.f);
            let scale: Vec<f32> =
                gamma.iter().zip(&variance).map(|(g, v)| g / (v + epsilon).sqrt()).collect();
            let shift = beta.iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
            return Ok(Some(Affine { scale, shift }));
        }
        let other = Self::other(node, name);
        if !self.graph.is_constant(other) {
            return Ok(None);
        }
        let values = spread(self.graph.numbers(other)?.1)?;
        Ok(Some(match node.op_type.as_str() {
            "Mul" => Affine { scale: values, shift: zeros },
            _ => Affine { scale: ones, shift: values },
        }))
    }

    fn pool(&mut self, node: &NodeProto) -> Result<()> {
        let Some(pool) = max_pool(node) else {
            return Err(self.graph.error("a max-pooling has another params than 3x3 with stride 2"));
        };
        let from = self.whole(argument(node, 0))?;
        let to = self.place(argument_out(node))?;
        self.steps.push(Step::Pool { pool, from, to });
        Ok(())
    }

    /// Checks a concatenation. Its inputs have been written to slices of its map.
    fn concat(&mut self, node: &NodeProto) -> Result<()> {
        let slice = self.slices.get(argument_out(node)).copied();
        let along_channels = integers(node, "axis", &[0]) == [1];
        let written = node.input.iter().all(|input| {
            slice.is_some_and(|slice| self.slices.get(input).is_some_and(|part| part.map == slice.map))
        });
        if slice.is_some() && along_channels && written {
            return Ok(());
        }
        Err(self.graph.error(format_args!("{} is no concatenation of branches", argument_out(node))))
    }

    fn identity(&mut self, node: &NodeProto) {
        if let Some(&slice) = self.slices.get(argument(node, 0)) {
            self.slices.insert(argument_out(node).to_owned(), slice);
        }
    }

    /// Converts the head: global average pooling, flatten, linear layer, batch normalisation, L2 norm.
    fn end(&mut self, mean: &NodeProto) -> Result<(MapId, Conv)> {
        let last = self.whole(argument(mean, 0))?;
        let size = self.maps[last];
        let params = integers(mean, "kernel_shape", &[size.height as i64, size.width as i64]);
        if size.channels != LAST_CHANNELS || params != [size.height as i64, size.width as i64] {
            return Err(self.graph.error(format_args!(
                "its last map is {size:?} and the mean goes over {params:?}; expected {LAST_CHANNELS} channels and the whole map"
            )));
        }
        let mut name = argument_out(mean).to_owned();
        let linear = loop {
            let (index, node) = self.data_reader(&name)?;
            self.done[index] = true;
            argument_out(&node).clone_into(&mut name);
            match node.op_type.as_str() {
                "Flatten" | "Reshape" | "Squeeze" | "Identity" => {}
                "MatMul" | "Gemm" => break node,
                other => {
                    return Err(self.graph.error(format_args!("{other} where the linear layer belongs")));
                }
            }
        };
        let mut raw = self.linear(&linear)?;
        while let Some((index, node)) = self.only_reader(&name) {
            match node.op_type.as_str() {
                "Identity" => {}
                "BatchNormalization" | "Mul" | "Add" => match self.affine(&node, &name, EMBEDDING_LEN)? {
                    Some(affine) => scale_conv(&mut raw, &affine),
                    None => break,
                },
                _ => break,
            }
            self.done[index] = true;
            argument_out(&node).clone_into(&mut name);
        }
        let rest: Vec<&str> = self
            .graph
            .nodes
            .iter()
            .zip(&self.done)
            .filter(|(_, done)| !**done)
            .map(|(node, _)| node.op_type.as_str())
            .filter(|op| !matches!(*op, "Shape" | "Gather" | "Unsqueeze" | "Concat" | "Slice"))
            .collect();
        let is_norm = |op: &&str| NORM_OPS[..4].contains(op);
        if !rest.iter().any(is_norm) || rest.iter().any(|op| !NORM_OPS.contains(op)) {
            return Err(self
                .graph
                .error(format_args!("it is expected to end with the L2 norm, found {rest:?}")));
        }
        Ok((last, Conv::new(&raw, LayerActivation::None)))
    }

    /// The node that reads the values of `name`, not only its shape.
    fn data_reader(&self, name: &str) -> Result<(usize, NodeProto)> {
        let readers = self.readers.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut readers = readers.iter().filter(|&&index| self.graph.nodes[index].op_type != "Shape");
        match (readers.next(), readers.next()) {
            (Some(&index), None) => Ok((index, self.graph.nodes[index].clone())),
            _ => Err(self.graph.error(format_args!("{name} is expected to have one reader"))),
        }
    }

    /// The last linear layer, as a 1x1 convolution.
    fn linear(&mut self, node: &NodeProto) -> Result<RawConv> {
        let (dims, values) = self.graph.take_numbers(argument(node, 1))?;
        let transposed = node.op_type == "Gemm" && integers(node, "transB", &[0]) == [1];
        let expected =
            if transposed { [EMBEDDING_LEN, LAST_CHANNELS] } else { [LAST_CHANNELS, EMBEDDING_LEN] };
        if dims != expected {
            return Err(self
                .graph
                .error(format_args!("its linear layer is {dims:?}; expected {expected:?}")));
        }
        let weights = if transposed {
            values
        } else {
            let output = |o: usize| (0..LAST_CHANNELS).map(move |i| (o, i));
            (0..EMBEDDING_LEN).flat_map(output).map(|(o, i)| values[i * EMBEDDING_LEN + o]).collect()
        };
        let bias = match argument(node, 2) {
            "" => vec![0.0; EMBEDDING_LEN],
            name => self.graph.numbers(name)?.1,
        };
        if bias.len() != EMBEDDING_LEN {
            return Err(self.graph.error(format_args!("its linear layer has {} biases", bias.len())));
        }
        let params = ConvParams { height: 1, width: 1, stride: 1, pad_height: 0, pad_width: 0 };
        Ok(RawConv { weights, bias, out_channels: EMBEDDING_LEN, in_channels: LAST_CHANNELS, params })
    }

    fn finish(self, last: MapId, linear: Conv) -> Result<Plan> {
        let count = |is: fn(&Step) -> bool| self.steps.iter().filter(|step| is(step)).count();
        let found = [
            count(|step| !matches!(step, Step::Pool { .. })),
            count(|step| matches!(step, Step::Pool { .. })),
            count(|step| matches!(step, Step::Conv { residual: Some(_), .. })),
        ];
        if found != LAYERS {
            return Err(self.graph.error(format_args!(
                "it has {found:?} convolutions, max-poolings and residual additions; InceptionResnetV1 has {LAYERS:?}"
            )));
        }
        Ok(Plan { maps: self.maps, steps: self.steps, last, linear })
    }
}

/// Name of a node's output.
fn argument_out(node: &NodeProto) -> &str {
    node.output.first().map_or("", String::as_str)
}

/// InceptionResnetV1's max-pooling: 3x3 with stride 2, no padding. On its maps (77, 17 and 8 pixels wide)
/// the ceil mode makes no difference but for 8, where the file says which it is.
fn max_pool(node: &NodeProto) -> Option<Pool> {
    let is_plain = integers(node, "kernel_shape", &[]) == [3, 3]
        && integers(node, "strides", &[]) == [2, 2]
        && integers(node, "pads", &[0]).iter().all(|&pad| pad == 0)
        && integers(node, "dilations", &[1]).iter().all(|&dilation| dilation == 1);
    is_plain.then(|| Pool { size: 3, stride: 2, ceil: integers(node, "ceil_mode", &[0]) == [1] })
}

/// Folds a scale and a shift of the output channels into a convolution.
fn scale_conv(raw: &mut RawConv, affine: &Affine) {
    let per_channel = raw.weights.len() / raw.out_channels;
    for (weights, scale) in raw.weights.chunks_exact_mut(per_channel).zip(&affine.scale) {
        for weight in weights {
            *weight *= scale;
        }
    }
    for ((bias, scale), shift) in raw.bias.iter_mut().zip(&affine.scale).zip(&affine.shift) {
        *bias = *bias * scale + shift;
    }
}

/// Whether a number of channels fills whole vectors, as all maps must.
fn is_whole(channels: usize) -> bool {
    channels > 0 && channels.is_multiple_of(LANES)
}
